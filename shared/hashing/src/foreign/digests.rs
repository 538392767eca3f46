//! Digests, salted or keyed.

use aws_lc_rs::{digest, hmac};
use md5::{Digest, Md5};
use zeroize::Zeroizing;

/// A hash function.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// Where the salt stands beside the password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    Prefix,
    Suffix,
}

/// The digest of the password with its salt, digested again until that is `times` in all.
pub(super) fn salted(
    algorithm: Algorithm,
    position: Position,
    times: u32,
    salt: &[u8],
    password: &[u8],
) -> Vec<u8> {
    let first = match position {
        Position::Prefix => [salt, password].concat(),
        Position::Suffix => [password, salt].concat(),
    };
    let mut digest = algorithm.digest(&Zeroizing::new(first));
    for _ in 1..times {
        digest = algorithm.digest(&digest);
    }
    digest
}

/// HMAC (RFC 2104) of the password.
pub(super) fn keyed(algorithm: Algorithm, key: &[u8], password: &[u8]) -> Option<Vec<u8>> {
    let algorithm = match algorithm {
        Algorithm::Md5 => return None,
        Algorithm::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Algorithm::Sha256 => hmac::HMAC_SHA256,
        Algorithm::Sha384 => hmac::HMAC_SHA384,
        Algorithm::Sha512 => hmac::HMAC_SHA512,
    };
    Some(hmac::sign(&hmac::Key::new(algorithm, key), password).as_ref().to_vec())
}

impl Algorithm {
    pub(super) fn digest(self, data: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Md5 => return Md5::digest(data).to_vec(),
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, data).as_ref().to_vec()
    }
}
