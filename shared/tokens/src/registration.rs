//! Registration tokens: what the client that registered holds, to adopt its own registration later.

use aws_lc_rs::digest::{SHA256, digest};
use domain::{RegistrationTokenHash, Secret};
use zeroize::Zeroizing;

use crate::{InvalidToken, base64url, from_base64url};

const PREFIX: &str = "gps_";
const RANDOM: usize = 32;

/// `gps_` and base64url of 256 random bits. It names no registration, so that its holder learns no id by it.
pub struct RegistrationToken(Secret);

impl RegistrationToken {
    /// A new token; its randomness comes in as a value.
    #[must_use]
    pub fn new(random: [u8; RANDOM]) -> Self {
        let random = Zeroizing::new(random);
        let encoded = Zeroizing::new(base64url(*random));
        Self(Secret::from(format!("{PREFIX}{}", *encoded)))
    }

    /// Takes a token. Whether it was ever given out, only its hash can tell.
    ///
    /// # Errors
    /// [`InvalidToken`] if it is not a registration token.
    pub fn parse(text: &Secret) -> Result<Self, InvalidToken> {
        let encoded = text.expose().strip_prefix(PREFIX).ok_or(InvalidToken)?;
        let random = Zeroizing::new(from_base64url(encoded).ok_or(InvalidToken)?);
        if random.len() == RANDOM { Ok(Self(text.clone())) } else { Err(InvalidToken) }
    }

    /// Returns what is stored of it: SHA-256 of its text.
    #[must_use]
    pub fn hash(&self) -> RegistrationTokenHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, self.0.expose().as_bytes()).as_ref());
        RegistrationTokenHash::from_bytes(hash)
    }

    /// Returns the token itself: for the client, and nothing else.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        &self.0
    }
}
