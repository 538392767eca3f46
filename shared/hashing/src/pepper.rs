//! Peppers: a secret beside the salt, so that a stolen table alone cannot be guessed against.

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{PepperSeeds, Seed};
use zeroize::Zeroizing;

/// One seed's pepper.
pub(crate) struct Pepper {
    id: String,
    secret: Zeroizing<[u8; 32]>,
}

/// The current pepper makes hashes, all of them verify.
pub(crate) struct Peppers {
    current: Pepper,
    others: Vec<Pepper>,
}

impl Peppers {
    pub(crate) fn derive(seeds: &PepperSeeds) -> Self {
        Self {
            current: Pepper::derive(seeds.current()),
            others: seeds.others().map(Pepper::derive).collect(),
        }
    }

    pub(crate) const fn current(&self) -> &Pepper {
        &self.current
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Pepper> {
        std::iter::once(&self.current).chain(&self.others).find(|pepper| pepper.id == id)
    }
}

/// The id of the pepper of a seed, as hashes name it.
#[must_use]
pub fn pepper_id(seed: &Seed) -> String {
    Pepper::derive(seed.bytes()).id
}

impl Pepper {
    fn derive(seed: &[u8]) -> Self {
        Self {
            id: URL_SAFE_NO_PAD.encode(*derive::<6>(seed, b"gatepost/1/pepper/id")),
            secret: derive(seed, b"gatepost/1/pepper"),
        }
    }

    /// Names it, and tells nothing of it.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn secret(&self) -> &[u8] {
        self.secret.as_slice()
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-SHA-256 (RFC 5869); no salt, since the seed is random already.
#[expect(clippy::expect_used, reason = "fails beyond 255 × 32 bytes or for another length only")]
fn derive<const N: usize>(seed: &[u8], label: &[u8]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 64) };
    let mut key = Zeroizing::new([0; N]);
    let pseudorandom = Salt::new(HKDF_SHA256, &[]).extract(seed);
    pseudorandom
        .expand(&[label], Length(N))
        .and_then(|output| output.fill(key.as_mut_slice()))
        .expect("at most 64 bytes are asked for, and as many as the buffer holds");
    key
}
