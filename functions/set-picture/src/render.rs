//! From whatever somebody has uploaded to the picture that is shown.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, Rgb, RgbImage, Rgba,
    codecs::jpeg::JpegEncoder, imageops::FilterType, metadata::Orientation,
};
use thiserror::Error;

/// Pixels of each side of the square.
const SIDE: u32 = 256;
/// The better half of JPEG's scale begins here; artefacts are not seen at this size.
const QUALITY: u8 = 85;
/// What the best cameras of telephones make. Decoded they are 200 MB at most.
const MAX_PIXELS: u64 = 50_000_000;
/// So many octets, the decoder's own included.
const MAX_DECODED: u64 = 256 * 1024 * 1024;

/// What was uploaded is no picture that can be used. Says no more: it would quote what was sent.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("no picture that can be used")]
pub struct Unacceptable;

impl From<ImageError> for Unacceptable {
    fn from(_: ImageError) -> Self {
        Self
    }
}

/// The middle of a JPEG, PNG or WebP as a small square JPEG, the right way up, on white.
pub(crate) fn render(upload: &[u8]) -> Result<Vec<u8>, Unacceptable> {
    let (picture, orientation) = decoded(upload)?;
    let mut square = picture.resize_to_fill(SIDE, SIDE, FilterType::CatmullRom);
    square.apply_orientation(orientation);
    let mut octets = Vec::new();
    JpegEncoder::new_with_quality(&mut octets, QUALITY).encode_image(&on_white(&square))?;
    Ok(octets)
}

fn decoded(upload: &[u8]) -> Result<(DynamicImage, Orientation), Unacceptable> {
    let mut reader = ImageReader::new(Cursor::new(upload)).with_guessed_format().map_err(|_| Unacceptable)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(Unacceptable);
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    Ok((DynamicImage::from_decoder(decoder)?, orientation))
}

/// JPEG knows no transparency.
fn on_white(picture: &DynamicImage) -> RgbImage {
    let picture = picture.to_rgba8();
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let Rgba([red, green, blue, alpha]) = *picture.get_pixel(x, y);
        let over = |colour: u8| {
            let (colour, alpha) = (u32::from(colour), u32::from(alpha));
            u8::try_from((colour * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
        };
        Rgb([over(red), over(green), over(blue)])
    })
}
