//! From an uploaded file to a square picture of 256×256 that holds nothing but pixels.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::imageops::FilterType;
use image::{
    DynamicImage, ExtendedColorType, GenericImageView, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits,
    RgbaImage,
};

/// Largest file that is taken.
pub(crate) const MAX_UPLOAD_BYTES: usize = 5 * 1024 * 1024;
/// Largest width and height.
const MAX_SIDE: u32 = 8192;
/// Largest area: what a camera of 40 megapixels makes.
const MAX_PIXELS: u64 = 40_000_000;
/// What decoding one picture may allocate: 40 megapixels at 4 bytes, and some room to work.
const MAX_DECODE_BYTES: u64 = 192 * 1024 * 1024;
/// Width and height of what is stored.
const SIDE: u32 = 256;
/// JPEG quality of what is stored: higher is larger without being visibly better at this size.
const QUALITY: u8 = 90;

/// What is stored and served.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    /// `image/jpeg`, or `image/webp` when parts are transparent.
    pub(crate) media_type: &'static str,
    /// The encoded picture, without any metadata.
    pub(crate) bytes: Vec<u8>,
}

/// Why a file was refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PictureError {
    /// Not one of the types that are taken, not what its type says, or damaged.
    Unsupported(String),
    /// Too many pixels.
    TooLarge(String),
}

/// Checks, decodes, turns upright, crops to the centre square, scales and encodes anew. Takes CPU time: not for async
/// threads.
///
/// # Errors
/// [`PictureError`] saying what is wrong and what would be right.
pub(crate) fn prepare(content_type: &str, bytes: &[u8]) -> Result<Picture, PictureError> {
    let format = sniff(content_type, bytes)?;
    let name = content_type.trim_start_matches("image/").to_ascii_uppercase();
    let damaged = |error: ImageError| match error {
        ImageError::Limits(_) => PictureError::TooLarge(format!("this {name} takes too much memory to decode")),
        _ => PictureError::Unsupported(format!("this is no {name} that can be read; it may be damaged")),
    };

    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODE_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits.clone());
    // Reads the header only.
    let mut decoder = reader.into_decoder().map_err(|error| match error {
        ImageError::Limits(_) => too_many_pixels(),
        error => damaged(error),
    })?;
    let (width, height) = decoder.dimensions();
    if width > MAX_SIDE || height > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(too_many_pixels());
    }
    if width == 0 || height == 0 {
        return Err(PictureError::Unsupported(format!("this {name} has no pixels")));
    }
    limits.reserve(decoder.total_bytes()).map_err(damaged)?;
    decoder.set_limits(limits).map_err(damaged)?;
    let orientation = decoder.orientation().map_err(damaged)?;
    let image = DynamicImage::from_decoder(decoder).map_err(damaged)?;

    let mut square = DynamicImage::ImageRgba8(square(&image));
    // A centred square stays the centred square however it is turned, so the small one is turned.
    square.apply_orientation(orientation);
    encode(&square.into_rgba8()).map_err(damaged)
}

fn too_many_pixels() -> PictureError {
    PictureError::TooLarge(format!("at most {MAX_SIDE} pixels wide and high and {} megapixels", MAX_PIXELS / 1_000_000))
}

/// The format, when type and content agree on one that is taken.
fn sniff(content_type: &str, bytes: &[u8]) -> Result<ImageFormat, PictureError> {
    let declared = match content_type {
        "image/png" => ImageFormat::Png,
        "image/jpeg" => ImageFormat::Jpeg,
        "image/webp" => ImageFormat::WebP,
        "image/gif" => ImageFormat::Gif,
        _ => {
            let detail = "send a picture as image/png, image/jpeg, image/webp or image/gif";
            return Err(PictureError::Unsupported(detail.to_owned()));
        }
    };
    match image::guess_format(bytes) {
        Ok(found) if found == declared => Ok(declared),
        Ok(found) => {
            let found = found.to_mime_type();
            Err(PictureError::Unsupported(format!("the type says {content_type}, but the content is {found}")))
        }
        Err(_) => {
            Err(PictureError::Unsupported(format!("the type says {content_type}, but the content is no picture")))
        }
    }
}

/// The centre square at 256×256. Large pictures are averaged down first: fast, and no second large buffer is needed.
fn square(image: &DynamicImage) -> RgbaImage {
    let (width, height) = image.dimensions();
    let side = width.min(height);
    if side > 4 * SIDE {
        let scaled = |length: u32| length * (2 * SIDE) / side;
        return square(&image.thumbnail_exact(scaled(width), scaled(height)));
    }
    let square = image.crop_imm((width - side) / 2, (height - side) / 2, side, side);
    square.resize_exact(SIDE, SIDE, FilterType::Lanczos3).into_rgba8()
}

fn encode(image: &RgbaImage) -> Result<Picture, ImageError> {
    let mut bytes = Vec::new();
    if image.pixels().all(|pixel| pixel.0[3] == u8::MAX) {
        let rgb = DynamicImage::ImageRgba8(image.clone()).into_rgb8();
        JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode(&rgb, SIDE, SIDE, ExtendedColorType::Rgb8)?;
        Ok(Picture { media_type: "image/jpeg", bytes })
    } else {
        WebPEncoder::new_lossless(&mut bytes).encode(image, SIDE, SIDE, ExtendedColorType::Rgba8)?;
        Ok(Picture { media_type: "image/webp", bytes })
    }
}

#[cfg(test)]
#[path = "picture_tests.rs"]
mod tests;
