use image::{ImageEncoder, Rgb, RgbImage, Rgba};

use super::*;

/// Left half red, right half blue.
fn two_halves(width: u32, height: u32) -> DynamicImage {
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |x, _| {
        if x < width / 2 { Rgb([220, 20, 20]) } else { Rgb([20, 20, 220]) }
    }))
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn decoded(picture: &Picture) -> RgbaImage {
    image::load_from_memory(&picture.bytes).unwrap().into_rgba8()
}

/// An EXIF block (TIFF, little endian) with an orientation and a text as the camera's maker.
fn exif(orientation: u8, maker: &str) -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0\x02\0".to_vec();
    let maker = [maker.as_bytes(), b"\0"].concat();
    tiff.extend_from_slice(&[0x0f, 0x01, 2, 0]);
    tiff.extend_from_slice(&u32::try_from(maker.len()).unwrap().to_le_bytes());
    tiff.extend_from_slice(&38_u32.to_le_bytes());
    tiff.extend_from_slice(&[0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]);
    tiff.extend_from_slice(&[0; 4]);
    tiff.extend_from_slice(&maker);
    tiff
}

#[test]
fn every_format_becomes_a_square_of_256() {
    for (format, media_type) in [
        (ImageFormat::Png, "image/png"),
        (ImageFormat::Jpeg, "image/jpeg"),
        (ImageFormat::WebP, "image/webp"),
        (ImageFormat::Gif, "image/gif"),
    ] {
        for (width, height) in [(640, 400), (1, 1), (3, 900), (1500, 1200)] {
            let picture = prepare(media_type, &encoded(&two_halves(width, height), format)).unwrap();
            assert_eq!(decoded(&picture).dimensions(), (256, 256), "{media_type} {width}x{height}");
        }
    }
}

#[test]
fn the_centre_is_kept() {
    // 300 wide with 100 in the middle white: the crop of a 300x100 picture is the middle.
    let image = DynamicImage::ImageRgb8(RgbImage::from_fn(300, 100, |x, _| {
        if (100..200).contains(&x) { Rgb([255; 3]) } else { Rgb([0; 3]) }
    }));
    let picture = decoded(&prepare("image/png", &encoded(&image, ImageFormat::Png)).unwrap());
    assert!(picture.pixels().all(|p| p.0[0] > 200));
}

#[test]
fn transparency_survives() {
    let image = DynamicImage::ImageRgba8(RgbaImage::from_pixel(40, 40, Rgba([0, 255, 0, 0])));
    let picture = prepare("image/png", &encoded(&image, ImageFormat::Png)).unwrap();
    assert_eq!(picture.media_type, "image/webp");
    assert_eq!(decoded(&picture).get_pixel(128, 128).0[3], 0);
}

#[test]
fn exif_turns_the_picture_and_is_gone_afterwards() {
    let rgb = two_halves(64, 64).into_rgb8();
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
    encoder.set_exif_metadata(exif(6, "SecretMaker")).unwrap();
    encoder.write_image(&rgb, 64, 64, ExtendedColorType::Rgb8).unwrap();
    assert!(bytes.windows(11).any(|w| w == b"SecretMaker"), "the upload holds it");

    let picture = prepare("image/jpeg", &bytes).unwrap();
    assert!(!picture.bytes.windows(11).any(|w| w == b"SecretMaker"));
    assert!(!picture.bytes.windows(4).any(|w| w == b"Exif"));
    // Orientation 6: the left edge of the file is the top of the scene.
    let upright = decoded(&picture);
    assert!(upright.get_pixel(128, 20).0[0] > 150, "red on top");
    assert!(upright.get_pixel(128, 235).0[2] > 150, "blue below");
}

#[test]
fn content_and_type_must_agree() {
    let png = encoded(&two_halves(8, 8), ImageFormat::Png);
    for (media_type, bytes) in [
        ("image/jpeg", png.as_slice()),
        ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("image/png", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("image/png", b"<!doctype html><script>alert(1)</script>"),
        ("text/html", png.as_slice()),
        ("image/png", b""),
        ("image/png", &png[..40]),
        ("image/gif", b"GIF89a"),
    ] {
        assert!(matches!(prepare(media_type, bytes), Err(PictureError::Unsupported(_))), "{media_type}");
    }
}

/// A PNG whose header promises `width`×`height` RGBA pixels of `depth` bits a channel, followed by almost no data.
fn promising_png(width: u32, height: u32, depth: u8) -> Vec<u8> {
    let mut png = encoded(&DynamicImage::new_rgba8(4, 4), ImageFormat::Png);
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    png[24] = depth;
    let crc = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&crc.to_be_bytes());
    png
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[test]
fn huge_dimensions_are_refused_by_the_header_alone() {
    for (width, height) in [(60_000, 60_000), (8193, 10), (10, 8193), (8000, 8000), (i32::MAX as u32, 1)] {
        let started = std::time::Instant::now();
        let result = prepare("image/png", &promising_png(width, height, 8));
        assert!(matches!(result, Err(PictureError::TooLarge(_))), "{width}x{height}: {result:?}");
        assert!(started.elapsed().as_millis() < 500, "nothing was decoded");
    }
}

#[test]
fn f2_what_would_take_too_much_memory_to_decode_is_refused_by_the_header_alone() {
    // 36 megapixels are allowed. With 4 bytes each they fit, and only the missing data is wrong; with 8 they do not.
    let fits = prepare("image/png", &promising_png(6000, 6000, 8));
    assert!(matches!(fits, Err(PictureError::Unsupported(_))), "{fits:?}");
    let bomb = prepare("image/png", &promising_png(6000, 6000, 16));
    assert!(matches!(&bomb, Err(PictureError::TooLarge(detail)) if detail.contains("memory")), "{bomb:?}");
}

#[test]
fn many_pixels_in_few_bytes_are_no_reason_to_refuse() {
    // 36 megapixels of nothing.
    let bytes = encoded(&DynamicImage::new_luma8(6000, 6000), ImageFormat::Png);
    assert!(bytes.len() < 200_000, "{}", bytes.len());
    assert!(prepare("image/png", &bytes).is_ok());
}

#[test]
fn random_bytes_never_panic() {
    let png = encoded(&two_halves(16, 16), ImageFormat::Png);
    let jpeg = encoded(&two_halves(16, 16), ImageFormat::Jpeg);
    let webp = encoded(&two_halves(16, 16), ImageFormat::WebP);
    let gif = encoded(&two_halves(16, 16), ImageFormat::Gif);
    proptest::proptest!(|(at in 0usize..4096, value: u8, which in 0usize..4)| {
        let (media_type, bytes) =
            [("image/png", &png), ("image/jpeg", &jpeg), ("image/webp", &webp), ("image/gif", &gif)][which];
        let mut bytes = bytes.clone();
        let at = at % bytes.len();
        bytes[at] = value;
        let _ = prepare(media_type, &bytes);
    });
}
