//! A Golomb-coded set of texts: about 17.6 bits for each member, and a false positive rate of one in 65,536.

/// Two to the power of this is the number of places for each member.
pub(super) const REST_BITS: u32 = 16;

/// The FNV-1a hash of a password, which can be continued. It does not protect a secret: a collision only
/// means that another password is refused.
#[derive(Clone, Copy)]
pub(super) struct Hash(u64);

impl Hash {
    /// The hash of the empty text.
    pub(super) const START: Self = Self(0xcbf2_9ce4_8422_2325);

    pub(super) fn of(password: &str) -> Self {
        Self::START.then(password)
    }

    /// Returns the hash of the text so far followed by `more`.
    pub(super) fn then(self, more: &str) -> Self {
        let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(more.bytes().fold(self.0, step))
    }

    /// Returns the place of the password in a set of `count` members, which has `2^REST_BITS` places for
    /// each. The last step of `MurmurHash3` makes every bit depend on all others.
    pub(super) fn place(self, count: usize) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        let mixed = mixed ^ (mixed >> 33);
        let range = u128::from(u64::try_from(count).unwrap_or(u64::MAX) << REST_BITS);
        u64::try_from((u128::from(mixed) * range) >> 64).unwrap_or(u64::MAX)
    }
}

/// Decodes the places of all members. The first four bytes are their number. Each member follows, in order,
/// as the distance from the previous one: the quotient by 2^16 in ones and a zero, then the remainder in 16
/// bits.
pub(super) fn decode(set: &[u8]) -> Vec<u64> {
    let Some((count, set)) = set.split_first_chunk() else { return Vec::new() };
    let mut bits = set.iter().flat_map(|octet| (0..8).rev().map(move |at| u64::from(octet >> at & 1)));
    let mut last = 0;
    let places = (0..u32::from_be_bytes(*count)).map(|_| {
        let whole = bits.by_ref().take_while(|bit| *bit == 1).sum::<u64>();
        let rest = bits.by_ref().take(REST_BITS as usize).fold(0, |rest, bit| rest << 1 | bit);
        last += (whole << REST_BITS) + rest;
        last
    });
    places.collect()
}
