//! `Idempotency-Key`: the same request under the same key has one effect and one answer.
//!
//! There is no lock. The use case hands its command a [`Receipt`] for the answer that it is about to
//! give, and both are committed, or neither is. Of two requests at once one is refused there, and gives
//! the other's answer.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use cloud::{Cloud, FromSecret, Random, SettingError, chain};
use domain::{Allowance, PepperSeeds, Receipt, ReceiptId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use store::{Identities, Limit, NotReserved};
use tokens::{ReceiptKey, ReceiptKeys};
use tracing::{error, warn};

use crate::{Answer, Head, Problem, ProblemType, answer::Reply, input::Parts};

/// Shorter ones could be guessed.
const MIN_KEY: usize = 16;
const MAX_KEY: usize = 255;
/// As many as are free at most where passwords are guessed.
const FREE_COMPARISONS: u32 = 15;

type Failed = Box<dyn std::error::Error + Send + Sync>;
type Pending<T> = Pin<Box<dyn Future<Output = Result<T, Failed>> + Send>>;

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
pub struct Receipts {
    identities: Identities,
    keys: Box<dyn Fn() -> Pending<Arc<ReceiptKeys>> + Send + Sync>,
    /// Whether comparisons are limited.
    is_limited: bool,
    random: Random,
}

/// A request with a key: where its answer is kept, and what seals it.
pub(crate) struct Keyed {
    key: ReceiptKey,
    expires_at: Timestamp,
    random: Random,
    is_receipted: AtomicBool,
}

impl Receipts {
    /// The answers in `identities`, of a function that has no secret.
    #[must_use]
    pub fn new(cloud: &Cloud, identities: &Identities) -> Self {
        let keys = Arc::new(ReceiptKeys::unpeppered());
        Self {
            identities: identities.clone(),
            keys: Box::new(move || {
                let keys = Arc::clone(&keys);
                Box::pin(async move { Ok(keys) })
            }),
            is_limited: false,
            random: cloud.random(),
        }
    }

    /// The same, sealed with the keys secret: for a function that has it, since its answers hold tokens.
    ///
    /// # Errors
    /// If the setting `KEYS_SECRET` is missing.
    pub fn sealed_by_keys(self, cloud: &Cloud) -> Result<Self, SettingError> {
        Ok(self.sealed_by(FromSecret::keys(cloud, |seeds| Some(ReceiptKeys::peppered(seeds.all())))?))
    }

    /// The same, sealed with the credentials secret: for a function that has no other. No password or address
    /// that a request holds can be guessed from its receipt.
    ///
    /// # Errors
    /// If the setting `CREDENTIALS_SECRET` is missing.
    pub fn sealed_by_credentials(self, cloud: &Cloud) -> Result<Self, SettingError> {
        let derive = |seeds: &PepperSeeds| Some(ReceiptKeys::peppered(seeds.of_receipts()));
        Ok(self.sealed_by(FromSecret::credentials(cloud, derive)?))
    }

    fn sealed_by(self, keys: FromSecret<ReceiptKeys>) -> Self {
        // An environment may never see an idempotency key: the secret is fetched with the first one.
        let keys = Arc::new(keys);
        let keys = move || -> Pending<Arc<ReceiptKeys>> {
            let keys = Arc::clone(&keys);
            Box::pin(async move { Ok(keys.get().await?) })
        };
        Self { keys: Box::new(keys), ..self }
    }

    /// The same, with a limit of comparisons: for every function whose requests hold a password. Without it, a known key
    /// would let the password be guessed.
    #[must_use]
    pub fn limited(self) -> Self {
        Self { is_limited: true, ..self }
    }

    /// What a request's key stands for; `None` if it has none.
    pub(crate) async fn keyed(
        &self,
        head: &Head,
        user: Option<UserId>,
        parts: &Parts,
        now: Timestamp,
    ) -> Result<Option<Keyed>, Problem> {
        let Some(key) = &head.idempotency_key else { return Ok(None) };
        if !is_key(key) {
            return Err(Problem::of(ProblemType::InvalidIdempotencyKey));
        }
        let keys = (self.keys)().await.map_err(|error| unavailable(head, &*error))?;
        // One caller's key says nothing of another's.
        let caller = user.map(|user| user.to_string()).unwrap_or_default();
        let scope = [key.as_bytes(), head.method.as_bytes(), head.path.as_bytes(), caller.as_bytes()];
        let if_match = head.if_match.as_deref().unwrap_or_default().as_bytes();
        let key = keys.of(&scope, &[parts.query().as_bytes(), if_match, parts.body()]);
        let expires_at = now.plus(Receipt::LIFETIME);
        Ok(Some(Keyed { key, expires_at, random: self.random.clone(), is_receipted: AtomicBool::new(false) }))
    }

    /// Returns the answer that the request was given before, if it was.
    pub(crate) async fn given(
        &self,
        keyed: &Keyed,
        head: &Head,
        now: Timestamp,
    ) -> Result<Option<Kept>, Problem> {
        let receipt = self.identities.receipt(keyed.key.id()).await;
        let receipt = receipt.map_err(|failure| unavailable(head, &failure))?;
        let Some(receipt) = receipt.filter(|receipt| receipt.is_good_at(now)) else { return Ok(None) };
        // Before the comparison, so that concurrent requests are not more guesses.
        self.reserve_comparison(head, receipt.id, now).await?;
        let answer = keyed.key.open(&receipt.sealed).ok_or(Problem::of(ProblemType::IdempotencyMismatch))?;
        self.give_comparison_back(receipt.id).await;
        serde_json::from_slice(&answer).map(Some).map_err(|_| Problem::of(ProblemType::InternalError))
    }

    async fn reserve_comparison(&self, head: &Head, id: ReceiptId, now: Timestamp) -> Result<(), Problem> {
        if !self.is_limited {
            return Ok(());
        }
        self.identities.reserve(&[comparisons(id)], now).await.map_err(|refused| match refused {
            NotReserved::TooMany(seconds) => Problem::rate_limited(seconds),
            NotReserved::Failed(failure) => unavailable(head, &failure),
        })
    }

    /// The request was the same, so the comparison was no guess. If this fails, fewer are left.
    async fn give_comparison_back(&self, id: ReceiptId) {
        if !self.is_limited {
            return;
        }
        if let Err(failure) = self.identities.forgive(&[comparisons(id)]).await {
            warn!(cause = chain(&failure), "failed to give an attempt back");
        }
    }
}

/// The limit of the comparisons with one request.
fn comparisons(id: ReceiptId) -> Limit {
    Limit::of_receipt("idempotency", id, Allowance::of_guesses(FREE_COMPARISONS))
}

impl Replay {
    /// Answers kept by earlier releases do not say whether the request ended the session.
    const fn of_earlier_releases() -> Self {
        Self::Admitted
    }
}

impl Keyed {
    pub(crate) fn receipt(&self, answer: &impl Answer, replay: Replay) -> Receipt {
        self.is_receipted.store(true, Relaxed);
        let kept = Kept { reply: answer.reply(), replay };
        // Fails only for a map key that is no string: a reply has none.
        let answer = zeroize::Zeroizing::new(serde_json::to_vec(&kept).unwrap_or_default());
        let sealed = self.key.seal(self.random.bytes(), &answer);
        Receipt { id: self.key.id(), sealed, expires_at: self.expires_at }
    }

    /// Whether anybody has asked for a receipt.
    pub(crate) fn is_receipted(&self) -> bool {
        self.is_receipted.load(Relaxed)
    }
}

fn unavailable(head: &Head, error: &(dyn std::error::Error + 'static)) -> Problem {
    error!(correlation_id = head.trace.correlation_id, cause = chain(error), "no receipt was read");
    Problem::unavailable()
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
