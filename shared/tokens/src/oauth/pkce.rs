//! Proof Key for Code Exchange (RFC 7636).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use domain::{Secret, oauth::CodeChallenge};

use super::sha256;
use crate::{InvalidToken, base64url};

/// A code verifier: 43 to 128 unreserved characters (RFC 7636, section 4.1).
pub struct CodeVerifier(Secret);

impl CodeVerifier {
    /// Parses a verifier.
    ///
    /// # Errors
    /// [`InvalidToken`] if it has another length or other characters.
    pub fn parse(text: &Secret) -> Result<Self, InvalidToken> {
        let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let verifier = text.expose();
        let is_valid = (43..=128).contains(&verifier.len()) && verifier.bytes().all(is_unreserved);
        if is_valid { Ok(Self(text.clone())) } else { Err(InvalidToken) }
    }

    /// Returns whether the challenge was made of this verifier.
    #[must_use]
    pub fn fits(&self, challenge: &CodeChallenge) -> bool {
        let hash = base64url(sha256(self.0.expose().as_bytes()));
        verify_slices_are_equal(hash.as_bytes(), challenge.as_str().as_bytes()).is_ok()
    }
}
