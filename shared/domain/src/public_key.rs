//! Published signing keys.

use crate::Timestamp;

/// An entry of the key set (RFC 7517), as it is stored and published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// The key id, which is the thumbprint of RFC 7638.
    pub kid: String,
    /// The JWK as JSON, including `kid`, `alg` and `use`.
    pub jwk: String,
    /// The only algorithm of this key, e.g. `ES256`.
    pub algorithm: String,
    /// The time from which the key signs. Earlier tokens are refused.
    pub not_before: Timestamp,
    /// The time at which its last token has expired; `None` while it signs.
    pub retire_at: Option<Timestamp>,
}
