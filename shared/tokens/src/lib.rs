//! Access, refresh, link, registration and device tokens, what is kept encrypted, and the keys behind all of them.
//!
//! Every key is derived from the deployment's seeds ([`domain::Seeds`]), parsed once and kept
//! parsed. What is wrong with a token is never said in more words than its holder needs, and no
//! text of a parser or of a library leaves this crate.

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

/// The token is not one that Gatepost made. Says nothing of why: only a forger would want to know.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the token is not valid")]
pub struct InvalidToken;

/// Why a refresh token says nothing.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum NotOpened {
    /// It names a key that is not known, perhaps a newer one.
    #[error("the token's key is not known")]
    UnknownKey,
    /// It is not one that Gatepost made.
    #[error(transparent)]
    Forged(#[from] InvalidToken),
}

/// Returns the public half of a signing key, which signs from `not_before`.
///
/// # Errors
/// [`KeyUnusable`] if the material yields no key, which none that is made of a random seed does.
pub fn public_key(material: &KeyMaterial, not_before: Timestamp) -> Result<PublicKey, KeyUnusable> {
    Ok(signing::SigningKey::of(material)?.published(not_before))
}

/// The signing key cannot be made or derived or does not sign: nothing a caller could help.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the signing key cannot be used")]
pub struct KeyUnusable;

/// base64url without padding, as in RFC 7515.
fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of a *canonical* base64url text: no padding, no spare bits set, so that two texts
/// never stand for the same bytes.
fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
