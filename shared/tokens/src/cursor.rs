//! Cursors, which point into a list. They are encrypted for one list, so that a client can neither forge one
//! nor use it elsewhere, and logs of requests contain no address.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::Seeds;

use crate::{cipher::Cipher, derive::derive};

const PREFIX: &str = "gpc_";

/// Seals and opens cursors.
pub struct CursorKeys {
    /// The first one seals, all of them open.
    ciphers: Vec<Cipher>,
}

impl CursorKeys {
    /// Derives the keys of a deployment.
    #[must_use]
    pub fn derive(seeds: &Seeds) -> Self {
        let cipher = |seed: &[u8]| Cipher::new(&derive(seed, &[b"gatepost/1/cursor"]));
        Self { ciphers: seeds.all().map(cipher).collect() }
    }

    /// Seals the cursor for the entries after `position` in `list`. The nonce must be random.
    #[must_use]
    pub fn seal(&self, nonce: [u8; 12], position: &str, list: &[u8]) -> String {
        let sealed = self.ciphers.first().map(|cipher| cipher.seal(nonce, list, position.as_bytes()));
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(sealed.unwrap_or_default()))
    }

    /// Opens a cursor of this list.
    #[must_use]
    pub fn open(&self, cursor: &str, list: &[u8]) -> Option<String> {
        let sealed = URL_SAFE_NO_PAD.decode(cursor.strip_prefix(PREFIX)?).ok()?;
        let position = self.ciphers.iter().find_map(|cipher| cipher.open(list, &sealed))?;
        String::from_utf8(position.to_vec()).ok()
    }
}
