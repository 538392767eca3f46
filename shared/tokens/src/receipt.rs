//! What seals the answer to a request that may be sent again under its `Idempotency-Key`.
//!
//! The key to it is the request. A thief of the table who has neither the request nor the secret of the
//! function cannot read an answer, nor find out what was asked.

use aws_lc_rs::digest::{Context, SHA256};
use domain::ReceiptId;
use zeroize::Zeroizing;

use crate::{cipher::Cipher, derive::derive};

/// What is mixed into every key, newest first.
pub struct ReceiptKeys(Vec<Zeroizing<[u8; 32]>>);

/// The key to the answer of one request.
pub struct ReceiptKey {
    id: ReceiptId,
    /// The first seals, all of them open.
    ciphers: Vec<Cipher>,
}

impl ReceiptKeys {
    /// Keys without a secret, for a function that has none and takes nothing that can be guessed.
    #[must_use]
    pub fn unpeppered() -> Self {
        Self(vec![Zeroizing::default()])
    }

    /// Keys with the seeds of a secret: nothing that a request holds can be guessed from the table. The
    /// first seed seals, all of them open.
    #[must_use]
    pub fn peppered<'seed>(seeds: impl IntoIterator<Item = &'seed [u8]>) -> Self {
        Self(seeds.into_iter().map(|seed| derive(seed, &[b"gatepost/1/receipt"])).collect())
    }

    /// The key to the answer of a request. `scope` says whose key for what it is: what differs there
    /// is another receipt. What differs in `request` only does not open it.
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
    /// The receipt that it is the key to.
    #[must_use]
    pub const fn id(&self) -> ReceiptId {
        self.id
    }

    /// Seals an answer; the nonce must be random.
    #[must_use]
    pub fn seal(&self, nonce: [u8; 12], answer: &[u8]) -> Vec<u8> {
        self.ciphers.first().map(|cipher| cipher.seal(nonce, self.id.bytes(), answer)).unwrap_or_default()
    }

    /// The answer; `None` if it is that of another request.
    #[must_use]
    pub fn open(&self, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.ciphers.iter().find_map(|cipher| cipher.open(self.id.bytes(), sealed))
    }
}

/// SHA-256 of the parts, each after its length: no two lists of parts are the same text.
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
