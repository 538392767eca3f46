//! Tokens that only Gatepost reads: bytes with a MAC, so that forgeries cause no reads.

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    hmac::{self, HMAC_SHA256},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Secret, Seeds};
use zeroize::Zeroizing;

use crate::{InvalidToken, RefreshTokenError, derive::derive};

const KEY_ID: usize = 6;
const MAC: usize = 32;

/// A kind of token: its prefix, and the label of its keys.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) prefix: &'static str,
    pub(crate) label: &'static [u8],
}

/// The keys of one kind of token: the current one seals, all of them open.
#[derive(Clone)]
pub(crate) struct Seals {
    kind: Kind,
    current: Key,
    others: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    id: [u8; KEY_ID],
    mac: hmac::Key,
}

impl Seals {
    pub(crate) fn derive(kind: Kind, seeds: &Seeds) -> Self {
        Self {
            kind,
            current: Key::derive(kind, seeds.current()),
            others: seeds.others().map(|seed| Key::derive(kind, seed)).collect(),
        }
    }

    /// Returns a token with `claims`. Opening it requires the same `context`, which the token does not
    /// contain.
    pub(crate) fn seal(&self, claims: &[u8], context: &[u8]) -> Secret {
        let mut octets = Zeroizing::new(Vec::with_capacity(KEY_ID + claims.len() + MAC));
        octets.extend_from_slice(&self.current.id);
        octets.extend_from_slice(claims);
        let mac = self.current.mac(&octets, context).sign();
        octets.extend_from_slice(mac.as_ref());
        // With its full length from the start, so that a growing buffer leaves no copy behind.
        let mut text = String::with_capacity(self.kind.prefix.len() + octets.len().div_ceil(3) * 4);
        text.push_str(self.kind.prefix);
        URL_SAFE_NO_PAD.encode_string(octets.as_slice(), &mut text);
        Secret::from(text)
    }

    /// Returns the claims of an authentic token.
    pub(crate) fn open<const N: usize>(
        &self,
        token: &Secret,
        context: &[u8],
    ) -> Result<[u8; N], RefreshTokenError> {
        let octets = self.octets(token).ok_or(RefreshTokenError::Forged(InvalidToken))?;
        let (claimed, mac) =
            octets.split_at_checked(KEY_ID + N).ok_or(RefreshTokenError::Forged(InvalidToken))?;
        let (id, claims) =
            claimed.split_first_chunk::<KEY_ID>().ok_or(RefreshTokenError::Forged(InvalidToken))?;
        if mac.len() != MAC {
            return Err(RefreshTokenError::Forged(InvalidToken));
        }
        let key = std::iter::once(&self.current).chain(&self.others).find(|key| key.id == *id);
        let key = key.ok_or(RefreshTokenError::UnknownKey)?;
        // In constant time, in full length, and before the claims are used.
        let expected = key.mac(claimed, context).sign();
        verify_slices_are_equal(expected.as_ref(), mac)
            .map_err(|_| RefreshTokenError::Forged(InvalidToken))?;
        claims.try_into().map_err(|_| RefreshTokenError::Forged(InvalidToken))
    }

    fn octets(&self, token: &Secret) -> Option<Zeroizing<Vec<u8>>> {
        let text = token.expose().strip_prefix(self.kind.prefix)?;
        URL_SAFE_NO_PAD.decode(text).ok().map(Zeroizing::new)
    }
}

impl Key {
    fn derive(Kind { label, .. }: Kind, seed: &[u8]) -> Self {
        let secret = derive::<32>(seed, &[label]);
        Self { id: *derive(seed, &[label, b"/key-id"]), mac: hmac::Key::new(HMAC_SHA256, secret.as_slice()) }
    }

    /// All claims of a kind have the same length, so the boundary between claims and context is unambiguous.
    fn mac(&self, claimed: &[u8], context: &[u8]) -> hmac::Context {
        let mut mac = hmac::Context::with_key(&self.mac);
        mac.update(claimed);
        mac.update(context);
        mac
    }
}
