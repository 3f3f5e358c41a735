//! One connection of a visitor: HTTP/1.1 or HTTP/2 until it is done, idles, or is told to stop.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::HOST;
use axum::http::{HeaderValue, Request};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::activity::{Activity, Held};

/// How long a client may take for a request head, and how long an HTTP/1.1 connection may idle between requests. Longer lets
/// idle connections hold memory and file descriptors; shorter cuts off phones on bad networks.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an HTTP/2 connection may idle after its first request. There is one for a whole browser, and another one costs a TLS
/// handshake.
const HTTP2_IDLE: Duration = Duration::from_secs(60);

/// How often the other side of an HTTP/2 connection is asked whether it is still there, and how long it may take to say so.
const HTTP2_PING: Duration = Duration::from_secs(20);

/// Requests at the same time on one HTTP/2 connection. Browsers have about ten; more cost memory.
const HTTP2_STREAMS: u32 = 100;

/// Bytes of a request head in HTTP/2; HTTP/1.1 has hyper's limits.
const HTTP2_HEAD: u32 = 16 << 10;

/// Requests of an HTTP/2 connection that were taken back before they were looked at, and those that broke the protocol, until
/// the connection is closed (CVE-2023-44487, CVE-2025-8671). Browsers take a few back when somebody leaves a page.
const HTTP2_RESETS: usize = 50;

/// How long an HTTP/2 client may take to go after it was asked to.
const HTTP2_GOODBYE: Duration = Duration::from_secs(5);

/// Serves HTTP/1.1, with one request after the other unless `keep` is false, and WebSockets.
pub(super) async fn http1<S>(stream: S, peer: SocketAddr, router: Router, keep: bool, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = router.map_request(move |request| prepare(request, peer));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .keep_alive(keep)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended badly");
    }
}

/// Serves HTTP/2. WebSockets do not come here: without extended CONNECT (RFC 8441) browsers open an HTTP/1.1 connection for them.
pub(super) async fn http2<S>(stream: S, peer: SocketAddr, router: Router, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Activity::new(HEAD_TIMEOUT, HTTP2_IDLE);
    let requests = activity.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let (running, router) = (requests.begin(), router.clone());
        async move {
            let response =
                router.oneshot(prepare(request, peer)).await.unwrap_or_else(|never: Infallible| match never {});
            Ok::<_, Infallible>(response.map(|body| Held::new(body, running)))
        }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS)
        .max_header_list_size(HTTP2_HEAD)
        .max_pending_accept_reset_streams(HTTP2_RESETS)
        .max_local_error_reset_streams(HTTP2_RESETS)
        .keep_alive_interval(HTTP2_PING)
        .keep_alive_timeout(HTTP2_PING)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let stopped = tokio::select! {
        result = connection.as_mut() => return report(result),
        () = stop.cancelled() => true,
        has_begun = activity.idle() => {
            if !has_begun {
                // Who never asked for anything is owed no goodbye.
                return;
            }
            false
        }
    };
    connection.as_mut().graceful_shutdown();
    if stopped {
        // Whoever stops us waits as long as it wants to.
        return report(connection.await);
    }
    if let Ok(result) = tokio::time::timeout(HTTP2_GOODBYE, connection).await {
        report(result);
    }
}

fn report(result: hyper::Result<()>) {
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended badly");
    }
}

/// Adds what handlers want to know: who asks, and under which name, which HTTP/2 has in the target (RFC 9113, section 8.3.1).
fn prepare(mut request: Request<Incoming>, peer: SocketAddr) -> Request<Body> {
    request.extensions_mut().insert(ConnectInfo(peer));
    if !request.headers().contains_key(HOST) {
        let authority = request.uri().authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok());
        authority.map(|host| request.headers_mut().insert(HOST, host));
    }
    request.map(Body::new)
}
