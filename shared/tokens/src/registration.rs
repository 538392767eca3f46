//! Registration tokens, with which the client that registered adopts its registration.

use aws_lc_rs::digest::{SHA256, digest};
use domain::{RegistrationTokenHash, Secret};
use zeroize::Zeroizing;

use crate::{InvalidToken, base64url, from_base64url};

const PREFIX: &str = "gps_";
const RANDOM: usize = 32;

/// A token of `gps_` and the base64url of 256 random bits. It does not contain the id of the registration,
/// which the client must not learn.
pub struct RegistrationToken(Secret);

impl RegistrationToken {
    /// Creates a token from random bytes.
    #[must_use]
    pub fn new(random: [u8; RANDOM]) -> Self {
        let random = Zeroizing::new(random);
        let encoded = Zeroizing::new(base64url(*random));
        Self(Secret::from(format!("{PREFIX}{}", *encoded)))
    }

    /// Parses a token. Only the stored hash can tell whether it was ever issued.
    ///
    /// # Errors
    /// [`InvalidToken`] if it is not a registration token.
    pub fn parse(text: &Secret) -> Result<Self, InvalidToken> {
        let encoded = text.expose().strip_prefix(PREFIX).ok_or(InvalidToken)?;
        let random = Zeroizing::new(from_base64url(encoded).ok_or(InvalidToken)?);
        if random.len() == RANDOM { Ok(Self(text.clone())) } else { Err(InvalidToken) }
    }

    /// Returns the hash to store, which is the SHA-256 of the text.
    #[must_use]
    pub fn hash(&self) -> RegistrationTokenHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, self.0.expose().as_bytes()).as_ref());
        RegistrationTokenHash::from_bytes(hash)
    }

    /// Returns the token, which belongs only to the client.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        &self.0
    }
}
