//! Colour profiles (ICC.1), from which colours are brought to sRGB.

use image::{Rgb, RgbImage};
use moxcms::{ColorProfile, DataColorSpace, Layout, ParsingOptions, TransformOptions};

/// Bytes of a profile. Profiles of cameras and displays are some thousand bytes long.
const MAX_PROFILE: usize = 512 * 1024;

/// Converts `picture` from the colours of `profile` to sRGB. Leaves it as it is if the profile is unusable, or if it
/// is one for printing: the decoder has converted the inks to colours by then.
///
/// The picture is small by now, so that no profile can cost much.
pub(crate) fn to_srgb(picture: &mut RgbImage, profile: &[u8]) {
    if let Some(converted) = converted(picture, profile) {
        *picture = converted;
    }
}

fn converted(picture: &RgbImage, profile: &[u8]) -> Option<RgbImage> {
    let options = ParsingOptions { max_profile_size: MAX_PROFILE, ..ParsingOptions::default() };
    let profile = ColorProfile::new_from_slice_with_options(profile, options).ok()?;
    let is_grey = |Rgb([red, green, blue]): &Rgb<u8>| red == green && green == blue;
    let (layout, pixels) = match profile.color_space {
        DataColorSpace::Rgb => (Layout::Rgb, picture.as_raw().clone()),
        DataColorSpace::Gray if picture.pixels().all(is_grey) => {
            (Layout::Gray, picture.pixels().map(|pixel| pixel.0[0]).collect())
        }
        _ => return None,
    };
    let srgb = ColorProfile::new_srgb();
    let transform =
        profile.create_transform_8bit(layout, &srgb, Layout::Rgb, TransformOptions::default()).ok()?;
    let mut converted = RgbImage::new(picture.width(), picture.height());
    transform.transform(&pixels, &mut converted).ok()?;
    Some(converted)
}
