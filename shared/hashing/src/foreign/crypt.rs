//! `md5crypt` and phpass, which rest on MD5, and the base64 of `crypt(3)`.

use md5::{Digest, Md5};

const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Poul-Henning Kamp's `md5crypt`, as FreeBSD's and glibc's `crypt(3)` have it for `$1$`.
pub(super) fn md5crypt(password: &[u8], salt: &[u8]) -> Vec<u8> {
    let alternate = Md5::digest([password, salt, password].concat());
    let mut first = Md5::new();
    first.update([password, b"$1$", salt].concat());
    for position in 0..password.len() {
        first.update(&alternate[position % 16..=position % 16]);
    }
    let mut bits = password.len();
    while bits > 0 {
        // A slip of the first implementation that all others have kept.
        first.update(if bits & 1 == 1 { &[0] } else { &password[..1] });
        bits >>= 1;
    }
    let mut digest = first.finalize();
    for round in 0..1_000 {
        let mut next = Md5::new();
        let (begin, end) = if round % 2 == 1 { (password, &digest[..]) } else { (&digest[..], password) };
        next.update(begin);
        next.update(if round % 3 == 0 { &[] } else { salt });
        next.update(if round % 7 == 0 { &[] } else { password });
        next.update(end);
        digest = next.finalize();
    }
    digest.to_vec()
}

/// Solar Designer's portable hash of phpass, `$P$` and `$H$`: 2^`log_rounds` rounds.
pub(super) fn phpass(password: &[u8], log_rounds: u32, salt: &[u8]) -> Vec<u8> {
    let mut digest = Md5::digest([salt, password].concat());
    for _ in 0..1_u64 << log_rounds {
        let mut next = Md5::new();
        next.update(digest);
        next.update(password);
        digest = next.finalize();
    }
    digest.to_vec()
}

/// One digit of the base64 of `crypt(3)`.
pub(super) fn digit(character: u8) -> Option<u32> {
    ALPHABET.iter().position(|known| *known == character).and_then(|at| u32::try_from(at).ok())
}

/// Octets from the base64 of `crypt(3)`: four digits are three octets, the lowest first.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    for group in text.as_bytes().chunks(4) {
        let mut value = 0;
        for (position, character) in group.iter().enumerate() {
            value |= digit(*character)? << (6 * position);
        }
        octets.extend_from_slice(&value.to_le_bytes()[..group.len() * 3 / 4]);
    }
    Some(octets)
}

/// The digest whose octets `crypt(3)` writes in this order; it writes each group's highest first.
pub(super) fn reordered(
    text: &str,
    order: impl IntoIterator<Item = [usize; 3]>,
    rest: &[usize],
) -> Option<Vec<u8>> {
    let octets = decode(text)?;
    let order = order.into_iter().flat_map(|[high, middle, low]| [low, middle, high]);
    let order: Vec<usize> = order.chain(rest.iter().copied()).collect();
    let mut digest = vec![0; order.len()];
    if octets.len() != order.len() {
        return None;
    }
    for (octet, at) in octets.into_iter().zip(order) {
        *digest.get_mut(at)? = octet;
    }
    Some(digest)
}
