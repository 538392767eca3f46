//! The pixels of rendered pictures.

use std::io::Cursor;

use image::{
    ExtendedColorType, ImageEncoder, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage,
    codecs::{jpeg::JpegEncoder, png::PngEncoder, webp::WebPEncoder},
};
use moxcms::ColorProfile;
use stage::Stage;

use crate::{files, shown, uploaded};

/// The highest deviation that JPEG may cause.
const NEAR: u8 = 4;

async fn drawn(file: &[u8]) -> RgbImage {
    let stage = Stage::new();
    let tokens = uploaded(&stage, file).await;
    let profile = stage.set_picture(&tokens.access).await.expect(200);
    let picture = shown(&stage, &profile.body).await.expect(200);
    image::load_from_memory(picture.octets()).expect("a picture").to_rgb8()
}

async fn drawn_png(picture: &RgbaImage) -> RgbImage {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, ImageFormat::Png).expect("written");
    drawn(&file.into_inner()).await
}

#[track_caller]
fn assert_near(seen: Rgb<u8>, expected: [u8; 3]) {
    let is_near = seen.0.iter().zip(expected).all(|(seen, expected)| seen.abs_diff(expected) <= NEAR);
    assert!(is_near, "{seen:?}, not {expected:?}");
}

#[tokio::test]
async fn a_white_circle_on_transparent_black_has_no_ring() {
    let circle = RgbaImage::from_fn(600, 600, |x, y| {
        let is_inside = x.abs_diff(300).pow(2) + y.abs_diff(300).pow(2) < 200 * 200;
        Rgba(if is_inside { [255; 4] } else { [0; 4] })
    });

    let drawn = drawn_png(&circle).await;

    let darkest = drawn.pixels().flat_map(|pixel| pixel.0).min().expect("pixels");
    assert!(darkest >= 255 - NEAR, "{darkest}");
}

#[tokio::test]
async fn half_transparent_black_is_the_grey_that_browsers_show() {
    let drawn = drawn_png(&RgbaImage::from_pixel(300, 300, Rgba([0, 0, 0, 128]))).await;

    assert_near(*drawn.get_pixel(128, 128), [127; 3]);
}

#[tokio::test]
async fn a_fine_pattern_keeps_its_brightness() {
    let board =
        RgbaImage::from_fn(512, 512, |x, y| Rgba(if (x + y) % 2 == 0 { [0, 0, 0, 255] } else { [255; 4] }));

    let drawn = drawn_png(&board).await;

    // Half the light of white. Half of its encoded value would be 128.
    assert_near(*drawn.get_pixel(128, 128), [188; 3]);
}

#[tokio::test]
async fn a_small_picture_is_enlarged_without_new_colours() {
    let drawn = drawn_png(&RgbaImage::from_pixel(3, 7, Rgba([10, 200, 90, 255]))).await;

    assert_eq!(drawn.dimensions(), (256, 256));
    assert_near(*drawn.get_pixel(0, 255), [10, 200, 90]);
}

/// The red of sRGB in Display P3.
const RED_IN_P3: [u8; 3] = [234, 51, 35];

fn with_profile(mut encoder: impl ImageEncoder, profile: Vec<u8>) {
    encoder.set_icc_profile(profile).expect("taken");
    let picture = RgbImage::from_pixel(300, 300, Rgb(RED_IN_P3));
    encoder.write_image(&picture, 300, 300, ExtendedColorType::Rgb8).expect("written");
}

#[tokio::test]
async fn a_red_of_display_p3_stays_that_red() {
    let profile = ColorProfile::new_display_p3().encode().expect("a profile");
    let [mut png, mut jpeg, mut webp] = [Vec::new(), Vec::new(), Vec::new()];
    with_profile(PngEncoder::new(&mut png), profile.clone());
    with_profile(JpegEncoder::new_with_quality(&mut jpeg, 100), profile.clone());
    with_profile(WebPEncoder::new_lossless(&mut webp), profile);

    for file in [png, jpeg, webp] {
        assert_near(*drawn(&file).await.get_pixel(128, 128), [255, 0, 0]);
    }
}

#[tokio::test]
async fn an_unusable_profile_is_ignored() {
    let mut file = Vec::new();
    with_profile(PngEncoder::new(&mut file), b"not a profile".repeat(20));

    assert_near(*drawn(&file).await.get_pixel(128, 128), RED_IN_P3);
}

#[tokio::test]
async fn all_eight_orientations_are_turned_upright() {
    let [red, green, blue, black]: [[u8; 3]; 4] = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [0; 3]];
    for (orientation, corners) in [
        (1, [red, green, blue, black]),
        (2, [green, red, black, blue]),
        (3, [black, blue, green, red]),
        (4, [blue, black, red, green]),
        (5, [red, blue, green, black]),
        (6, [blue, red, black, green]),
        (7, [black, green, blue, red]),
        (8, [green, black, red, blue]),
    ] {
        let [mut png, mut jpeg, mut webp] = [Vec::new(), Vec::new(), Vec::new()];
        files::oriented(PngEncoder::new(&mut png), orientation);
        files::oriented(JpegEncoder::new_with_quality(&mut jpeg, 100), orientation);
        files::oriented(WebPEncoder::new_lossless(&mut webp), orientation);

        for (format, file) in [("png", png), ("jpeg", jpeg), ("webp", webp)] {
            let drawn = drawn(&file).await;
            let places = [(20, 20), (235, 20), (20, 235), (235, 235)];
            let seen =
                places.map(|(x, y)| drawn.get_pixel(x, y).0.map(|value| if value > 127 { 255 } else { 0 }));
            assert_eq!(seen, corners, "{format}, orientation {orientation}");
        }
    }
}
