//! The algorithms that sign access tokens.

use std::str::FromStr;

use thiserror::Error;

/// A signature algorithm of RFC 7518 or RFC 8037. All are asymmetric, so verifiers cannot sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SigningAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    #[default]
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
}

/// The algorithm is unknown.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("unknown algorithm")]
pub struct InvalidSigningAlgorithm;

impl SigningAlgorithm {
    /// All algorithms.
    pub const ALL: [Self; 6] = [Self::Es256, Self::Es384, Self::EdDsa, Self::Rs256, Self::Rs384, Self::Rs512];

    /// Returns the name, as in the `alg` of tokens and keys.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
        }
    }

    /// Returns whether the algorithm is RSA. Its keys are generated and stored, because they cannot be
    /// derived from a seed.
    #[must_use]
    pub const fn is_rsa(self) -> bool {
        matches!(self, Self::Rs256 | Self::Rs384 | Self::Rs512)
    }
}

impl FromStr for SigningAlgorithm {
    type Err = InvalidSigningAlgorithm;

    fn from_str(name: &str) -> Result<Self, InvalidSigningAlgorithm> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name).ok_or(InvalidSigningAlgorithm)
    }
}
