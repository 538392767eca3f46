//! Hostile JPEG files.

use super::{File, SHAPES, file_of};

const BASELINE: u8 = 0xC0;
const PROGRESSIVE: u8 = 0xC2;

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).expect("a short segment").to_be_bytes();
    [&[0xFF, marker], &length[..], content].concat()
}

/// Returns a scan of some components, with its data.
fn scan(components: &[u8], spectrum: [u8; 3], zeros: usize) -> Vec<u8> {
    let count = u8::try_from(components.len()).expect("few");
    let tables = components.iter().flat_map(|component| [*component, 0]);
    let header: Vec<_> = [count].into_iter().chain(tables).chain(spectrum).collect();
    [segment(0xDA, &header), vec![0; zeros]].concat()
}

/// Returns a file whose tables make every block of zeros black.
fn file(frame: u8, bits: u8, size: [u32; 2], sampling: &[u8], scans: &[Vec<u8>]) -> Vec<u8> {
    let [width, height] = size.map(|side| u16::try_from(side.min(65_535)).expect("16 bits").to_be_bytes());
    let count = u8::try_from(sampling.len()).expect("few");
    let components = (1..).zip(sampling).flat_map(|(component, factors)| [component, *factors, 0]);
    let header: Vec<_> =
        [bits].into_iter().chain(height).chain(width).chain([count]).chain(components).collect();
    let word = |class: u8| segment(0xC4, &[&[class, 1][..], &[0; 15], &[0]].concat());
    let tables = [segment(0xDB, &[&[0][..], &[1; 64]].concat()), word(0x00), word(0x10)].concat();
    [&[0xFF, 0xD8], &*tables, &segment(frame, &header), &scans.concat(), &[0xFF, 0xD9]].concat()
}

pub(super) fn files() -> Vec<File> {
    let mut files = Vec::new();
    for size in SHAPES {
        for (name, sampling) in [
            ("grey", &[0x11][..]),
            ("colour", &[0x22, 0x11, 0x11]),
            ("full colour", &[0x11; 3]),
            ("four samples", &[0x44, 0x11, 0x11]),
            ("inks", &[0x11; 4]),
        ] {
            let all = move || (1..).take(sampling.len()).collect::<Vec<u8>>();
            files.push(file_of(format!("jpeg {name} {size:?}"), move || {
                file(BASELINE, 8, size, sampling, &[scan(&all(), WHOLE, 400_000)])
            }));
            files.push(file_of(format!("jpeg progressive {name} {size:?}"), move || {
                file(PROGRESSIVE, 8, size, sampling, &[scan(&all(), [0, 0, 0], 200_000)])
            }));
            files.push(file_of(format!("jpeg {name} in scans {size:?}"), move || {
                let apart: Vec<_> =
                    all().iter().map(|component| scan(&[*component], WHOLE, 90_000)).collect();
                file(BASELINE, 8, size, sampling, &apart)
            }));
        }
    }
    files.extend(bombs());
    files
}

/// The spectrum of a baseline scan.
const WHOLE: [u8; 3] = [0, 63, 0];
const COLOUR: &[u8] = &[0x22, 0x11, 0x11];
const ALL: &[u8] = &[1, 2, 3];

/// Returns a progressive file that refines one component many times.
fn refined(size: [u32; 2], scans: usize, zeros: usize) -> Vec<u8> {
    let first = [scan(ALL, [0, 0, 1], 300_000), scan(&[1], [1, 63, 1], zeros)];
    let scans = [&first[..], &vec![scan(&[1], [1, 63, 0x10], zeros); scans]].concat();
    file(PROGRESSIVE, 8, size, COLOUR, &scans)
}

fn bombs() -> Vec<File> {
    const LARGE: [u32; 2] = [5_000, 4_000];
    const LARGEST: [u32; 2] = [7_071, 7_071];
    let bomb = |name: &str, make: fn() -> Vec<u8>| file_of(format!("jpeg bomb: {name}"), make);
    vec![
        bomb("12 bits", || file(0xC1, 12, [40, 40], COLOUR, &[scan(ALL, WHOLE, 900)])),
        bomb("arithmetic", || file(0xC9, 8, [40, 40], COLOUR, &[scan(ALL, WHOLE, 900)])),
        bomb("lossless", || file(0xC3, 8, [40, 40], COLOUR, &[scan(ALL, WHOLE, 900)])),
        bomb("20 scans", || refined(LARGE, 20, 50_000)),
        bomb("90 scans", || refined(LARGE, 90, 50_000)),
        bomb("90 scans without data", || refined(LARGE, 90, 0)),
        bomb("89 scans of fewer pixels", || refined([2_400, 2_300], 87, 40_000)),
        bomb("many baseline scans", || {
            file(BASELINE, 8, LARGE, COLOUR, &vec![scan(&[1], WHOLE, 0); 400_000])
        }),
        bomb("many tables", || {
            let table = segment(0xC4, &[&[0x10, 0, 1][..], &[0; 14], &[0]].concat());
            file(BASELINE, 8, [40, 40], COLOUR, &[table.repeat(200_000), scan(ALL, WHOLE, 900)])
        }),
        bomb("most pixels", || file(BASELINE, 8, LARGEST, COLOUR, &[scan(ALL, WHOLE, 4_000_000)])),
        bomb("most pixels, not one sampled down", || {
            file(BASELINE, 8, LARGEST, &[0x11; 3], &[scan(ALL, WHOLE, 4_000_000)])
        }),
        bomb("most coefficients", || refined([5_500, 5_500], 8, 200_000)),
        bomb("most coefficients of inks", || {
            file(PROGRESSIVE, 8, [4_200, 4_200], &[0x11; 4], &[scan(&[1, 2, 3, 4], [0, 0, 0], 200_000)])
        }),
    ]
}
