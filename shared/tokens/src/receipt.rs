//! The encryption of stored responses, for requests with an `Idempotency-Key`.
//!
//! The key depends on the request. An attacker who reads the table without the request and without the
//! function's secret can neither read a response nor guess the request.

use aws_lc_rs::digest::{Context, SHA256};
use domain::ReceiptId;
use zeroize::Zeroizing;

use crate::{cipher::Cipher, derive::derive};

/// The secrets that are part of every key, newest first.
pub struct ReceiptKeys(Vec<Zeroizing<[u8; 32]>>);

/// The key of one stored response.
pub struct ReceiptKey {
    id: ReceiptId,
    /// The first one seals, all of them open.
    ciphers: Vec<Cipher>,
}

impl ReceiptKeys {
    /// Creates keys without a secret, for functions whose requests contain nothing that can be guessed.
    #[must_use]
    pub fn unpeppered() -> Self {
        Self(vec![Zeroizing::default()])
    }

    /// Creates keys with the seeds of a secret, so that requests cannot be guessed from the table. The first
    /// seed seals, all of them open.
    #[must_use]
    pub fn peppered<'seed>(seeds: impl IntoIterator<Item = &'seed [u8]>) -> Self {
        Self(seeds.into_iter().map(|seed| derive(seed, &[b"gatepost/1/receipt"])).collect())
    }

    /// Returns the key of a request's stored response. Another `scope` means another stored response. Another
    /// `request` in the same scope cannot open it.
    #[must_use]
    pub fn of(&self, scope: &[&[u8]], request: &[&[u8]]) -> ReceiptKey {
        let id = ReceiptId::from_bytes(hash(scope));
        let cipher = |pepper: &Zeroizing<[u8; 32]>| {
            let parts = [&[pepper.as_slice()], scope, request].concat();
            Cipher::new(&derive(&hash(&parts), &[b"gatepost/1/receipt/seal"]))
        };
        ReceiptKey { id, ciphers: self.0.iter().map(cipher).collect() }
    }
}

impl ReceiptKey {
    /// Returns the id of the stored response.
    #[must_use]
    pub const fn id(&self) -> ReceiptId {
        self.id
    }

    /// Seals a response. The nonce must be random.
    #[must_use]
    pub fn seal(&self, nonce: [u8; 12], answer: &[u8]) -> Vec<u8> {
        self.ciphers.first().map(|cipher| cipher.seal(nonce, self.id.bytes(), answer)).unwrap_or_default()
    }

    /// Opens a response; `None` if it belongs to another request.
    #[must_use]
    pub fn open(&self, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.ciphers.iter().find_map(|cipher| cipher.open(self.id.bytes(), sealed))
    }
}

/// Returns the SHA-256 of the parts, each preceded by its length, so that different lists of parts cannot
/// collide.
fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}
