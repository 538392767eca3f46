//! Stored responses, which retries of a request get under the same idempotency key.

use std::{fmt, time::Duration};

use crate::Timestamp;

/// The id of a request: a hash of its key, its route and its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiptId([u8; 32]);

/// A stored response. It is sealed with a key that only the request reveals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The id of the request.
    pub id: ReceiptId,
    /// The sealed response.
    pub sealed: Vec<u8>,
    /// The time at which the response expires.
    pub expires_at: Timestamp,
}

impl Receipt {
    /// How long a retry gets the stored response.
    pub const LIFETIME: Duration = Duration::from_hours(24);

    /// Returns whether the stored response has not expired at `now`.
    #[must_use]
    pub fn is_good_at(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

impl ReceiptId {
    /// Creates the id from its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ReceiptId {
    /// Formats the id in hex.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
