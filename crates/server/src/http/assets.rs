//! The web client, embedded in the binary: its files, compressed when they were built, and `index.html` for every page.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH,
    VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::problem::problem;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dist;

/// Encodings of the files beside the plain ones, best first.
const ENCODINGS: [(&str, &str); 2] = [("br", "br"), ("gzip", "gz")];

/// Files with a hash in their name never change; everything else is asked for again.
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// Answers what no route did.
pub(crate) async fn fallback(request: Request) -> Response {
    let path = request.uri().path();
    if path == "/api" || path.starts_with("/api/") {
        return problem(StatusCode::NOT_FOUND, "not-found", "There is no such endpoint; see /api/docs.");
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let detail = "Only GET and HEAD are allowed here.";
        let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let name = path.trim_start_matches('/');
    if !name.is_empty() && Dist::get(name).is_some() {
        return file(name, request.headers());
    }
    if path.starts_with("/assets/") || !accepts_html(request.headers()) {
        return problem(StatusCode::NOT_FOUND, "not-found", "There is no such file.");
    }
    if Dist::get("index.html").is_none() {
        let text = "<!doctype html><title>Hubbub</title><p>The web client was not built into this binary; run <code>make run</code>.";
        return Html(text).into_response();
    }
    file("index.html", request.headers())
}

/// Whether a person asked for a page, rather than a program for a file.
fn accepts_html(headers: &HeaderMap) -> bool {
    let Some(accept) = headers.get(ACCEPT).and_then(|v| v.to_str().ok()) else { return true };
    accept.contains("text/html") || accept.contains("*/*")
}

fn file(name: &str, headers: &HeaderMap) -> Response {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or("");
    let compressed = ENCODINGS
        .iter()
        .filter(|(encoding, _)| accepts_encoding(accepted, encoding))
        .find_map(|(encoding, suffix)| Some((Dist::get(&format!("{name}.{suffix}"))?, Some(*encoding))));
    let Some((file, encoding)) = compressed.or_else(|| Some((Dist::get(name)?, None))) else {
        return problem(StatusCode::NOT_FOUND, "not-found", "There is no such file.");
    };
    let etag = etag(&file);
    let unchanged = headers.get(IF_NONE_MATCH).is_some_and(|seen| seen.as_bytes() == etag.as_bytes());
    let media_type = Dist::get(name).map_or_else(String::new, |plain| plain.metadata.mimetype().to_owned());
    let mut response =
        if unchanged { StatusCode::NOT_MODIFIED.into_response() } else { Response::new(Body::from(file.data)) };
    let mut set = |name: HeaderName, value: HeaderValue| response.headers_mut().insert(name, value);
    set(ETAG, etag);
    set(VARY, HeaderValue::from_static("accept-encoding"));
    set(CACHE_CONTROL, if name.starts_with("assets/") { FOREVER } else { REVALIDATE });
    if !unchanged {
        set(CONTENT_TYPE, content_type(&media_type));
        if let Some(encoding) = encoding {
            set(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
    }
    response
}

/// Whether `Accept-Encoding` names the encoding and does not refuse it with `q=0` (RFC 9110, section 12.5.3).
fn accepts_encoding(accepted: &str, encoding: &str) -> bool {
    accepted.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        let refused = parts.any(|p| p.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).is_some_and(|q| q <= 0.0));
        named && !refused
    })
}

fn etag(file: &EmbeddedFile) -> HeaderValue {
    let hash = file.metadata.sha256_hash();
    let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&format!("\"{hex}\"")).expect("hexadecimal digits are visible ASCII")
}

fn content_type(media_type: &str) -> HeaderValue {
    let text = matches!(media_type, "application/javascript" | "application/json") || media_type.starts_with("text/");
    let value = if text && !media_type.contains("charset") {
        format!("{media_type}; charset=utf-8")
    } else {
        media_type.to_owned()
    };
    HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(method: Method, path: &str, headers: &[(HeaderName, &str)]) -> Response {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        fallback(request.body(Body::empty()).unwrap()).await
    }

    #[tokio::test]
    async fn unknown_endpoints_and_files_are_not_pages() {
        for path in ["/api", "/api/nothing", "/assets/gone-123.js"] {
            let response = ask(Method::GET, path, &[(ACCEPT, "text/html")]).await;
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        }
        let response = ask(Method::GET, "/picture.png", &[(ACCEPT, "image/png")]).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(ask(Method::POST, "/rooms", &[]).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    }

    #[tokio::test]
    async fn every_page_is_html_that_is_asked_for_again() {
        for path in ["/", "/rooms", "/rooms/0192", "/../../etc/passwd"] {
            let response = ask(Method::GET, path, &[(ACCEPT, "text/html,*/*;q=0.8")]).await;
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert!(response.headers()[CONTENT_TYPE].to_str().unwrap().starts_with("text/html"));
            assert_ne!(response.headers().get(CACHE_CONTROL), Some(&FOREVER));
        }
    }

    #[test]
    fn accept_encoding_is_read_as_the_standard_says() {
        assert!(accepts_encoding("gzip, deflate, br;q=0.5", "br"));
        assert!(!accepts_encoding("gzip, br;q=0", "br"));
        assert!(!accepts_encoding("brotli", "br"));
    }
}
