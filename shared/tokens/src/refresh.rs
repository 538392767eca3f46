//! Refresh tokens: a session's generation under a MAC, so that a forgery costs no look-up.

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Presented, Secret, Seeds, SessionId, UserId};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::derive::derive;

const PREFIX: &str = "gpr_";
const KEY_ID: usize = 6;
/// Key id, user id, session id, generation: what the MAC is over.
const CLAIMED: usize = KEY_ID + 16 + 16 + 8;
/// With the MAC. A multiple of three, so that base64url has no spare bits.
const OCTETS: usize = CLAIMED + 32;
const CHARACTERS: usize = OCTETS / 3 * 4;

#[derive(Clone)]
struct RefreshKey {
    id: [u8; KEY_ID],
    mac: hmac::Key,
}

/// The current key seals, all of them open.
#[derive(Clone)]
pub(crate) struct RefreshKeys {
    current: RefreshKey,
    previous: Vec<RefreshKey>,
}

impl RefreshKeys {
    pub(crate) fn derive(seeds: &Seeds) -> Self {
        Self {
            current: RefreshKey::derive(seeds.current()),
            previous: seeds.previous().map(RefreshKey::derive).collect(),
        }
    }

    pub(crate) fn seal(&self, Presented { user_id, session_id, generation }: Presented) -> Secret {
        let mut octets = Zeroizing::new(Vec::with_capacity(OCTETS));
        octets.extend_from_slice(&self.current.id);
        octets.extend_from_slice(user_id.uuid().as_bytes());
        octets.extend_from_slice(session_id.uuid().as_bytes());
        octets.extend_from_slice(&generation.to_be_bytes());
        let mac = hmac::sign(&self.current.mac, &octets);
        octets.extend_from_slice(mac.as_ref());
        // Its full length from the start: nothing that grows leaves a copy behind.
        let mut text = String::with_capacity(PREFIX.len() + CHARACTERS);
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(octets.as_slice(), &mut text);
        Secret::from(text)
    }

    pub(crate) fn open(&self, token: &Secret) -> Option<Presented> {
        let text = token.expose().strip_prefix(PREFIX)?;
        let octets = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
        let (claimed, mac) = octets.split_first_chunk::<CLAIMED>()?;
        let key = self.keys().find(|key| claimed.starts_with(&key.id))?;
        // In constant time, of full length, and before anything is believed.
        hmac::verify(&key.mac, claimed, mac).ok()?;
        read(claimed)
    }

    fn keys(&self) -> impl Iterator<Item = &RefreshKey> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

impl RefreshKey {
    fn derive(seed: &[u8]) -> Self {
        let secret = derive::<32>(seed, &[b"gatepost/1/refresh-token"]);
        Self {
            id: *derive(seed, &[b"gatepost/1/refresh-token/key-id"]),
            mac: hmac::Key::new(HMAC_SHA256, secret.as_slice()),
        }
    }
}

fn read(claimed: &[u8; CLAIMED]) -> Option<Presented> {
    let (user_id, rest) = claimed.get(KEY_ID..)?.split_first_chunk()?;
    let (session_id, generation) = rest.split_first_chunk()?;
    Some(Presented {
        user_id: UserId::from_uuid(Uuid::from_bytes(*user_id)),
        session_id: SessionId::from_uuid(Uuid::from_bytes(*session_id)),
        generation: u64::from_be_bytes(generation.try_into().ok()?),
    })
}
