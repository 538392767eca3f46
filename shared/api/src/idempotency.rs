//! `Idempotency-Key`: the same request with the same key has one effect and one response.
//!
//! No lock is taken. The use case hands its command a [`Receipt`] of its response, and both are committed or
//! neither. One of two concurrent requests is refused there, and returns the response of the other.

use std::sync::Arc;

use cloud::{Cloud, FromSecret, SecretError, SettingError, chain};
use domain::{PepperSeeds, RateLimit, Receipt, ReceiptId, Timestamp, UserId};
use store::{Identities, Limit, RateLimitError};
use tokens::ReceiptKeys;
use tracing::warn;

use crate::{
    Error, Head, Problem, ProblemType,
    input::Parts,
    stored_response::{IdempotencyKey, StoredResponse},
};

/// Shorter keys could be guessed.
const MIN_KEY: usize = 16;
const MAX_KEY: usize = 255;
/// The highest number of free guesses at passwords.
const FREE_COMPARISONS: u32 = 15;

/// The stored responses to requests with an idempotency key.
pub(crate) struct IdempotencyStore {
    identities: Identities,
    keys: SealingKeys,
    /// Whether comparisons are limited. Without a limit, an attacker who knows a key could guess a password
    /// in the request.
    is_limited: bool,
}

/// The keys that seal stored responses.
enum SealingKeys {
    /// Keys from a secret, which is read with the first idempotency key: many environments never need it.
    Secret(FromSecret<ReceiptKeys>),
    /// The keys of a function without a secret.
    Unpeppered(Arc<ReceiptKeys>),
}

impl IdempotencyStore {
    /// Stores responses in `identities`, sealed with the function's secret. `is_limited` limits comparisons.
    ///
    /// # Errors
    /// If a setting is missing.
    pub(crate) fn new(cloud: &Cloud, identities: Identities, is_limited: bool) -> Result<Self, SettingError> {
        Ok(Self { identities, keys: SealingKeys::new(cloud)?, is_limited })
    }

    /// Returns the key of a request; `None` if it has none.
    pub(crate) async fn keyed(
        &self,
        head: &Head,
        user: Option<UserId>,
        parts: &Parts,
    ) -> Result<Option<IdempotencyKey>, Error> {
        let Some(key) = &head.idempotency_key else { return Ok(None) };
        if !is_key(key) {
            return Err(ProblemType::InvalidIdempotencyKey.into());
        }
        let keys = self.keys.get().await?;
        // Each caller has separate keys.
        let caller = user.map(|user| user.to_string()).unwrap_or_default();
        let scope = [key.as_bytes(), head.method.as_bytes(), head.path.as_bytes(), caller.as_bytes()];
        let if_match = head.if_match.as_deref().unwrap_or_default().as_bytes();
        let key = keys.of(&scope, &[parts.query().as_bytes(), if_match, parts.body()]);
        let expires_at = head.now.plus(Receipt::LIFETIME);
        Ok(Some(IdempotencyKey::new(key, expires_at)))
    }

    /// Returns the stored response to the request, if there is one.
    pub(crate) async fn given(
        &self,
        keyed: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Option<StoredResponse>, Error> {
        let receipt = self.identities.receipt(keyed.id()).await.map_err(Error::unavailable)?;
        let Some(receipt) = receipt.filter(|receipt| receipt.is_good_at(now)) else { return Ok(None) };
        // Before the comparison, so that concurrent requests cannot make further guesses.
        self.reserve_comparison(receipt.id, now).await?;
        let answer = keyed.open(&receipt.sealed).ok_or(ProblemType::IdempotencyMismatch)?;
        self.give_comparison_back(receipt.id).await;
        serde_json::from_slice(&answer).map(Some).map_err(|_| ProblemType::InternalError.into())
    }

    async fn reserve_comparison(&self, id: ReceiptId, now: Timestamp) -> Result<(), Error> {
        if !self.is_limited {
            return Ok(());
        }
        self.identities.reserve(&[comparisons(id)], now).await.map_err(|refused| match refused {
            RateLimitError::TooMany(seconds) => Problem::rate_limited(seconds).into(),
            RateLimitError::Failed(failure) => Error::unavailable(failure),
        })
    }

    /// Refunds a comparison with the same request, which was not a guess. If this fails, fewer remain.
    async fn give_comparison_back(&self, id: ReceiptId) {
        if !self.is_limited {
            return;
        }
        if let Err(failure) = self.identities.refund(&[comparisons(id)]).await {
            warn!(cause = chain(&failure), "failed to refund an attempt");
        }
    }
}

impl SealingKeys {
    /// Chooses the keys secret for responses with tokens, which end with the keys, and the credentials secret
    /// otherwise. A stored response sealed with either reveals no password or address of the request by
    /// guessing.
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

    async fn get(&self) -> Result<Arc<ReceiptKeys>, SecretError> {
        match self {
            Self::Secret(keys) => keys.get().await,
            Self::Unpeppered(keys) => Ok(Arc::clone(keys)),
        }
    }
}

/// Returns the limit of the comparisons with one request.
fn comparisons(id: ReceiptId) -> Limit {
    Limit::of_receipt("idempotency", id, RateLimit::of_guesses(FREE_COMPARISONS))
}

fn is_key(key: &str) -> bool {
    (MIN_KEY..=MAX_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_that_can_be_random_are_accepted() {
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
