//! The public half of a signing key, as other services read it.

use crate::Timestamp;

/// One entry of the key set (RFC 7517), as it is stored and published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Key id: the RFC 7638 thumbprint.
    pub kid: String,
    /// The JWK as JSON, `kid`, `alg` and `use` included.
    pub jwk: String,
    /// The one algorithm this key may be used with, e.g. `ES256`.
    pub algorithm: String,
    /// From when it signs. A token that it signed earlier is refused.
    pub not_before: Timestamp,
    /// When its last token has died; `None` while it signs.
    pub retire_at: Option<Timestamp>,
}
