//! Uploaded files.

use std::io::Cursor;

use image::{
    DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat, Rgb, RgbImage, RgbaImage,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
};

/// Twice as wide as high. The middle has another colour in each quarter.
fn picture() -> RgbImage {
    RgbImage::from_fn(800, 400, |x, y| match (x < 400, y < 200) {
        (true, true) => Rgb([255, 0, 0]),
        (false, true) => Rgb([0, 255, 0]),
        (true, false) => Rgb([0, 0, 255]),
        (false, false) => Rgb([0, 0, 0]),
    })
}

pub(crate) fn quarters(extension: &str) -> Vec<u8> {
    let format = ImageFormat::from_extension(extension).expect("a format");
    let mut file = Cursor::new(Vec::new());
    DynamicImage::from(picture()).write_to(&mut file, format).expect("written");
    file.into_inner()
}

/// A picture to be turned clockwise by 90 degrees, as a telephone that is held upright writes it.
pub(crate) fn turned_and_placed() -> Vec<u8> {
    let mut file = Vec::new();
    oriented(JpegEncoder::new(&mut file), 6);
    file
}

/// Writes the picture with an EXIF block that has the orientation and a location.
pub(crate) fn oriented(mut encoder: impl ImageEncoder, orientation: u8) {
    // TIFF, big endian, one entry: orientation (0x0112), a short.
    let mut exif = b"MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    exif.extend(b"51.5072 N, 0.1276 W");
    encoder.set_exif_metadata(exif).expect("taken");
    let picture = picture();
    let (width, height) = picture.dimensions();
    encoder.write_image(&picture, width, height, ExtendedColorType::Rgb8).expect("written");
}

pub(crate) fn transparent() -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    DynamicImage::from(RgbaImage::new(300, 300)).write_to(&mut file, ImageFormat::Png).expect("written");
    file.into_inner()
}

/// A few bytes that declare gigabytes.
pub(crate) fn of_a_billion_pixels() -> Vec<u8> {
    let mut file = Vec::new();
    let line = RgbImage::new(1, 1);
    PngEncoder::new(&mut file).write_image(&line, 1, 1, ExtendedColorType::Rgb8).expect("written");
    // Width and height of the header, and its checksum.
    file[16..24].copy_from_slice(&[0, 0, 0x80, 0, 0, 0, 0x80, 0]);
    let checksum = crc(&file[12..29]);
    file[29..33].copy_from_slice(&checksum.to_be_bytes());
    file
}

/// Computes the CRC-32 of PNG.
pub(crate) fn crc(octets: &[u8]) -> u32 {
    let step = |crc: u32, octet: &u8| {
        (0..8).fold(crc ^ u32::from(*octet), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
    };
    !octets.iter().fold(!0, step)
}
