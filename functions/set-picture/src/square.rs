//! The middle square of a picture, as a small opaque one.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "shares and areas are small, and values of sRGB are between 0 and 255"
)]

use image::{DynamicImage, GenericImageView, ImageBuffer, Rgb, RgbImage, Rgba, imageops};

/// Draws the middle square of `picture` on white, `side` pixels a side.
///
/// Transparency is resolved first, on the encoded values, as browsers do. Pixels are averaged after that, in linear
/// light: colours of transparent pixels count for nothing, and fine patterns keep their brightness.
pub(crate) fn draw(picture: &DynamicImage, side: u32) -> RgbImage {
    let small = shrink(picture, side);
    let is_enlarged = small.width() < side;
    let small = if is_enlarged {
        imageops::resize(&small, side, side, imageops::FilterType::Triangle)
    } else {
        small
    };
    RgbImage::from_fn(side, side, |x, y| Rgb(small.get_pixel(x, y).0.map(encode)))
}

/// Averages the pixels of the middle square, weighted by area, to at most `side` by `side` ones.
fn shrink(picture: &DynamicImage, side: u32) -> ImageBuffer<Rgb<f32>, Vec<f32>> {
    let (width, height) = picture.dimensions();
    let from = width.min(height);
    let (left, top) = ((width - from) / 2, (height - from) / 2);
    let to = from.min(side);
    let linear: Vec<f32> = (0..=u8::MAX).map(decode).collect();
    let mut sums = ImageBuffer::from_pixel(to, to, Rgb([0.0; 3]));
    for y in 0..from {
        let mut row = vec![[0.0; 3]; to as usize];
        for x in 0..from {
            let light =
                on_white(picture.get_pixel(left + x, top + y)).map(|value| linear[usize::from(value)]);
            for (column, weight) in shares(x, from, to) {
                add(&mut row[column as usize], light, weight);
            }
        }
        for (line, weight) in shares(y, from, to) {
            for (x, light) in (0..to).zip(&row) {
                add(&mut sums.get_pixel_mut(x, line).0, *light, weight);
            }
        }
    }
    let area = (from * from) as f32;
    sums.pixels_mut().for_each(|sum| sum.0 = sum.0.map(|light| light / area));
    sums
}

/// Returns which of `to` equal parts the pixel at `position` of `from` falls into, and how much of it: in one part, or
/// in two. The shares of a part add up to `from`.
fn shares(position: u32, from: u32, to: u32) -> impl Iterator<Item = (u32, f32)> {
    let (start, end) = (position * to, (position + 1) * to);
    let first = start / from;
    let border = ((first + 1) * from).min(end);
    [(first, border - start), (first + 1, end - border)]
        .into_iter()
        .filter(|(_, share)| *share > 0)
        .map(|(part, share)| (part, share as f32))
}

fn add(sum: &mut [f32; 3], light: [f32; 3], weight: f32) {
    for (sum, light) in sum.iter_mut().zip(light) {
        *sum += light * weight;
    }
}

fn on_white(Rgba([red, green, blue, alpha]): Rgba<u8>) -> [u8; 3] {
    [red, green, blue].map(|colour| {
        let (colour, alpha) = (u32::from(colour), u32::from(alpha));
        u8::try_from((colour * alpha + 255 * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX)
    })
}

/// Decodes a value of sRGB to linear light (IEC 61966-2-1).
fn decode(value: u8) -> f32 {
    let value = f32::from(value) / 255.0;
    if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// Encodes linear light as a value of sRGB.
fn encode(light: f32) -> u8 {
    let value = if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    (value * 255.0).round() as u8
}
