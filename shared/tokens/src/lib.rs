//! Access, refresh, link, registration and device tokens, encrypted texts, and the keys of all of them.
//!
//! Every key is derived from the deployment's seeds ([`domain::Seeds`]), and parsed once. Errors tell the
//! holder of a token only what they need. Messages of parsers and libraries do not leave this crate.

mod access;
mod cipher;
mod cursor;
mod derive;
mod device;
mod issuer;
mod json;
mod jwk;
mod jwt;
mod link;
mod log_hash;
pub mod oauth;
mod provider;
mod receipt;
mod refresh;
mod registration;
mod sealed;
mod signing;
#[cfg(test)]
mod wycheproof;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{KeyMaterial, PublicKey, Timestamp};
use thiserror::Error;

pub use access::{AccessClaims, Rejected, Verifier};
pub use cursor::CursorKeys;
pub use device::KnownDevice;
pub use issuer::{Issuer, IssuerSettings};
pub use link::LinkToken;
pub use log_hash::{LogHash, LogKey};
pub use receipt::{ReceiptKey, ReceiptKeys};
pub use registration::RegistrationToken;
pub use signing::new_material;

/// The token was not issued by Gatepost. The reason is not stated, because only an attacker needs it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the token is invalid")]
pub struct InvalidToken;

/// The reason why a refresh token cannot be opened.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum RefreshTokenError {
    /// The token has an unknown key, which may be newer.
    #[error("the token's key is unknown")]
    UnknownKey,
    /// The token was not issued by Gatepost.
    #[error(transparent)]
    Forged(#[from] InvalidToken),
}

/// Returns the public half of a signing key, which signs from `not_before`.
///
/// # Errors
/// [`KeyError`] if the material yields no key, which does not happen for a random seed.
pub fn public_key(material: &KeyMaterial, not_before: Timestamp) -> Result<PublicKey, KeyError> {
    Ok(signing::SigningKey::of(material)?.published(not_before))
}

/// The signing key cannot be created, derived or used. Callers cannot fix that.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the signing key cannot be used")]
pub struct KeyError;

/// Encodes base64url without padding, as in RFC 7515.
fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes *canonical* base64url, without padding and spare bits, so that two texts never stand for the same
/// bytes.
fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
