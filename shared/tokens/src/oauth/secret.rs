//! Secrets of confidential clients.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use domain::{Secret, oauth::SecretHash};
use zeroize::Zeroizing;

use super::sha256;
use crate::base64url;

const PREFIX: &str = "gpk_";
const RANDOM: usize = 32;

/// `gpk_` and base64url of 256 random bits. It is shown once, and its hash is stored.
pub struct NewClientSecret(Secret);

impl NewClientSecret {
    /// Makes a secret of random bytes.
    #[must_use]
    pub fn new(random: [u8; RANDOM]) -> Self {
        let random = Zeroizing::new(random);
        let encoded = Zeroizing::new(base64url(*random));
        Self(Secret::from(format!("{PREFIX}{}", *encoded)))
    }

    /// Returns the secret itself, for the client's administrator.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        &self.0
    }

    /// Returns what is stored of it.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        hash(&self.0)
    }

    /// Returns whether `presented` is the secret of one of these hashes. The time does not depend on which.
    #[must_use]
    pub fn is_one_of<'a>(presented: &Secret, hashes: impl IntoIterator<Item = &'a SecretHash>) -> bool {
        let presented = hash(presented);
        let is_equal = |hash: &SecretHash| verify_slices_are_equal(presented.bytes(), hash.bytes()).is_ok();
        // Counted, so that every hash is compared.
        let equal = hashes.into_iter().filter(|hash| is_equal(hash)).count();
        equal > 0
    }
}

fn hash(secret: &Secret) -> SecretHash {
    SecretHash::from_bytes(sha256(secret.expose().as_bytes()))
}
