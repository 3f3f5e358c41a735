//! HTTP without TLS, where there is TLS: the way to https, and the pages that ACME servers look for.

use axum::Router;
use axum::extract::{OriginalUri, Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use url::Url;

use crate::tls::Challenges;

#[derive(Clone)]
struct Redirect {
    /// Of the public URL: the scheme, the host, and the port if it is another than 443.
    origin: String,
    challenges: Challenges,
}

/// Leads everybody to the same path at `public_url`.
pub(crate) fn router(public_url: &Url, challenges: Challenges) -> Router {
    let origin = public_url.origin().ascii_serialization();
    Router::new()
        .route("/.well-known/acme-challenge/{token}", get(challenge))
        .fallback(redirect)
        .with_state(Redirect { origin, challenges })
}

/// RFC 8555, section 8.3. A token that nobody waits for is a path like any other.
async fn challenge(
    State(state): State<Redirect>,
    Path(token): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Response {
    match state.challenges.page(&token) {
        Some(page) => ([(CONTENT_TYPE, "application/octet-stream"), (CACHE_CONTROL, "no-store")], page).into_response(),
        None => lead(&state, &uri),
    }
}

async fn redirect(State(state): State<Redirect>, OriginalUri(uri): OriginalUri) -> Response {
    lead(&state, &uri)
}

/// 308 keeps method and body (RFC 9110, section 15.4.9). The host is ours whatever was asked for.
fn lead(state: &Redirect, uri: &Uri) -> Response {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let path = if path.starts_with('/') { path } else { "/" };
    match HeaderValue::from_str(&format!("{}{path}", state.origin)) {
        Ok(location) => (StatusCode::PERMANENT_REDIRECT, [(LOCATION, location)]).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    async fn ask(method: &str, target: &str) -> (u16, String) {
        let url = Url::parse("https://talk.example.org:8443").unwrap();
        let challenges = Challenges::default();
        let _posted = challenges.post_page("abc-_1", "abc-_1.thumb");
        let request = Request::builder().method(method).uri(target).body(Body::empty()).unwrap();
        let response = router(&url, challenges.clone()).oneshot(request).await.unwrap();
        let location = response.headers().get(LOCATION).map_or("", |value| value.to_str().unwrap()).to_owned();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        (status, format!("{location}{}", String::from_utf8_lossy(&body)))
    }

    #[tokio::test]
    async fn everything_is_led_to_the_public_url_and_nowhere_else() {
        let origin = "https://talk.example.org:8443";
        for (target, path) in [
            ("/", "/"),
            ("/rooms/a%20b?x=1&y=/", "/rooms/a%20b?x=1&y=/"),
            ("//evil.example/x", "//evil.example/x"),
            ("http://evil.example/x?y", "/x?y"),
            ("/.well-known/acme-challenge/other", "/.well-known/acme-challenge/other"),
            ("/.well-known/acme-challenge/", "/.well-known/acme-challenge/"),
        ] {
            assert_eq!(ask("GET", target).await, (308, format!("{origin}{path}")), "{target}");
        }
        assert_eq!(ask("POST", "/api/auth/login").await, (308, format!("{origin}/api/auth/login")));
        assert_eq!(ask("OPTIONS", "*").await, (308, format!("{origin}/")));
    }

    #[tokio::test]
    async fn the_page_that_an_acme_server_looks_for_is_there() {
        assert_eq!(ask("GET", "/.well-known/acme-challenge/abc-_1").await, (200, "abc-_1.thumb".to_owned()));
    }
}
