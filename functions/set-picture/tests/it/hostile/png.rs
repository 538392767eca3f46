//! Hostile PNG files.

use super::{File, SHAPES, bits::zeros, file_of};
use crate::files::crc;

/// Colour type, bits a sample, and samples a pixel.
const FORMATS: [[u8; 3]; 6] = [[0, 1, 1], [0, 8, 1], [2, 8, 3], [3, 8, 1], [6, 8, 4], [6, 16, 4]];
/// The highest number of inflated bytes per file.
const MOST_INFLATED: u64 = 220_000_000;

fn chunk(name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("a small chunk").to_be_bytes();
    let checked = [&name, content].concat();
    [&length, &*checked, &crc(&checked).to_be_bytes()].concat()
}

fn file(header: &[u8], chunks: &[Vec<u8>]) -> Vec<u8> {
    let ends = [chunk(*b"IHDR", header), chunk(*b"IEND", b"")];
    [b"\x89PNG\r\n\x1a\n", &*ends[0], &chunks.concat(), &ends[1]].concat()
}

fn header([width, height]: [u32; 2], [colour, bits, _]: [u8; 3], interlaced: u8) -> Vec<u8> {
    [&width.to_be_bytes()[..], &height.to_be_bytes(), &[bits, colour, 0, 0, interlaced]].concat()
}

/// Returns a picture of zeros, with `chunks` before its pixels.
fn black(size: [u32; 2], format: [u8; 3], interlaced: u8, chunks: &[Vec<u8>]) -> Vec<u8> {
    let [width, height] = size.map(u64::from);
    let [_, bits, samples] = format.map(u64::from);
    let inflated = ((width * bits * samples).div_ceil(8) + 8) * height * (1 + u64::from(interlaced));
    let pixels = zeros(u32::try_from(inflated.min(MOST_INFLATED)).expect("small"));
    let palette = if format[0] == 3 { vec![chunk(*b"PLTE", &[255, 0, 0])] } else { Vec::new() };
    let chunks = [&palette, chunks, &[chunk(*b"IDAT", &pixels)]].concat();
    file(&header(size, format, interlaced), &chunks)
}

pub(super) fn files() -> Vec<File> {
    let mut files = Vec::new();
    for size in SHAPES {
        for format in FORMATS {
            for interlaced in [0, 1] {
                let name = format!("png {size:?} {format:?} interlaced {interlaced}");
                files.push(file_of(name, move || black(size, format, interlaced, &[])));
            }
        }
    }
    files.extend(bombs());
    files
}

fn profile(inflated: u32) -> Vec<u8> {
    chunk(*b"iCCP", &[b"name\0\0", &*zeros(inflated)].concat())
}

fn text(name: [u8; 4], head: &[u8]) -> Vec<u8> {
    chunk(name, &[b"key\0", head, &*zeros(700_000_000)].concat())
}

/// Returns the chunks of an animation with many frames.
fn animation() -> Vec<Vec<u8>> {
    let frame = |number: u32| {
        let sides = [number, 40, 40].map(u32::to_be_bytes).concat();
        chunk(*b"fcTL", &[&*sides, &[0; 14]].concat())
    };
    [chunk(*b"acTL", &[0, 1, 0, 0, 0, 0, 0, 0])].into_iter().chain((0..50_000).map(frame)).collect()
}

fn bombs() -> Vec<File> {
    const RGB: [u8; 3] = [2, 8, 3];
    let bomb = |name: &str, make: fn() -> Vec<u8>| file_of(format!("png bomb: {name}"), make);
    vec![
        bomb("colour profile", || black([40, 40], RGB, 0, &[profile(700_000_000)])),
        bomb("compressed text", || black([40, 40], RGB, 0, &[text(*b"zTXt", &[0])])),
        bomb("international text", || black([40, 40], RGB, 0, &[text(*b"iTXt", &[1, 0, 0, 0])])),
        bomb("many texts", || black([40, 40], RGB, 0, &vec![chunk(*b"tEXt", b"k\0"); 300_000])),
        bomb("many empty chunks", || black([40, 40], RGB, 0, &vec![chunk(*b"aaAa", b""); 400_000])),
        bomb("many empty pixel chunks", || black([40, 40], RGB, 0, &vec![chunk(*b"IDAT", b""); 400_000])),
        bomb("more pixels than declared", || {
            file(&header([40, 40], RGB, 0), &[chunk(*b"IDAT", &zeros(700_000_000))])
        }),
        bomb("animation", || black([40, 40], RGB, 0, &animation())),
        bomb("most pixels", || black([7_071, 7_071], RGB, 0, &[])),
        bomb("most pixels, interlaced", || black([7_071, 7_071], RGB, 1, &[])),
        bomb("most memory, with a profile", || black([7_000, 7_000], [6, 8, 4], 0, &[profile(4_000_000)])),
        bomb("most memory, deep", || black([5_000, 5_000], [6, 16, 4], 0, &[])),
        bomb("too much memory, deep", || black([7_000, 7_000], [6, 16, 4], 0, &[])),
    ]
}
