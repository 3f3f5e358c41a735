//! What every request passes through, from the outside in: identification, counting and logging, panics, headers,
//! compression. The REST API limits time and rates itself.

use std::any::Any;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::Predicate;
use tracing::Instrument;
use url::Url;
use uuid::Uuid;

use super::problem::problem;
use crate::telemetry::metrics::HttpMetrics;
use crate::telemetry::traces;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Wraps `router` in all of them.
pub(crate) fn wrap(router: Router, public_url: &Url, hsts_seconds: u32, metrics: HttpMetrics) -> Router {
    router
        .layer(CompressionLayer::new().compress_when(JsonOnly))
        .layer(from_fn_with_state(SecurityHeaders::new(public_url, hsts_seconds), secure))
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(from_fn_with_state(metrics, observe))
        .layer(from_fn(identify))
}

/// The id under which a request is found in the log; the response has it as `x-request-id`.
async fn identify(mut request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().to_string();
    let span = if is_quiet(route(&request)) {
        tracing::info_span!(target: traces::QUIET, "request", request.id = %id, user.id = tracing::field::Empty)
    } else {
        tracing::info_span!("request", request.id = %id, user.id = tracing::field::Empty)
    };
    if let Some(trace) = traces::continuation(&span) {
        request.extensions_mut().insert(trace);
    }
    let value = HeaderValue::from_str(&id).expect("an id is visible ASCII");
    // In place of what the client may say there: others log it.
    request.headers_mut().insert(REQUEST_ID, value.clone());
    let mut response = next.run(request).instrument(span).await;
    response.headers_mut().insert(REQUEST_ID, value);
    response
}

/// Counts and logs a request under its route's pattern, never its path or query: those may hold tickets and invitations.
async fn observe(State(metrics): State<HttpMetrics>, request: Request, next: Next) -> Response {
    let route = route(&request).to_owned();
    let method = known_method(request.method());
    let started = Instant::now();
    let under_way = metrics.begin();
    let response = next.run(request).await;
    drop(under_way);
    let elapsed = started.elapsed();
    let status = response.status().as_u16();
    metrics.observe(method, &route, status, elapsed);
    let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    traces::describe(method, &route, status);
    if status >= 500 {
        tracing::warn!(http.method = method, http.route = route, http.status = status, milliseconds, "request failed");
    } else if is_quiet(&route) {
        tracing::debug!(http.method = method, http.route = route, http.status = status, milliseconds, "request");
    } else {
        tracing::info!(http.method = method, http.route = route, http.status = status, milliseconds, "request");
    }
    response
}

/// The route's pattern.
fn route(request: &Request) -> &str {
    request.extensions().get::<MatchedPath>().map_or("web-client", MatchedPath::as_str)
}

/// Whether a request to this route is of little interest: files, and whether the server is well.
fn is_quiet(route: &str) -> bool {
    !route.starts_with("/api/") && route != "/ws"
}

/// Invented methods must not make new time series.
fn known_method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// The panic itself was logged by the panic hook.
fn answer_panic(_: Box<dyn Any + Send + 'static>) -> Response {
    problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on the server; it was logged.")
}

/// Headers that limit what a page of ours may do in the browser.
#[derive(Clone)]
struct SecurityHeaders {
    policy: HeaderValue,
    /// That there is nothing but https here (RFC 6797).
    transport: Option<HeaderValue>,
}

impl SecurityHeaders {
    fn new(public_url: &Url, hsts_seconds: u32) -> Self {
        let https = public_url.scheme() == "https";
        let socket = if https { "wss" } else { "ws" };
        let origin = public_url.origin().ascii_serialization();
        let host = origin.split_once("://").map_or("", |(_, host)| host);
        let policy = format!(
            "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
             connect-src 'self' {socket}://{host}; media-src 'self' blob:; font-src 'self'; worker-src 'self' blob:; \
             manifest-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        );
        let policy = HeaderValue::from_str(&policy).expect("an origin has only visible ASCII characters");
        let transport = (https && hsts_seconds > 0).then(|| format!("max-age={hsts_seconds}").parse().ok()).flatten();
        Self { policy, transport }
    }

    fn apply(self, headers: &mut HeaderMap) {
        let mut default = |name: HeaderName, value: HeaderValue| {
            headers.entry(name).or_insert(value);
        };
        let fixed = HeaderValue::from_static;
        default(CONTENT_SECURITY_POLICY, self.policy);
        default(X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
        default(REFERRER_POLICY, fixed("strict-origin-when-cross-origin"));
        let features = "microphone=(self), autoplay=(self), speaker-selection=(self), camera=(), geolocation=(), payment=(), usb=()";
        default(HeaderName::from_static("permissions-policy"), fixed(features));
        default(HeaderName::from_static("cross-origin-opener-policy"), fixed("same-origin"));
        default(HeaderName::from_static("cross-origin-resource-policy"), fixed("same-origin"));
        if let Some(transport) = self.transport {
            default(STRICT_TRANSPORT_SECURITY, transport);
        }
    }
}

/// Adds the headers that the handler has not set itself.
async fn secure(State(headers): State<SecurityHeaders>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    headers.apply(response.headers_mut());
    response
}

/// Compresses JSON; files come compressed, and pictures are so by nature.
#[derive(Clone, Copy)]
struct JsonOnly;

impl Predicate for JsonOnly {
    fn should_compress<B>(&self, response: &axum::http::Response<B>) -> bool
    where
        B: axum::body::HttpBody,
    {
        let small = response.body().size_hint().exact().is_some_and(|size| size < 256);
        let media_type = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
        !small && (media_type.starts_with("application/json") || media_type.starts_with("application/problem+json"))
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::routing::get;
    use prometheus::Registry;
    use tower::ServiceExt;

    use super::*;

    async fn ask(path: &str) -> (StatusCode, HeaderMap, String) {
        let router = Router::new()
            .route("/panic", get(|| async { panic!("a bug") as &str }))
            .route("/own", get(|| async { [(CONTENT_SECURITY_POLICY, "sandbox")] }))
            .route("/fine", get(|| async { "fine" }));
        let metrics = HttpMetrics::register(&Registry::new()).unwrap();
        let url = Url::parse("https://talk.example.org").unwrap();
        let router = wrap(router, &url, 31_536_000, metrics);
        let response = router.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_panic_is_answered_and_the_next_request_is_served() {
        let (status, headers, body) = ask("/panic").await;
        assert_eq!(
            (status, &headers[CONTENT_TYPE]),
            (StatusCode::INTERNAL_SERVER_ERROR, &HeaderValue::from_static("application/problem+json"))
        );
        assert!(body.contains(r#""code":"internal""#) && !body.contains("a bug"), "{body}");
        assert_eq!(ask("/fine").await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn security_headers_are_set_unless_the_handler_has_its_own() {
        let (_, headers, _) = ask("/fine").await;
        let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(
            policy.contains("connect-src 'self' wss://talk.example.org;") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert!(headers.contains_key(STRICT_TRANSPORT_SECURITY) && headers.contains_key("x-request-id"));
        assert_eq!(ask("/own").await.1[CONTENT_SECURITY_POLICY], "sandbox");
    }
}
