//! `Idempotency-Key`: the same request under the same key has one effect and one answer.
//!
//! There is no lock. The use case hands its command a [`Receipt`] for the answer that it is about to
//! give, and both are committed, or neither is. Of two requests at once one is refused there, and gives
//! the other's answer.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use cloud::{Cloud, FromSecret, SecretUnavailable, SettingError, chain};
use domain::{PepperSeeds, RateLimit, Receipt, ReceiptId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use store::{Identities, Limit, NotReserved};
use tokens::{ReceiptKey, ReceiptKeys};
use tracing::warn;

use crate::{Answer, Error, Head, Problem, ProblemType, answer::Reply, input::Parts};

/// Shorter ones could be guessed.
const MIN_KEY: usize = 16;
const MAX_KEY: usize = 255;
/// As many as are free at most where passwords are guessed.
const FREE_COMPARISONS: u32 = 15;

/// To whom a kept answer is given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Replay {
    /// To a caller who would be admitted now.
    Admitted,
    /// To every sender of the same request, since the request itself ended the caller's session or right.
    Always,
}

/// An answer that is kept.
#[derive(Deserialize, Serialize)]
pub(crate) struct Kept {
    #[serde(flatten)]
    pub(crate) reply: Reply,
    #[serde(default = "Replay::of_earlier_releases")]
    pub(crate) replay: Replay,
}

/// The answers that were given to requests with a key.
pub(crate) struct Receipts {
    identities: Identities,
    keys: SealingKeys,
    /// Whether comparisons are limited. Otherwise a known key would let a password in the request be guessed.
    is_limited: bool,
}

/// The keys that seal kept answers.
enum SealingKeys {
    /// Derived from a secret, which is fetched with the first idempotency key: an environment may never see one.
    Secret(FromSecret<ReceiptKeys>),
    /// The keys of a function without a secret.
    Unpeppered(Arc<ReceiptKeys>),
}

/// A request with a key: where its answer is kept, and what seals it.
pub(crate) struct Keyed {
    key: ReceiptKey,
    expires_at: Timestamp,
    is_receipted: AtomicBool,
}

impl Receipts {
    /// Keeps answers in `identities`. They are sealed with the secret that the function has. With `is_limited`,
    /// comparisons are limited.
    ///
    /// # Errors
    /// If a setting is missing.
    pub(crate) fn new(cloud: &Cloud, identities: Identities, is_limited: bool) -> Result<Self, SettingError> {
        Ok(Self { identities, keys: SealingKeys::new(cloud)?, is_limited })
    }

    /// What a request's key stands for; `None` if it has none.
    pub(crate) async fn keyed(
        &self,
        head: &Head,
        user: Option<UserId>,
        parts: &Parts,
    ) -> Result<Option<Keyed>, Error> {
        let Some(key) = &head.idempotency_key else { return Ok(None) };
        if !is_key(key) {
            return Err(ProblemType::InvalidIdempotencyKey.into());
        }
        let keys = self.keys.get().await?;
        // One caller's key says nothing of another's.
        let caller = user.map(|user| user.to_string()).unwrap_or_default();
        let scope = [key.as_bytes(), head.method.as_bytes(), head.path.as_bytes(), caller.as_bytes()];
        let if_match = head.if_match.as_deref().unwrap_or_default().as_bytes();
        let key = keys.of(&scope, &[parts.query().as_bytes(), if_match, parts.body()]);
        let expires_at = head.now.plus(Receipt::LIFETIME);
        Ok(Some(Keyed { key, expires_at, is_receipted: AtomicBool::new(false) }))
    }

    /// Returns the answer that the request was given before, if it was.
    pub(crate) async fn given(&self, keyed: &Keyed, now: Timestamp) -> Result<Option<Kept>, Error> {
        let receipt = self.identities.receipt(keyed.key.id()).await.map_err(Error::unavailable)?;
        let Some(receipt) = receipt.filter(|receipt| receipt.is_good_at(now)) else { return Ok(None) };
        // Before the comparison, so that concurrent requests are not more guesses.
        self.reserve_comparison(receipt.id, now).await?;
        let answer = keyed.key.open(&receipt.sealed).ok_or(ProblemType::IdempotencyMismatch)?;
        self.give_comparison_back(receipt.id).await;
        serde_json::from_slice(&answer).map(Some).map_err(|_| ProblemType::InternalError.into())
    }

    async fn reserve_comparison(&self, id: ReceiptId, now: Timestamp) -> Result<(), Error> {
        if !self.is_limited {
            return Ok(());
        }
        self.identities.reserve(&[comparisons(id)], now).await.map_err(|refused| match refused {
            NotReserved::TooMany(seconds) => Problem::rate_limited(seconds).into(),
            NotReserved::Failed(failure) => Error::unavailable(failure),
        })
    }

    /// The request was the same, so the comparison was no guess. If this fails, fewer are left.
    async fn give_comparison_back(&self, id: ReceiptId) {
        if !self.is_limited {
            return;
        }
        if let Err(failure) = self.identities.refund(&[comparisons(id)]).await {
            warn!(cause = chain(&failure), "failed to give an attempt back");
        }
    }
}

impl SealingKeys {
    /// Takes the keys secret, where answers hold tokens that end with the keys, otherwise the credentials secret. No
    /// password or address in a request can be guessed from a receipt that is sealed with either.
    fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        let has = |name| cloud.settings().optional(name).is_some();
        if has("KEYS_SECRET") {
            let keys = FromSecret::keys(cloud, |seeds| Some(ReceiptKeys::peppered(seeds.all())))?;
            return Ok(Self::Secret(keys));
        }
        if has("CREDENTIALS_SECRET") {
            let derive = |seeds: &PepperSeeds| Some(ReceiptKeys::peppered(seeds.of_receipts()));
            return Ok(Self::Secret(FromSecret::credentials(cloud, derive)?));
        }
        Ok(Self::Unpeppered(Arc::new(ReceiptKeys::unpeppered())))
    }

    async fn get(&self) -> Result<Arc<ReceiptKeys>, SecretUnavailable> {
        match self {
            Self::Secret(keys) => keys.get().await,
            Self::Unpeppered(keys) => Ok(Arc::clone(keys)),
        }
    }
}

/// The limit of the comparisons with one request.
fn comparisons(id: ReceiptId) -> Limit {
    Limit::of_receipt("idempotency", id, RateLimit::of_guesses(FREE_COMPARISONS))
}

impl Replay {
    /// Answers kept by earlier releases do not say whether the request ended the session.
    const fn of_earlier_releases() -> Self {
        Self::Admitted
    }
}

impl Keyed {
    pub(crate) fn receipt(&self, answer: &impl Answer, replay: Replay, nonce: [u8; 12]) -> Receipt {
        self.is_receipted.store(true, Relaxed);
        let kept = Kept { reply: answer.reply(), replay };
        // Fails only for a map key that is no string: a reply has none.
        let answer = zeroize::Zeroizing::new(serde_json::to_vec(&kept).unwrap_or_default());
        let sealed = self.key.seal(nonce, &answer);
        Receipt { id: self.key.id(), sealed, expires_at: self.expires_at }
    }

    /// Whether anybody has asked for a receipt.
    pub(crate) fn is_receipted(&self) -> bool {
        self.is_receipted.load(Relaxed)
    }
}

fn is_key(key: &str) -> bool {
    (MIN_KEY..=MAX_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_that_can_be_random_are_taken() {
        for taken in ["0f6d1f4e-3c52-4a39-9f0c-8f3d1a5b7c2d", "\"structured-string\"", &"k".repeat(255)] {
            assert!(is_key(taken), "{taken}");
        }
        for refused in
            ["", "too-short-a-key", "has a space in its middle", "ключ-ключ-ключ", &"k".repeat(256)]
        {
            assert!(!is_key(refused), "{refused}");
        }
    }
}
