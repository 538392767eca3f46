//! Receipts: what a request was answered, for whoever sends it again under the same key.

use std::{fmt, time::Duration};

use crate::Timestamp;

/// Which request it was: a hash of its key, its route and its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiptId([u8; 32]);

/// The answer to a request, sealed: whoever does not have the request cannot read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The request.
    pub id: ReceiptId,
    /// The answer.
    pub sealed: Vec<u8>,
    /// When the key stops standing for this request.
    pub expires_at: Timestamp,
}

impl Receipt {
    /// For how long the same request gets the same answer.
    pub const LIFETIME: Duration = Duration::from_hours(24);

    /// Whether the key still stands for this request.
    #[must_use]
    pub fn is_good_at(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

impl ReceiptId {
    /// The request of this hash.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ReceiptId {
    /// In hex.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
