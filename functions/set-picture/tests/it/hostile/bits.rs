//! Bit sequences, lowest bit first, as in DEFLATE and lossless WebP.

/// A sequence of bits.
#[derive(Default)]
pub(super) struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    /// Appends the `count` lowest bits of `value`.
    pub(super) fn put(&mut self, value: u32, count: u32) {
        for bit in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.last_mut().expect("a byte");
            *last |= u8::try_from(value >> bit & 1).expect("a bit") << (self.used % 8);
            self.used += 1;
        }
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Returns a zlib stream that inflates to `count` zeros: 158 times its own length.
pub(super) fn zeros(count: u32) -> Vec<u8> {
    let mut bits = Bits::default();
    // One final block with the fixed codes: a zero, and copies of 258 zeros at distance 1.
    bits.put(0b011, 3);
    bits.put(0x0C, 8);
    for _ in 0..(count - 1) / 258 {
        bits.put(0xA3, 13);
    }
    for _ in 0..(count - 1) % 258 {
        bits.put(0x0C, 8);
    }
    bits.put(0, 7);
    let checksum = (count % 65_521) << 16 | 1;
    [&[0x78, 0x01], &*bits.bytes(), &checksum.to_be_bytes()].concat()
}
