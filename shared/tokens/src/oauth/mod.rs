//! The texts of OAuth 2.1 and OpenID Connect.
//!
//! Interactions and codes are encrypted, refresh tokens and browser cookies carry a MAC. Each kind has its own prefix
//! and keys, so that none is taken for another.

mod code;
mod encrypted;
pub(crate) mod id_token;
mod pkce;
mod presented;
mod secret;

use aws_lc_rs::digest::{SHA256, digest};
use domain::{
    Presented, Secret, Seeds, Timestamp,
    oauth::{AuthorizationCode, PresentedGrant},
};

pub use id_token::{ACR_ONE_FACTOR, ClientToken, GrantClaims, IdClaims};
pub use pkce::CodeVerifier;
pub use secret::NewClientSecret;

use crate::{
    InvalidToken, RefreshTokenError,
    sealed::{Kind, Seals},
};
use encrypted::Encrypted;

const INTERACTION: Kind = Kind { prefix: "gpi_", label: b"gatepost/1/oauth/interaction" };
const CODE: Kind = Kind { prefix: "gpa_", label: b"gatepost/1/oauth/code" };
const REFRESH: Kind = Kind { prefix: "gpg_", label: b"gatepost/1/oauth/refresh-token" };
const COOKIE: Kind = Kind { prefix: "gpb_", label: b"gatepost/1/oauth/browser-cookie" };

/// Makes and opens the texts that only Gatepost reads.
#[derive(Clone)]
pub struct OauthKeys {
    interactions: Encrypted,
    codes: Encrypted,
    refresh: Seals,
    cookies: Seals,
}

impl OauthKeys {
    /// Derives the keys; done once for a process.
    #[must_use]
    pub fn derive(seeds: &Seeds) -> Self {
        Self {
            interactions: Encrypted::derive(INTERACTION, seeds),
            codes: Encrypted::derive(CODE, seeds),
            refresh: Seals::derive(REFRESH, seeds),
            cookies: Seals::derive(COOKIE, seeds),
        }
    }

    /// Encrypts an interaction, which the browser carries; the nonce must be random.
    #[must_use]
    pub fn seal_interaction(&self, nonce: [u8; 12], interaction: &[u8]) -> String {
        self.interactions.seal(nonce, interaction)
    }

    /// Returns the content of an interaction.
    ///
    /// # Errors
    /// [`RefreshTokenError`] for anything that was not made with one of the keys.
    pub fn open_interaction(&self, text: &str) -> Result<Vec<u8>, RefreshTokenError> {
        Ok(self.interactions.open(text)?.to_vec())
    }

    /// Encrypts an authorization code; the nonce must be random.
    #[must_use]
    pub fn seal_code(&self, nonce: [u8; 12], code: &AuthorizationCode) -> String {
        self.codes.seal(nonce, &code::write(code))
    }

    /// Returns the content of an authorization code.
    ///
    /// # Errors
    /// [`RefreshTokenError`] for anything that was not made with one of the keys.
    pub fn open_code(&self, text: &str) -> Result<AuthorizationCode, RefreshTokenError> {
        code::read(&self.codes.open(text)?).ok_or(RefreshTokenError::Forged(InvalidToken))
    }

    /// Returns the refresh token of a grant's generation: always the same one.
    #[must_use]
    pub fn refresh_token(&self, presented: PresentedGrant) -> Secret {
        self.refresh.seal(&presented::write_grant(presented), &[])
    }

    /// Returns the content of a client's refresh token.
    ///
    /// # Errors
    /// [`RefreshTokenError`] for anything that was not made with one of the keys.
    pub fn open_refresh_token(&self, token: &Secret) -> Result<PresentedGrant, RefreshTokenError> {
        presented::read_grant(&self.refresh.open(token, &[])?).ok_or(RefreshTokenError::Forged(InvalidToken))
    }

    /// Returns the cookie of a browser session's generation.
    #[must_use]
    pub fn cookie(&self, presented: Presented) -> Secret {
        self.cookies.seal(&presented::write_session(presented), &[])
    }

    /// Returns the content of a browser's cookie.
    ///
    /// # Errors
    /// [`RefreshTokenError`] for anything that was not made with one of the keys.
    pub fn open_cookie(&self, cookie: &Secret) -> Result<Presented, RefreshTokenError> {
        presented::read_session(&self.cookies.open(cookie, &[])?)
            .ok_or(RefreshTokenError::Forged(InvalidToken))
    }
}

/// Returns SHA-256 of some bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// How long a code can be redeemed.
const CODE_LIFETIME: std::time::Duration = std::time::Duration::from_mins(1);
/// How long an interaction can be answered.
const INTERACTION_LIFETIME: std::time::Duration = std::time::Duration::from_mins(30);

/// Returns whether a code that was issued at this time can be redeemed at `now`.
#[must_use]
pub fn is_code_fresh(issued_at: Timestamp, now: Timestamp) -> bool {
    now < issued_at.plus(CODE_LIFETIME)
}

/// Returns whether an interaction that began at this time can be answered at `now`.
#[must_use]
pub fn is_interaction_fresh(begun_at: Timestamp, now: Timestamp) -> bool {
    now < begun_at.plus(INTERACTION_LIFETIME)
}
