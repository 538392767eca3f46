//! Encryption with AES-256-GCM, with a separate derived key for each use.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

/// Seals and opens texts. A sealed text begins with its nonce.
pub(crate) struct Cipher(LessSafeKey);

impl Cipher {
    #[expect(clippy::expect_used, reason = "fails for a key of another length only")]
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("32 bytes")))
    }

    /// Seals `plaintext` for the place named by `context`. The nonce must be random.
    #[expect(clippy::expect_used, reason = "fails beyond 64 GiB only")]
    pub(crate) fn seal(&self, nonce: [u8; NONCE_LEN], context: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let mut sealed = Zeroizing::new(Vec::with_capacity(plaintext.len() + AES_256_GCM.tag_len()));
        sealed.extend_from_slice(plaintext);
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut *sealed)
            .expect("a plaintext that memory holds");
        [nonce.as_slice(), sealed.as_slice()].concat()
    }

    /// Opens a text that was sealed for this place with this key; `None` for all others.
    pub(crate) fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.0.open_in_place(nonce, Aad::from(context), &mut sealed).ok()?.len();
        sealed.truncate(length);
        Some(sealed)
    }
}
