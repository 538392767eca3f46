//! JSON Web Signature, compact serialization (RFC 7515): strictly what Gatepost writes itself.

use serde::{Deserialize, Serialize};

use crate::{base64url, from_base64url, json, jwk::VerificationKey};

/// What proxies and servers commonly bound a header line to; a longer token is refused unread.
const MAX_TOKEN_OCTETS: usize = 8 * 1024;

/// The members that Gatepost writes, and no other: whatever else a header may hold (`crit`, `jwk`,
/// `jku`, `x5u`, `x5c`, `x5t`, `zip`, `cty`, …) was made to change how a token is verified.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    pub(crate) alg: String,
    pub(crate) typ: Option<String>,
    pub(crate) kid: Option<String>,
}

/// A token taken apart and not yet believed: its payload is only to be had for a key.
pub(crate) struct Compact<'token> {
    header: Header,
    signed: &'token str,
    payload: &'token str,
    signature: Vec<u8>,
}

impl<'token> Compact<'token> {
    /// Takes a token apart; `None` if it is too long, has not three non-empty segments in
    /// canonical base64url, or has a header that says anything but `alg`, `typ` and `kid`.
    pub(crate) fn parse(token: &'token str) -> Option<Self> {
        if token.len() > MAX_TOKEN_OCTETS {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        // A dot is no base64url: a fourth segment fails to decode. An empty header is no JSON.
        if payload.is_empty() || signature.is_empty() {
            return None;
        }
        let header = json::read_object(&from_base64url(header)?)?;
        Some(Self { header, signed, payload, signature: from_base64url(signature)? })
    }

    /// What the header says; not yet believed.
    pub(crate) const fn header(&self) -> &Header {
        &self.header
    }

    /// The payload, if `key` signed it with the key's own algorithm.
    pub(crate) fn verified_by(&self, key: &VerificationKey) -> Option<Vec<u8>> {
        let genuine =
            self.header.alg == key.algorithm() && key.verifies(self.signed.as_bytes(), &self.signature);
        if genuine { from_base64url(self.payload) } else { None }
    }
}

/// The header of a kind of tokens, ready to be written before each payload.
pub(crate) fn encode_header(algorithm: &str, typ: &str, kid: &str) -> String {
    let header = Header { alg: algorithm.into(), typ: Some(typ.into()), kid: Some(kid.into()) };
    // Only a map key that is no string, or a failing `Serialize`, could fail; there is neither.
    base64url(serde_json::to_vec(&header).unwrap_or_default())
}
