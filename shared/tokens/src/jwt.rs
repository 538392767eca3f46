//! JSON Web Tokens (RFC 7519), parsed strictly, with the checks that `jsonwebtoken` does not make.
//!
//! The library splits a token, compares `alg` with the key's only algorithm, and verifies signature, `iss`
//! and `aud`. It also refuses base64url that is not canonical. The caller checks the times, with its own
//! clock.

use std::sync::Arc;

use jsonwebtoken::{Header, Validation, decode, encode, errors::Error};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{KeyError, from_base64url, json, provider::KeptKey};

/// The usual limit of a header line. Longer tokens are not parsed.
const MAX_TOKEN_OCTETS: usize = 8 * 1024;

/// The permitted members. Others (`crit`, `jwk`, `jku`, `x5u`, `x5c`, `x5t`, `zip`, `cty`, …) would change
/// the verification. The library checks `alg`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictHeader {
    #[expect(dead_code, reason = "named so that it is not unknown")]
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
}

/// A token with a parsed header and an unverified signature.
pub(crate) struct UnverifiedToken<'token> {
    text: &'token str,
    header: StrictHeader,
}

impl<'token> UnverifiedToken<'token> {
    /// Parses a token's header. Returns `None` if the token is too long, or the header has members other than
    /// `alg`, `typ` and `kid`.
    pub(crate) fn parse(text: &'token str) -> Option<Self> {
        if text.len() > MAX_TOKEN_OCTETS {
            return None;
        }
        let (header, _) = text.split_once('.')?;
        Some(Self { text, header: json::read_object(&from_base64url(header)?)? })
    }

    /// Returns whether the header has exactly this `typ`.
    pub(crate) fn has_type(&self, typ: &str) -> bool {
        self.header.typ.as_deref() == Some(typ)
    }

    /// Returns the key id in the header.
    pub(crate) fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }
}

/// A key that verifies the tokens of one issuer for one audience.
#[derive(Clone)]
pub(crate) struct VerificationKey {
    key: Arc<KeptKey>,
    validation: Validation,
}

impl VerificationKey {
    /// Makes a verifier of the tokens that `issuer` signs with `key` for one of `audiences`.
    pub(crate) fn new(key: KeptKey, issuer: &str, audiences: &[&str]) -> Self {
        let mut validation = Validation::new(key.algorithm());
        validation.set_issuer(&[issuer]);
        validation.set_audience(audiences);
        validation.set_required_spec_claims(&["iss", "aud"]);
        // The library uses the clock of the system, and `u64` for times.
        validation.validate_exp = false;
        Self { key: Arc::new(key), validation }
    }

    /// Returns whether a holder of the key can also sign with it.
    pub(crate) fn is_shared(&self) -> bool {
        self.key.is_shared()
    }

    /// Returns the claims of a token signed with the key, without repeated members.
    ///
    /// The caller's type determines the required claims and their types.
    pub(crate) fn verify<C: DeserializeOwned>(&self, token: &UnverifiedToken) -> Option<C> {
        let claims = self.decode(token).ok()?;
        let payload = from_base64url(token.text.split('.').nth(1)?)?;
        json::is_unambiguous_object(&payload).then_some(claims)
    }

    /// Returns the claims after the library has verified the signature.
    pub(crate) fn decode<C: DeserializeOwned>(&self, token: &UnverifiedToken) -> Result<C, Error> {
        Ok(decode(token.text, &self.key.decoding_key(), &self.validation)?.claims)
    }
}

/// Returns the header of tokens of this `typ` signed with `key`.
pub(crate) fn header(key: &KeptKey, typ: &str, kid: &str) -> Header {
    Header { typ: Some(typ.to_owned()), kid: Some(kid.to_owned()), ..Header::new(key.algorithm()) }
}

/// Returns a token with this header and these claims, signed with the key of the header.
///
/// # Errors
/// [`KeyError`] if the key cannot sign.
pub(crate) fn sign(header: &Header, claims: &impl Serialize, key: &KeptKey) -> Result<String, KeyError> {
    encode(header, claims, &key.encoding_key()).map_err(|_| KeyError)
}
