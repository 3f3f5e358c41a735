//! Pictures: what is taken, what is refused, and how they are served.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use serde_json::json;

use crate::support::{Answer, Client, TestApi};

fn picture(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let image = DynamicImage::ImageRgb8(RgbImage::from_pixel(300, 200, Rgb([10, 120, 200])));
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn avatar_url(me: &Answer) -> String {
    me.json()["avatarUrl"].as_str().unwrap().to_owned()
}

/// Whatever it holds: nothing in it can run, and nothing typed by a person is in a header.
#[track_caller]
fn assert_harmless(answer: &Answer) {
    assert_eq!(answer.header("content-security-policy"), "sandbox; default-src 'none'");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let disposition = answer.header("content-disposition");
    let name = disposition.strip_prefix("inline; filename=\"").and_then(|rest| rest.strip_suffix('"')).unwrap();
    let (id, extension) = name.split_once('.').unwrap();
    assert!(uuid::Uuid::parse_str(id).is_ok() && ["jpg", "webp", "svg"].contains(&extension), "{disposition}");
}

#[tokio::test]
async fn an_upload_becomes_the_avatar_until_it_is_deleted() {
    let api = TestApi::new();
    let ada = api.user("ada").await;
    let drawn = avatar_url(&ada.get("/api/users/me").await);
    for (format, media_type) in [
        (ImageFormat::Png, "image/png"),
        (ImageFormat::Jpeg, "image/jpeg"),
        (ImageFormat::WebP, "image/webp"),
        (ImageFormat::Gif, "image/gif"),
    ] {
        api.auth.clock.advance(std::time::Duration::from_secs(11));
        let url = avatar_url(&ada.put_picture(media_type, picture(format)).await.expect(200));
        assert_ne!(url, drawn);
        let served = ada.get(&url).await.expect(200);
        assert_eq!(served.header("content-type"), "image/jpeg");
        assert_eq!(served.header("cache-control"), "private, max-age=31536000, immutable");
        assert_harmless(&served);
        let image = image::load_from_memory(&served.body).unwrap();
        assert_eq!((image.width(), image.height()), (256, 256), "{media_type}");
    }
    let back = ada.delete("/api/users/me/avatar").await.expect(200);
    assert_eq!(avatar_url(&back), drawn);
    assert_eq!(ada.get(&drawn).await.expect(200).header("content-type"), "image/svg+xml");
    ada.delete("/api/users/me/avatar").await.expect(200);
}

#[tokio::test]
async fn an_etag_spares_the_bytes() {
    let api = TestApi::new();
    let ada = api.user("ada").await;
    let url = avatar_url(&ada.put_picture("image/png", picture(ImageFormat::Png)).await.expect(200));
    let plain = url.split('?').next().unwrap();
    let first = ada.get(plain).await.expect(200);
    assert_eq!(first.header("cache-control"), "private, no-cache");
    let etag = first.header("etag").to_owned();
    for tag in [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".into()] {
        let again = ada.clone().header("if-none-match", tag).get(plain).await.expect(304);
        assert!(again.body.is_empty());
        assert_eq!(again.header("etag"), etag);
    }
    ada.clone().header("if-none-match", "\"other\"").get(plain).await.expect(200);
    api.auth.clock.advance(std::time::Duration::from_secs(11));
    ada.put_picture("image/gif", picture(ImageFormat::Gif)).await.expect(200);
    ada.clone().header("if-none-match", etag).get(plain).await.expect(200);
}

#[tokio::test]
async fn f1_what_is_no_picture_is_never_served() {
    let api = TestApi::new();
    let ada = api.user("ada").await;
    let before = avatar_url(&ada.get("/api/users/me").await);
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec();
    let html = b"<!doctype html><script>alert(1)</script>".to_vec();
    for (media_type, bytes) in [
        ("image/svg+xml", &svg),
        ("text/html", &html),
        ("application/octet-stream", &svg),
        ("image/png", &svg),
        ("image/gif", &html),
    ] {
        ada.put_picture(media_type, bytes.clone()).await.expect_problem(415, "unsupported-media-type");
    }
    assert_eq!(avatar_url(&ada.get("/api/users/me").await), before);
}

#[tokio::test]
async fn f2_content_that_is_not_its_type_and_pictures_that_are_too_large_are_refused() {
    let api = TestApi::new();
    let ada = api.user("ada").await;
    let png = picture(ImageFormat::Png);
    let refused = ada.put_picture("image/jpeg", png.clone()).await.expect_problem(415, "unsupported-media-type");
    assert!(refused.text().contains("image/png"), "says what it is");
    ada.put_picture("image/png", png[..50].to_vec()).await.expect_problem(415, "unsupported-media-type");
    ada.put_picture("image/png", Vec::new()).await.expect_problem(415, "unsupported-media-type");

    let mut heavy = png;
    heavy.resize(5 * 1024 * 1024 + 1, 0);
    ada.put_picture("image/png", heavy).await.expect_problem(413, "payload-too-large");
    let mut wide = Cursor::new(Vec::new());
    DynamicImage::new_luma8(8193, 2).write_to(&mut wide, ImageFormat::Png).unwrap();
    ada.put_picture("image/png", wide.into_inner()).await.expect_problem(413, "payload-too-large");
}

#[tokio::test]
async fn f3_paths_in_names_lead_nowhere() {
    let api = TestApi::new();
    let ada = api.user("ada").await;
    for name in ["../../etc/passwd", "a/b\\c", "\"; filename=\"evil.html"] {
        ada.patch("/api/users/me", json!({ "displayName": name })).await.expect(200);
        let me = ada.get("/api/users/me").await;
        assert_harmless(&ada.get(&avatar_url(&me)).await.expect(200));
    }
    let ada = ada.header("content-disposition", "attachment; filename=\"../../../x.html\"");
    let me = ada.put_picture("image/png", picture(ImageFormat::Png)).await.expect(200);
    assert_harmless(&ada.get(&avatar_url(&me)).await.expect(200));
}

#[tokio::test]
async fn c1_a_drawn_avatar_holds_no_markup_of_the_name() {
    let api = TestApi::new();
    let ada = api.user("ada").await;
    for name in ["<script>alert(1)</script>", "\"><svg onload=alert(1)>", "&amp; <b>"] {
        ada.patch("/api/users/me", json!({ "displayName": name })).await.expect(200);
        let svg = ada.get(&avatar_url(&ada.get("/api/users/me").await)).await.expect(200);
        assert_harmless(&svg);
        let text = svg.text();
        assert!(!text.contains("script") && !text.contains("onload") && text.matches('<').count() == 5, "{text}");
    }
}

#[tokio::test]
async fn pictures_are_for_those_who_are_logged_in() {
    let api = TestApi::new();
    let ada = api.user("ada").await;
    let url = avatar_url(&ada.get("/api/users/me").await);
    api.stranger().get(&url).await.expect_problem(401, "unauthorized");
    api.stranger().put_picture("image/png", picture(ImageFormat::Png)).await.expect_problem(401, "unauthorized");
    let bob: Client = api.user("bob").await;
    bob.get(&url).await.expect(200);
}
