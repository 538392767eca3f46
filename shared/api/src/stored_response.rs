//! The response that is stored under an idempotency key.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use domain::{Receipt, ReceiptId, Timestamp};
use serde::{Deserialize, Serialize};
use tokens::ReceiptKey;
use zeroize::Zeroizing;

use crate::{Answer, answer::Reply};

/// The condition for returning a stored response again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Replay {
    /// The caller must be admitted now.
    Admitted,
    /// Every sender of the same request gets it, since the request itself ended the caller's session or
    /// permission.
    Always,
}

/// A stored response.
#[derive(Deserialize, Serialize)]
pub(crate) struct StoredResponse {
    #[serde(flatten)]
    pub(crate) reply: Reply,
    #[serde(default = "Replay::of_earlier_releases")]
    pub(crate) replay: Replay,
}

/// A request with an idempotency key: the id of its stored response, and the key that seals it.
pub(crate) struct IdempotencyKey {
    key: ReceiptKey,
    expires_at: Timestamp,
    is_receipted: AtomicBool,
}

impl Replay {
    /// Returns the condition for responses stored by earlier releases, which do not have one.
    const fn of_earlier_releases() -> Self {
        Self::Admitted
    }
}

impl IdempotencyKey {
    pub(crate) const fn new(key: ReceiptKey, expires_at: Timestamp) -> Self {
        Self { key, expires_at, is_receipted: AtomicBool::new(false) }
    }

    /// Returns the id of the stored response.
    pub(crate) fn id(&self) -> ReceiptId {
        self.key.id()
    }

    /// Opens a sealed response; `None` if it belongs to another request.
    pub(crate) fn open(&self, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.key.open(sealed)
    }

    pub(crate) fn receipt(&self, answer: &impl Answer, replay: Replay, nonce: [u8; 12]) -> Receipt {
        self.is_receipted.store(true, Relaxed);
        let kept = StoredResponse { reply: answer.reply(), replay };
        // Serialization fails only for map keys that are not strings. Responses have none.
        let answer = Zeroizing::new(serde_json::to_vec(&kept).unwrap_or_default());
        let sealed = self.key.seal(nonce, &answer);
        Receipt { id: self.key.id(), sealed, expires_at: self.expires_at }
    }

    /// Returns whether the response was prepared for storing.
    pub(crate) fn is_receipted(&self) -> bool {
        self.is_receipted.load(Relaxed)
    }
}
