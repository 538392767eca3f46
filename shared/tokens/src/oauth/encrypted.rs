//! Texts that others carry and cannot read: AES-256-GCM, and the id of the key in front.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::Seeds;
use std::sync::Arc;
use zeroize::Zeroizing;

use crate::{InvalidToken, RefreshTokenError, cipher::Cipher, derive::derive, sealed::Kind};

const KEY_ID: usize = 6;

/// The keys of one kind of text: the current one encrypts, all of them decrypt.
#[derive(Clone)]
pub(super) struct Encrypted {
    kind: Kind,
    current: Key,
    others: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    id: [u8; KEY_ID],
    cipher: Arc<Cipher>,
}

impl Encrypted {
    pub(super) fn derive(kind: Kind, seeds: &Seeds) -> Self {
        Self {
            kind,
            current: Key::derive(kind, seeds.current()),
            others: seeds.others().map(|seed| Key::derive(kind, seed)).collect(),
        }
    }

    pub(super) fn seal(&self, nonce: [u8; 12], plaintext: &[u8]) -> String {
        let sealed = self.current.cipher.seal(nonce, self.kind.prefix.as_bytes(), plaintext);
        let mut text = self.kind.prefix.to_owned();
        URL_SAFE_NO_PAD.encode_string([self.current.id.as_slice(), &sealed].concat(), &mut text);
        text
    }

    pub(super) fn open(&self, text: &str) -> Result<Zeroizing<Vec<u8>>, RefreshTokenError> {
        const FORGED: RefreshTokenError = RefreshTokenError::Forged(InvalidToken);
        let encoded = text.strip_prefix(self.kind.prefix).ok_or(FORGED)?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| FORGED)?;
        let (id, sealed) = bytes.split_first_chunk::<KEY_ID>().ok_or(FORGED)?;
        let key = std::iter::once(&self.current).chain(&self.others).find(|key| key.id == *id);
        let key = key.ok_or(RefreshTokenError::UnknownKey)?;
        key.cipher.open(self.kind.prefix.as_bytes(), sealed).ok_or(FORGED)
    }
}

impl Key {
    fn derive(Kind { label, .. }: Kind, seed: &[u8]) -> Self {
        let cipher = Cipher::new(&derive(seed, &[label]));
        Self { id: *derive(seed, &[label, b"/key-id"]), cipher: Arc::new(cipher) }
    }
}
