//! HTTPS as a visitor sees it.

use reqwest::redirect::Policy;
use reqwest::{Certificate, Version};
use rtc_srtp::crypto::default_provider;
use rtc_stun::attributes::{ATTR_ICE_CONTROLLING, ATTR_PRIORITY, ATTR_USERNAME};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message, Setter};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Secure;
use crate::harness::{PASSWORD, PATIENCE, builder, client};
use crate::observability::OFFER;
use crate::turn::request;

#[tokio::test]
async fn https_is_http2_and_http1_with_logins_and_websockets() {
    let secure = Secure::new();
    let server = secure.setup.start().await;
    let page = server.reach.client().get(format!("{}/", server.base)).send().await.unwrap();
    assert_eq!((page.status().as_u16(), page.version()), (200, Version::HTTP_2));
    assert_eq!(page.headers()["strict-transport-security"], "max-age=31536000");
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains(&format!("wss://127.0.0.1:{}", secure.setup.http)), "{policy}");

    let root = Certificate::from_pem(secure.authority.root().as_bytes()).unwrap();
    let old = builder().tls_certs_only([root]).http1_only().build().unwrap();
    let page = old.get(format!("{}/healthz", server.base)).send().await.unwrap();
    assert_eq!((page.status().as_u16(), page.version()), (200, Version::HTTP_11));

    let ada = server.user("ada").await;
    let body = json!({ "email": "ada@example.org", "password": PASSWORD });
    let login = server.reach.client().post(format!("{}/api/auth/login", server.base)).json(&body);
    let login = login.header("origin", &server.base).send().await.unwrap();
    assert_eq!(login.status(), 200, "a page from here may ask, by HTTP/2 too");
    let cookies: Vec<&str> = login.headers().get_all("set-cookie").iter().map(|c| c.to_str().unwrap()).collect();
    assert!(!cookies.is_empty());
    assert!(cookies.iter().all(|c| c.starts_with("__Host-") && c.contains("Secure")), "{cookies:?}");
    let other = server.reach.client().post(format!("{}/api/auth/login", server.base)).json(&body);
    assert_eq!(other.header("origin", "https://evil.example").send().await.unwrap().status(), 403);

    let mut socket = server.socket(&ada).await;
    socket.send(json!({ "type": "ping", "id": 7 })).await;
    assert_eq!(socket.wait_for("pong").await["replyTo"], 7);
    server.signal("TERM");
    assert_eq!(socket.close_code().await, 1001, "told when the server ends");
    let mut server = server;
    assert!(server.ended().await.success());
}

#[tokio::test]
async fn plain_http_is_led_to_https() {
    let secure = Secure::new();
    let server = secure.setup.start().await;
    let client = builder().redirect(Policy::none()).build().unwrap();
    for port in [secure.redirect, secure.setup.http] {
        let response = client.get(format!("http://127.0.0.1:{port}/rooms/a%20b?c=d")).send().await.unwrap();
        assert_eq!(response.status(), 308);
        assert_eq!(response.headers()["location"], format!("{}/rooms/a%20b?c=d", server.base).as_str());
        assert!(!response.headers().contains_key("strict-transport-security"), "RFC 6797, section 7.2");
    }
    assert_eq!(server.metric(r#"hubbub_tls_handshakes_total{outcome="plain_http"}"#).await, Some(1.0));

    // Who reads the answer by hand sees the connection end after it.
    let mut plain = TcpStream::connect(("127.0.0.1", secure.setup.http)).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    plain.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
    assert!(answer.contains(&format!("location: {}/\r\n", server.base)), "{answer}");
}

/// Sends an authentic check by ICE over TCP (RFC 6544, RFC 8445, section 7.2.2) and gives the answer.
async fn check(port: u16, user: &str, password: &str) -> (Message, Message) {
    let mut check = request(BINDING_REQUEST);
    check.add(ATTR_USERNAME, user.as_bytes());
    check.add(ATTR_PRIORITY, &0x6eff_ffff_u32.to_be_bytes());
    check.add(ATTR_ICE_CONTROLLING, &7_u64.to_be_bytes());
    let crypto = default_provider().unwrap();
    let integrity = MessageIntegrity::new_short_term_integrity_with_provider(password.to_owned(), crypto.crypto());
    integrity.add_to(&mut check).unwrap();
    FINGERPRINT.add_to(&mut check).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_u16(u16::try_from(check.raw.len()).unwrap()).await.unwrap();
    stream.write_all(&check.raw).await.unwrap();
    let length = tokio::time::timeout(PATIENCE, stream.read_u16()).await.expect("an answer").unwrap();
    let mut bytes = vec![0; usize::from(length)];
    stream.read_exact(&mut bytes).await.unwrap();
    let mut answer = Message::new();
    answer.unmarshal_binary(&bytes).unwrap();
    (check, answer)
}

#[tokio::test]
async fn audio_and_https_share_a_port() {
    let secure = Secure::new().with("HUBBUB__MEDIA__TCP_ON_HTTP_PORT", "true");
    let port = secure.setup.http;
    let server = secure.setup.start().await;
    let plain = builder().redirect(Policy::none()).build().unwrap();
    assert_eq!(plain.get(format!("http://127.0.0.1:{port}/")).send().await.unwrap().status(), 308);

    // Somebody in a room, by a WebSocket over TLS on this port, gets the port as a place for audio.
    let ada = server.user("ada").await;
    let room = server.room(&ada, "Harbour").await;
    let mut socket = server.socket(&ada).await;
    socket.send(json!({ "type": "join", "roomId": room })).await;
    socket.wait_for("joined").await;
    socket.send(json!({ "type": "session-description", "description": { "type": "offer", "sdp": OFFER } })).await;
    let answer = socket.wait_for("session-description").await;
    let answer = answer["description"]["sdp"].as_str().unwrap();
    let candidate = format!(" 127.0.0.1 {port} typ host tcptype passive");
    assert!(answer.lines().any(|line| line.starts_with("a=candidate:") && line.contains(&candidate)), "{answer}");
    let ice = |name: &str| answer.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let (ufrag, password) = (ice("a=ice-ufrag:"), ice("a=ice-pwd:"));
    let (check, answer) = check(port, &format!("{ufrag}:clnt"), password).await;
    assert_eq!((answer.typ, answer.transaction_id), (BINDING_SUCCESS, check.transaction_id));

    // A check for somebody who is not here reaches the worker that its name says, and gets no answer.
    let mut stranger = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stranger.write_all(&crate::firewall::check("AAnobody:x")).await.unwrap();
    server.metric_reaches(r#"hubbub_sfu_dropped_total{reason="stun_unknown_ufrag"}"#, 1.0).await;
    assert_eq!(server.get("/healthz", None).await.0, 200);
    socket.send(json!({ "type": "ping", "id": 1 })).await;
    socket.wait_for("pong").await;
}

#[tokio::test]
async fn what_browsers_are_told_about_https_can_be_turned_off() {
    let secure = Secure::new().with("HUBBUB__HTTP__HSTS_SECONDS", "0");
    let server = secure.setup.start().await;
    let page = server.reach.client().get(format!("{}/", server.base)).send().await.unwrap();
    assert!(!page.headers().contains_key("strict-transport-security"));
    assert!(client().get(format!("{}/", server.base)).send().await.is_err(), "nobody else believes the certificate");
}
