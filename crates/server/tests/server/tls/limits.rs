//! Clients that waste a server's time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::Secure;
use crate::harness::PATIENCE;

/// The server waits 10 seconds for a handshake, and for a request; the rest is for a busy machine.
const LIMIT: Duration = Duration::from_secs(20);

async fn closed(mut stream: impl AsyncRead + Unpin) {
    let mut said = Vec::new();
    let closed = tokio::time::timeout(LIMIT, stream.read_to_end(&mut said)).await;
    let _ = closed.expect("the server closes the connection in time");
}

#[tokio::test]
async fn g2_who_does_not_finish_the_handshake_or_asks_nothing_is_closed() {
    let secure = Secure::new();
    let server = secure.setup.start().await;
    let connect = || TcpStream::connect(("127.0.0.1", secure.setup.http));
    let silent = connect().await.unwrap();
    let mut half = connect().await.unwrap();
    half.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]).await.unwrap();
    let mut dripping = connect().await.unwrap();
    let drip = async move {
        dripping.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]).await.unwrap();
        loop {
            if dripping.write_all(&[0]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let http1 = secure.connect(&[b"http/1.1"]).await;
    let mute = secure.connect(&[b"h2"]).await;
    let mut preface = secure.connect(&[b"h2"]).await;
    // The preface and empty settings (RFC 9113, section 3.4).
    preface.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let dripped = tokio::time::timeout(LIMIT, drip);
    let (_, _, dripped, _, _, _) =
        tokio::join!(closed(silent), closed(half), dripped, closed(http1), closed(mute), closed(preface));
    dripped.expect("one byte at a time does not keep a connection open");
    assert!(server.metric(r#"hubbub_tls_handshakes_total{outcome="timed_out"}"#).await >= Some(3.0));
    assert_eq!(server.get("/healthz", None).await.0, 200);
}

#[tokio::test]
async fn what_is_neither_tls_nor_http_is_closed_at_once() {
    let secure = Secure::new();
    let server = secure.setup.start().await;
    let asked = Instant::now();
    for bytes in [&[0_u8, 1, 2, 3][..], &[128, 46, 1, 0, 2], &[22, 3, 1, 255, 255, 9, 9, 9, 9]] {
        let mut stream = TcpStream::connect(("127.0.0.1", secure.setup.http)).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        if bytes[0] == 22 {
            stream.shutdown().await.unwrap();
        }
        closed(stream).await;
    }
    assert!(asked.elapsed() < Duration::from_secs(8), "not by a deadline");
    server.metric_reaches(r#"hubbub_tls_handshakes_total{outcome="failed"}"#, 3.0).await;
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `GET https://a/` by the static table (RFC 7541, appendix A).
const GET: &[u8] = &[0x82, 0x87, 0x84, 0x01, 1, b'a'];

/// RFC 9113, section 4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The next frame: its kind, its stream and what is in it.
async fn next(stream: &mut TlsStream<TcpStream>) -> std::io::Result<(u8, u32, Vec<u8>)> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await?;
    let mut payload = vec![0; usize::try_from(u32::from_be_bytes([0, head[0], head[1], head[2]])).unwrap()];
    stream.read_exact(&mut payload).await?;
    Ok((head[3], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload))
}

/// Says hello by HTTP/2; what the server allows, by number (RFC 9113, section 6.5.2).
async fn hello(secure: &Secure) -> (TlsStream<TcpStream>, HashMap<u16, u32>) {
    let mut stream = secure.connect(&[b"h2"]).await;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    let (kind, _, settings) = next(&mut stream).await.unwrap();
    assert_eq!(kind, SETTINGS);
    let allowed = settings.chunks_exact(6).map(|setting| {
        let value = u32::from_be_bytes([setting[2], setting[3], setting[4], setting[5]]);
        (u16::from_be_bytes([setting[0], setting[1]]), value)
    });
    let allowed = allowed.collect();
    (stream, allowed)
}

/// The first bytes of the head of the answer on a stream; 0x88 is 200. None when there will be no answer.
async fn answer(stream: &mut TlsStream<TcpStream>, number: u32) -> Option<u8> {
    loop {
        match tokio::time::timeout(PATIENCE, next(stream)).await.expect("an answer or an end").ok()? {
            (HEADERS, of, head) if of == number => return head.first().copied(),
            (RST_STREAM, of, _) if of == number => return None,
            _ => {}
        }
    }
}

#[tokio::test]
async fn requests_that_are_taken_back_without_end_cost_the_connection() {
    let secure = Secure::new();
    let server = secure.setup.start().await;
    let (stream, _) = hello(&secure).await;
    let (mut reader, mut writer) = tokio::io::split(stream);
    let reading = tokio::spawn(async move { tokio::io::copy(&mut reader, &mut tokio::io::sink()).await });
    let deadline = Instant::now() + PATIENCE;
    let mut number = 1;
    // CVE-2023-44487: asked and taken back in the same breath.
    while !reading.is_finished() {
        assert!(Instant::now() < deadline, "the connection lives after {number} streams");
        let mut breath = Vec::new();
        for _ in 0..100 {
            breath.extend(frame(HEADERS, END_STREAM | END_HEADERS, number, GET));
            breath.extend(frame(RST_STREAM, 0, number, &[0, 0, 0, 8]));
            number += 2;
        }
        if writer.write_all(&breath).await.is_err() || writer.flush().await.is_err() {
            break;
        }
    }
    assert_eq!(server.get("/healthz", None).await.0, 200, "others are answered");
}

#[tokio::test]
async fn an_http2_connection_has_so_many_requests_at_once_and_heads_of_so_many_bytes() {
    let secure = Secure::new();
    let server = secure.setup.start().await;
    let (mut stream, allowed) = hello(&secure).await;
    assert_eq!((allowed.get(&3), allowed.get(&6)), (Some(&100), Some(&(16 << 10))), "streams, bytes of a head");
    stream.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, 1, GET)).await.unwrap();
    assert_eq!(answer(&mut stream, 1).await, Some(0x88));

    // x: and 30 000 bytes, in two frames.
    let mut head = GET.to_vec();
    head.extend([0, 1, b'x', 0x7f]);
    let length = 30_000 - 127;
    head.extend([(length & 0x7f) as u8 | 0x80, ((length >> 7) & 0x7f) as u8 | 0x80, (length >> 14) as u8]);
    head.resize(head.len() + 30_000, b'a');
    stream.write_all(&frame(HEADERS, END_STREAM, 3, &head[..16_000])).await.unwrap();
    stream.write_all(&frame(CONTINUATION, END_HEADERS, 3, &head[16_000..])).await.unwrap();
    assert_ne!(answer(&mut stream, 3).await, Some(0x88), "such a head is not taken");
    assert_eq!(server.get("/healthz", None).await.0, 200);
}
