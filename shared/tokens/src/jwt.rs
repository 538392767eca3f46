//! JSON Web Tokens (RFC 7519), read strictly: the checks that `jsonwebtoken` leaves open.
//!
//! The library takes a token apart, compares `alg` with the key's one algorithm, and verifies signature, `iss` and
//! `aud`. It also refuses base64url that is not canonical. Times are for the caller, who has a clock of its own.

use std::sync::Arc;

use jsonwebtoken::{Header, Validation, decode, encode, errors::Error};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{KeyUnusable, from_base64url, json, provider::KeptKey};

/// The usual limit of a header line; a longer token is refused unread.
const MAX_TOKEN_OCTETS: usize = 8 * 1024;

/// The members that Gatepost writes. Others (`crit`, `jwk`, `jku`, `x5u`, `x5c`, `x5t`, `zip`, `cty`, …) would change
/// how a token is verified. The library judges `alg`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictHeader {
    #[expect(dead_code, reason = "named so that it is not unknown")]
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
}

/// A token whose header is read and whose signature is not verified.
pub(crate) struct UnverifiedToken<'token> {
    text: &'token str,
    header: StrictHeader,
}

impl<'token> UnverifiedToken<'token> {
    /// Reads a token's header; `None` if the token is too long or the header has members other than `alg`, `typ` and
    /// `kid`.
    pub(crate) fn parse(text: &'token str) -> Option<Self> {
        if text.len() > MAX_TOKEN_OCTETS {
            return None;
        }
        let (header, _) = text.split_once('.')?;
        Some(Self { text, header: json::read_object(&from_base64url(header)?)? })
    }

    /// Whether the header has exactly this `typ`.
    pub(crate) fn has_type(&self, typ: &str) -> bool {
        self.header.typ.as_deref() == Some(typ)
    }

    /// Returns the id of the key that the header names.
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
    /// Makes a verifier of the tokens that `issuer` signs with `key` for `audience`.
    pub(crate) fn new(key: KeptKey, issuer: &str, audience: &str) -> Self {
        let mut validation = Validation::new(key.algorithm());
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["iss", "aud"]);
        // The library's clock is the system's, and its claims are of `u64`.
        validation.validate_exp = false;
        Self { key: Arc::new(key), validation }
    }

    /// Whether a holder of the key can also sign with it.
    pub(crate) fn is_shared(&self) -> bool {
        self.key.is_shared()
    }

    /// Returns the claims of a token that the key signed, with each member named once.
    ///
    /// The caller's type says which claims are required, and of which type.
    pub(crate) fn verify<C: DeserializeOwned>(&self, token: &UnverifiedToken) -> Option<C> {
        let claims = self.decode(token).ok()?;
        let payload = from_base64url(token.text.split('.').nth(1)?)?;
        json::is_unambiguous_object(&payload).then_some(claims)
    }

    /// Returns the claims as the library reads them, once it has verified the signature.
    pub(crate) fn decode<C: DeserializeOwned>(&self, token: &UnverifiedToken) -> Result<C, Error> {
        Ok(decode(token.text, &self.key.decoding_key(), &self.validation)?.claims)
    }
}

/// Returns the header of a kind of tokens that `key` signs.
pub(crate) fn header(key: &KeptKey, typ: &str, kid: &str) -> Header {
    Header { typ: Some(typ.to_owned()), kid: Some(kid.to_owned()), ..Header::new(key.algorithm()) }
}

/// Returns a token with this header and these claims, signed with the key of the header.
///
/// # Errors
/// [`KeyUnusable`] if the key does not sign.
pub(crate) fn sign(header: &Header, claims: &impl Serialize, key: &KeptKey) -> Result<String, KeyUnusable> {
    encode(header, claims, &key.encoding_key()).map_err(|_| KeyUnusable)
}
