//! Key derivation from the seed: HKDF-SHA-256 (RFC 5869), with one label for each use.

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use zeroize::Zeroizing;

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// Derives `N` bytes from `seed` for the use that `label` names. It needs no salt, because the seed is
/// random.
#[expect(clippy::expect_used, reason = "fails beyond 255 × 32 bytes or for another length only")]
pub(crate) fn derive<const N: usize>(seed: &[u8], label: &[&[u8]]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 64) };
    let mut key = Zeroizing::new([0; N]);
    let pseudorandom = Salt::new(HKDF_SHA256, &[]).extract(seed);
    pseudorandom
        .expand(label, Length(N))
        .and_then(|output| output.fill(key.as_mut_slice()))
        .expect("at most 64 bytes, the length of the buffer");
    key
}
