//! The public listener when audio comes there too, and finding the public address.

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use crate::harness::{PATIENCE, Setup};

/// The frame of a Binding request for a user name; nothing in it is authentic.
pub(crate) fn check(name: &str) -> Vec<u8> {
    let name = name.as_bytes();
    let padded = name.len().next_multiple_of(4);
    let length = |len: usize| u16::try_from(len).unwrap().to_be_bytes();
    let mut frame = length(24 + padded).to_vec();
    frame.extend([0, 1]);
    frame.extend(length(4 + padded));
    frame.extend([0x21, 0x12, 0xA4, 0x42]);
    frame.extend([7; 12]);
    frame.extend([0, 6]);
    frame.extend(length(name.len()));
    frame.extend(name);
    frame.resize(26 + padded, 0);
    frame
}

fn connect(setup: &Setup) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", setup.http)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// What the server says to these pieces, until it closes.
fn answer(setup: &Setup, pieces: &[&[u8]]) -> String {
    let mut stream = connect(setup);
    for piece in pieces {
        stream.write_all(piece).unwrap();
        stream.flush().unwrap();
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("it was not closed"),
        _ => String::from_utf8_lossy(&answer).into_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_http_port_serves_http_and_hands_over_audio() {
    let setup = Setup::new().with("HUBBUB__MEDIA__TCP_ON_HTTP_PORT", "true");
    let server = setup.start().await;
    let request: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert!(answer(&setup, &[request]).starts_with("HTTP/1.1 200 "));
    assert!(answer(&setup, &[b"G", b"ET /healthz HT", &request[15..]]).starts_with("HTTP/1.1 200 "), "in pieces");
    assert!(answer(&setup, &[&[0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0]]).starts_with("HTTP/1.1 400 "), "TLS is not spoken");

    // A check for nobody goes to the worker that its name says, which does not answer it; one for no worker goes nowhere.
    assert_eq!(answer(&setup, &[&check("//nobody:x")]), "");
    let mut stranger = connect(&setup);
    let frame = check("AAnobody:x");
    stranger.write_all(&frame[..1]).unwrap();
    stranger.write_all(&frame[1..10]).unwrap();
    stranger.write_all(&frame[10..]).unwrap();
    let counted =
        |metrics: &str| metrics.lines().any(|line| line.contains("stun_unknown_ufrag") && !line.ends_with(" 0"));
    let until = Instant::now() + PATIENCE;
    while !counted(&crate::harness::text(&format!("http://127.0.0.1:{}/metrics", setup.metrics)).await) {
        assert!(Instant::now() < until, "the check was seen by the media plane");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn g2_who_says_nothing_or_half_a_greeting_is_closed() {
    let setup = Setup::new().with("HUBBUB__MEDIA__TCP_ON_HTTP_PORT", "true");
    let _server = setup.start().await;
    let setup = std::sync::Arc::new(setup);
    let cases = [Vec::new(), vec![0], check("AAhalf:x")[..30].to_vec()].map(|piece| {
        let setup = setup.clone();
        tokio::task::spawn_blocking(move || answer(&setup, &[&piece]))
    });
    for case in cases {
        assert_eq!(case.await.unwrap(), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_does_not_wait_for_a_stun_server_that_is_silent() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let url = format!("stun:127.0.0.1:{}", silent.local_addr().unwrap().port());
    let server = Setup::new().with("HUBBUB__MEDIA__STUN_SERVERS", &url).start().await;
    assert!(!server.log().contains("no STUN server answered"), "ready before that is known");
    let line = server.logged("no STUN server answered").await;
    assert!(line.contains("WARN") && line.contains("media.announced_addresses"), "{line}");
    assert_eq!(server.log().matches("no STUN server answered").count(), 1);
}
