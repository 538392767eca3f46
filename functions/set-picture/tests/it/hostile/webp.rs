//! Hostile WebP files.

use super::{File, SHAPES, bits::Bits, file_of};

fn chunk(name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("a small chunk").to_le_bytes();
    [&name, &length[..], content, &[0][..content.len() % 2]].concat()
}

fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
    chunk(*b"RIFF", &[b"WEBP", &*chunks.concat()].concat())
}

fn three([width, height]: [u32; 2]) -> Vec<u8> {
    [&(width - 1).to_le_bytes()[..3], &(height - 1).to_le_bytes()[..3]].concat()
}

fn extended(flags: u8, size: [u32; 2]) -> Vec<u8> {
    chunk(*b"VP8X", &[&[flags, 0, 0, 0], &*three(size)].concat())
}

/// Begins a lossless picture.
fn lossless_header([width, height]: [u32; 2]) -> Bits {
    let mut bits = Bits::default();
    bits.put(0x2F, 8);
    bits.put(width - 1, 14);
    bits.put(height - 1, 14);
    bits.put(0, 4);
    bits
}

/// Writes a code of one symbol, which takes no bits.
fn put_symbol(bits: &mut Bits, symbol: u32) {
    bits.put(0b101, 3);
    bits.put(symbol, 8);
}

/// Returns a picture of one colour: no transform, cache or meta codes, and five codes of no bits.
fn one_colour(size: [u32; 2]) -> Vec<u8> {
    let mut bits = lossless_header(size);
    bits.put(0, 3);
    (0..5).for_each(|_| put_symbol(&mut bits, 0));
    chunk(*b"VP8L", &bits.bytes())
}

/// Returns a picture of `groups` groups of codes, each of which becomes a table of a thousand entries.
fn tables(size: [u32; 2], groups: u32) -> Vec<u8> {
    let mut bits = lossless_header(size);
    // No transform, no cache, and meta codes in blocks of 512 pixels. All pixels use the last group.
    bits.put(0b11_1100, 6);
    bits.put(0, 1);
    let [high, low] = [(groups - 1) >> 8, (groups - 1) & 0xFF];
    for symbol in [low, high, 0, 0, 0] {
        put_symbol(&mut bits, symbol);
    }
    for _ in 0..groups * 5 {
        put_long_code(&mut bits);
    }
    chunk(*b"VP8L", &bits.bytes())
}

/// Writes a code whose longest word has ten bits: lengths 1, 2 … 9, 10, 10, and zero for all other symbols.
fn put_long_code(bits: &mut Bits) {
    bits.put(0, 1);
    // The code of lengths, in the order 17, 18, 0, 1 … 5, 16, 6 … 10: three bits for 1 to 6, four for 7 to 10.
    bits.put(14 - 4, 4);
    for length in [0, 0, 0, 3, 3, 3, 3, 3, 0, 3, 4, 4, 4, 4] {
        bits.put(length, 3);
    }
    // Eleven lengths follow, a number of four bits.
    bits.put(0b0011, 4);
    bits.put(11 - 2, 4);
    for length in [1_u32, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10] {
        if length <= 6 {
            bits.put((length - 1).reverse_bits() >> 29, 3);
        } else {
            bits.put((length + 5).reverse_bits() >> 28, 4);
        }
    }
}

fn lossy([width, height]: [u32; 2], data: &[u8]) -> Vec<u8> {
    // A visible key frame, whose first partition has 100 bytes.
    let tag: u32 = 1 << 4 | 100 << 5;
    let side = |side: u32| u16::try_from(side & 0x3FFF).expect("14 bits").to_le_bytes();
    let start = [&tag.to_le_bytes()[..3], &[0x9D, 0x01, 0x2A], &side(width), &side(height)].concat();
    chunk(*b"VP8 ", &[&start, data].concat())
}

/// Returns an animation with one frame on a canvas of `size`.
pub(super) fn animated(size: [u32; 2], frame_size: [u32; 2], frame: &[u8]) -> Vec<u8> {
    let head = [&[0; 6], &*three(frame_size), &[0; 4]].concat();
    file(&[extended(2, size), chunk(*b"ANIM", &[0; 6]), chunk(*b"ANMF", &[&head, frame].concat())])
}

pub(super) fn files() -> Vec<File> {
    const SMALL: [u32; 2] = [10, 10];
    const DATA: &[u8] = &[0; 600];
    let mut files = Vec::new();
    for size in SHAPES.map(|sides| sides.map(|side| side.min(16_383))) {
        let mut add = |name: &str, make: fn([u32; 2]) -> Vec<u8>| {
            files.push(file_of(format!("webp {name} {size:?}"), move || make(size)));
        };
        add("lossless", |size| file(&[one_colour(size)]));
        add("lossless in a small canvas", |size| file(&[extended(0, SMALL), one_colour(size)]));
        add("lossy", |size| file(&[lossy(size, DATA)]));
        add("lossy without data", |size| file(&[lossy(size, &[])]));
        add("lossy in a small canvas", |size| file(&[extended(0, SMALL), lossy(size, DATA)]));
        add("with alpha", |size| {
            file(&[extended(0x10, size), chunk(*b"ALPH", &[1, 0, 0, 0]), lossy(size, DATA)])
        });
        add("animated", |size| animated(size, size, &one_colour(size)));
        add("a large frame of a small canvas", |size| animated(SMALL, size, &one_colour(size)));
        add("a small frame of a large canvas", |size| animated(size, SMALL, &one_colour(SMALL)));
    }
    for groups in [2, 2_000, 4_000, 9_000, 20_000, 40_000] {
        for size in [[1, 1], [4_000, 2_000]] {
            let name = format!("webp {groups} groups of tables {size:?}");
            files.push(file_of(name, move || file(&[tables(size, groups)])));
        }
    }
    files.push(file_of("webp many frames".to_owned(), || {
        let frames = vec![chunk(*b"ANMF", &[0; 24]); 100_000];
        file(&[vec![extended(2, SMALL)], frames].concat())
    }));
    files
}
