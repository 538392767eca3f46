//! Draws the picture that is shown from the file that was uploaded.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder, ImageFormat, Limits,
    codecs::{
        jpeg::{JpegDecoder, JpegEncoder},
        png::PngDecoder,
        webp::WebPDecoder,
    },
    metadata::Orientation,
};

use crate::{
    colour, jpeg,
    limits::{self, MAX_SIDE, Unacceptable},
    png,
    source::Source,
    square, webp,
};

/// Pixels of each side of the square.
const SIDE: u32 = 256;
/// The upper half of JPEG's scale. Artefacts are invisible at this size.
const QUALITY: u8 = 85;
/// Bytes that the PNG decoder may allocate beside the pixels: two rows, and an inflated colour profile.
const MAX_PNG_CHUNKS: u64 = 4 * 1024 * 1024;

/// The pixels of a file, and what is needed to show them right.
struct Decoded {
    picture: DynamicImage,
    orientation: Orientation,
    profile: Option<Vec<u8>>,
}

/// Draws the middle of a JPEG, PNG or WebP as a small square JPEG, the right way up, on white, in sRGB.
///
/// # Errors
/// [`Unacceptable`] if the upload is not such a file, or exceeds the limits. Most files beyond them are refused by
/// their headers; no file makes a decoder allocate more than the limits permit.
pub(crate) fn render(upload: Vec<u8>) -> Result<Vec<u8>, Unacceptable> {
    let Decoded { picture, orientation, profile } = decoded(upload)?;
    let mut square = square::draw(&picture, SIDE);
    drop(picture);
    if let Some(profile) = profile {
        colour::to_srgb(&mut square, &profile);
    }
    let mut square = DynamicImage::from(square);
    square.apply_orientation(orientation);
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(&square)?;
    Ok(bytes)
}

fn decoded(upload: Vec<u8>) -> Result<Decoded, Unacceptable> {
    let format = image::guess_format(&upload)?;
    let mut source = match format {
        ImageFormat::Jpeg => jpeg::reduce(&upload),
        ImageFormat::Png => png::reduce(&upload),
        ImageFormat::WebP => webp::reduce(&upload),
        _ => Err(Unacceptable),
    }?;
    drop(upload);
    let file = Cursor::new(std::mem::take(&mut source.file));
    match format {
        ImageFormat::Jpeg => source.decode(JpegDecoder::new(file)?),
        ImageFormat::Png => {
            let mut limits = Limits::no_limits();
            (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE), Some(MAX_SIDE));
            limits.max_alloc = Some(MAX_PNG_CHUNKS);
            let mut decoder = PngDecoder::with_limits(file, limits)?;
            source.profile = decoder.icc_profile()?;
            source.decode(decoder)
        }
        _ => source.decode(WebPDecoder::new(file)?),
    }
}

impl Source {
    fn decode(self, decoder: impl ImageDecoder) -> Result<Decoded, Unacceptable> {
        let (width, height) = decoder.dimensions();
        limits::check(width, height, decoder.total_bytes())?;
        let orientation = self.exif.and_then(|exif| Orientation::from_exif_chunk(&exif));
        Ok(Decoded {
            picture: DynamicImage::from_decoder(decoder)?,
            orientation: orientation.unwrap_or(Orientation::NoTransforms),
            profile: self.profile,
        })
    }
}
