//! The limits that every picture meets before memory is allocated for its pixels.

use thiserror::Error;

/// Pixels of a side. This is the most of JPEG, and bounds the single rows of PNG.
pub(crate) const MAX_SIDE: u32 = 65_535;
/// The resolution of the best telephone cameras.
const MAX_PIXELS: u64 = 50_000_000;
/// Bytes of the decoded pixels, in the pixel format of the file, and of all that the decoder allocates beside them.
/// The function itself, the upload and its reduced copy fit into the 64 MiB up to a total of 256 MiB.
pub(crate) const MAX_MEMORY: u64 = 192 * 1024 * 1024;

/// The upload is not a picture, or not one within the limits. The text quotes nothing from the file.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the upload is not an acceptable picture")]
pub(crate) struct Unacceptable;

impl From<image::ImageError> for Unacceptable {
    fn from(_: image::ImageError) -> Self {
        Self
    }
}

/// Returns the number of pixels, if a decoder may spend `memory` bytes on so many.
///
/// # Errors
/// [`Unacceptable`] if a limit is exceeded.
pub(crate) fn check(width: u32, height: u32, memory: u64) -> Result<u64, Unacceptable> {
    let pixels = u64::from(width) * u64::from(height);
    let is_within =
        width <= MAX_SIDE && height <= MAX_SIDE && (1..=MAX_PIXELS).contains(&pixels) && memory <= MAX_MEMORY;
    if is_within { Ok(pixels) } else { Err(Unacceptable) }
}
