//! Cursors: where a list goes on, encrypted for whose list it is, so that a client can neither make one
//! up nor use it elsewhere, and nobody reads an address out of a log of requests.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::Seeds;

use crate::{cipher::Cipher, derive::derive};

const PREFIX: &str = "gpc_";

/// Makes cursors and reads them.
pub struct CursorKeys {
    /// The first seals, all of them open.
    ciphers: Vec<Cipher>,
}

impl CursorKeys {
    /// The keys of a deployment.
    #[must_use]
    pub fn derive(seeds: &Seeds) -> Self {
        let cipher = |seed: &[u8]| Cipher::new(&derive(seed, &[b"gatepost/1/cursor"]));
        Self { ciphers: seeds.all().map(cipher).collect() }
    }

    /// The cursor to what follows `position` in the list that `list` names; the nonce must be random.
    #[must_use]
    pub fn seal(&self, nonce: [u8; 12], position: &str, list: &[u8]) -> String {
        let sealed = self.ciphers.first().map(|cipher| cipher.seal(nonce, list, position.as_bytes()));
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(sealed.unwrap_or_default()))
    }

    /// The position of a cursor of this list.
    #[must_use]
    pub fn open(&self, cursor: &str, list: &[u8]) -> Option<String> {
        let sealed = URL_SAFE_NO_PAD.decode(cursor.strip_prefix(PREFIX)?).ok()?;
        let position = self.ciphers.iter().find_map(|cipher| cipher.open(list, &sealed))?;
        String::from_utf8(position.to_vec()).ok()
    }
}
