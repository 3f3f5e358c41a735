//! What the public listener does before any endpoint is reached.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Setup, client, get, text};

/// The server waits 10 seconds for a request head; the rest is for a busy machine.
const HEAD_LIMIT: Duration = Duration::from_secs(12);

/// Waits until the server closes the connection; what it said before.
async fn closed(mut stream: TcpStream) -> String {
    let mut said = Vec::new();
    let closed = tokio::time::timeout(HEAD_LIMIT, stream.read_to_end(&mut said)).await;
    let _ = closed.expect("the server closes the connection within 12 seconds");
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn connections_that_never_finish_their_request_are_closed() {
    let setup = Setup::new();
    let server = setup.start().await;
    let silent = TcpStream::connect(("127.0.0.1", setup.http)).await.unwrap();
    let mut half = TcpStream::connect(("127.0.0.1", setup.http)).await.unwrap();
    half.write_all(b"GET /ws?version=1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n").await.unwrap();
    let mut dripping = TcpStream::connect(("127.0.0.1", setup.http)).await.unwrap();
    let drip = async move {
        loop {
            if dripping.write_all(b"G").await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let (silent, half, dripped) = tokio::join!(closed(silent), closed(half), tokio::time::timeout(HEAD_LIMIT, drip));
    assert!(!silent.contains(" 101 ") && !half.contains(" 101 "));
    dripped.expect("one byte at a time does not keep a connection open");
    assert_eq!(get(&format!("{}/healthz", server.base)).await.unwrap().0, 200);
}

#[tokio::test]
async fn a_websocket_without_a_login_is_refused_before_it_opens() {
    let server = Setup::new().start().await;
    let url = format!("{}/ws?version=1", server.base.replace("http:", "ws:"));
    let error = tokio_tungstenite::connect_async(url).await.expect_err("no login, no socket");
    assert!(error.to_string().contains("401"), "{error}");
}

#[tokio::test]
async fn pages_and_endpoints_have_security_headers() {
    let server = Setup::new().start().await;
    for path in ["/", "/rooms", "/api/server", "/healthz", "/api/none"] {
        let response = client().get(format!("{}{path}", server.base)).send().await.unwrap();
        let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
        assert!(header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert!(!header("content-security-policy").contains("unsafe-inline"), "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert!(header("permissions-policy").contains("microphone=(self)"), "{path}");
        assert!(!header("x-request-id").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn unknown_endpoints_are_problems_and_pages_are_pages() {
    let server = Setup::new().start().await;
    let (status, body) = get(&format!("{}/api/none", server.base)).await.unwrap();
    assert_eq!((status, body["code"].as_str()), (404, Some("not-found")));
    assert!(text(&format!("{}/rooms", server.base)).await.to_lowercase().contains("<!doctype html>"));
}

#[tokio::test]
async fn metrics_are_on_their_own_listener_only() {
    let setup = Setup::new();
    let server = setup.start().await;
    let metrics = text(&format!("http://127.0.0.1:{}/metrics", setup.metrics)).await;
    for name in [
        "hubbub_http_requests_total",
        "hubbub_sfu_peers",
        "hubbub_sfu_packets_in_total{",
        "hubbub_sfu_packets_out_total{",
        "hubbub_sfu_join_seconds_bucket{",
        "hubbub_sfu_join_seconds_count",
        "hubbub_sfu_gso_segments_total{",
        "hubbub_sfu_send_errors_total{kind=\"no_room\"}",
        "hubbub_sfu_receive_drops_total{",
        "hubbub_sfu_late_ticks_total{",
        "hubbub_sfu_busy_ratio{worker=",
        "hubbub_sfu_relayed_out_total{worker=",
        "hubbub_sfu_joins_refused_total{reason=\"busy\"} 0",
        "hubbub_signaling_join_seconds_bucket{",
        "hubbub_signaling_media_setup_seconds_bucket{",
        "hubbub_sfu_dropped_total",
        "hubbub_signaling_sockets",
        "process_open_fds",
    ] {
        assert!(metrics.contains(name), "{name} is missing:\n{metrics}");
    }
    let public = text(&format!("{}/metrics", server.base)).await;
    assert!(!public.contains("hubbub_http_requests_total"), "{public}");
    let (status, _) = get(&format!("http://127.0.0.1:{}/api/server", setup.metrics)).await.unwrap();
    assert_eq!(status, 404);
}
