//! Who gets a socket: G1, G2 and S2 for tickets.

use std::time::Duration;

use hubbub_signaling::Config;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{World, config, identity, open};

#[tokio::test]
async fn without_credentials_there_is_no_socket() {
    let world = World::new().await;
    assert_eq!(open(world.address, "/ws?version=1", &[]).await.err(), Some(401));
    for wrong in ["Bearer x", "Bearer", "Basic YTpi", "Bearer a.b.c"] {
        let refused = open(world.address, "/ws?version=1", &[("authorization", wrong)]).await;
        assert_eq!(refused.err(), Some(401), "{wrong}");
    }
    assert_eq!(open(world.address, "/ws?version=1", &[("cookie", "__Host-hubbub_access=x")]).await.err(), Some(401));
    assert_eq!(world.signaling.metrics().handshakes_refused, 6);
}

#[tokio::test]
async fn what_is_no_handshake_is_told_what_is_missing() {
    let world = World::new().await;
    let right = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n";
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (method, headers, status, named) in [
        ("GET", String::new(), "400", "Connection: Upgrade"),
        ("GET", format!("Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n{key}"), "400", "Upgrade: websocket"),
        ("GET", format!("{right}Sec-WebSocket-Version: 13\r\n"), "400", "Sec-WebSocket-Key"),
        ("GET", format!("{right}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2hvcnQ=\r\n"), "400", "16 bytes"),
        ("GET", format!("{right}Sec-WebSocket-Version: 8\r\n{key}"), "426", "sec-websocket-version: 13"),
        ("POST", format!("{right}Sec-WebSocket-Version: 13\r\n{key}"), "405", "allow: GET"),
        ("GET", format!("{right}Sec-WebSocket-Version: 13\r\n{key}"), "401", "www-authenticate: Bearer"),
    ] {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        let request = format!("{method} /ws?version=1 HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let length = stream.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}{answer}");
        assert!(answer.contains(named), "{request}{answer}");
        assert!(answer.contains("application/problem+json"), "{request}{answer}");
    }
}

#[tokio::test]
async fn s6_the_cookie_is_enough_under_the_one_name_that_fits_the_public_url() {
    for (url, right, wrong) in [
        ("https://talk.example.org", "__Host-hubbub_access", "hubbub_access"),
        ("http://talk.example.org", "hubbub_access", "__Host-hubbub_access"),
    ] {
        let world = World::with(Config { public_url: url.parse().unwrap(), ..config() }).await;
        let ada = world.user("ada").await;
        let token = ada.tokens.access.expose();
        // A page of a subdomain, or one without TLS, can set the cookie without the prefix for the whole domain.
        let planted = format!("{wrong}={token}");
        assert_eq!(open(world.address, "/ws?version=1", &[("cookie", &planted)]).await.err(), Some(401), "{url}");

        let cookie = format!("theme=dark; {wrong}=x; {right}={token}");
        let mut client = open(world.address, "/ws?version=1", &[("cookie", &cookie)]).await.unwrap();
        let welcome = client.expect("welcome").await;
        assert_eq!(
            welcome,
            json!({"type": "welcome", "protocolVersion": 1, "userId": ada.user.id, "pingIntervalSeconds": 20,
                "resumeWindowSeconds": 0, "maxMessageBytes": 98304})
        );
    }
}

#[tokio::test]
async fn a_proxys_own_authorization_leaves_the_cookie_its_turn_and_a_bearer_token_does_not() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let cookie = format!("__Host-hubbub_access={}", ada.tokens.access.expose());
    for (authorization, expected) in [("Basic YTpi", None), ("Negotiate", None), ("Bearer x", Some(401))] {
        let headers = [("authorization", authorization), ("cookie", cookie.as_str())];
        assert_eq!(open(world.address, "/ws?version=1", &headers).await.err(), expected, "{authorization}");
    }
}

#[tokio::test]
async fn an_expired_or_foreign_token_is_refused() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let refresh = format!("Bearer {}", ada.tokens.refresh.expose());
    assert_eq!(open(world.address, "/ws?version=1", &[("authorization", &refresh)]).await.err(), Some(401));
    world.accounts.clock.advance(ada.tokens.access_expires_in + Duration::from_secs(1));
    let late = format!("Bearer {}", ada.tokens.access.expose());
    assert_eq!(open(world.address, "/ws?version=1", &[("authorization", &late)]).await.err(), Some(401));
}

#[tokio::test]
async fn a_login_that_ended_opens_no_socket() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    world.accounts.auth.logout(Some(ada.tokens.access.expose()), None).await.unwrap();
    let bearer = format!("Bearer {}", ada.tokens.access.expose());
    assert_eq!(open(world.address, "/ws?version=1", &[("authorization", &bearer)]).await.err(), Some(401));
}

#[tokio::test]
async fn a_ticket_serves_once() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let ticket = world.accounts.auth.issue_ws_ticket(&identity(&ada, &world)).ticket;
    let path = format!("/ws?version=1&ticket={}", ticket.expose());
    assert!(open(world.address, &path, &[]).await.is_ok());
    assert_eq!(open(world.address, &path, &[]).await.err(), Some(401));
    let access = format!("/ws?version=1&ticket={}", ada.tokens.access.expose());
    assert_eq!(open(world.address, &access, &[]).await.err(), Some(401), "an access token is no ticket");
}

#[tokio::test]
async fn a_ticket_expires() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let ticket = world.accounts.auth.issue_ws_ticket(&identity(&ada, &world)).ticket;
    world.accounts.clock.advance(Duration::from_secs(31));
    let path = format!("/ws?version=1&ticket={}", ticket.expose());
    assert_eq!(open(world.address, &path, &[]).await.err(), Some(401));
}

#[tokio::test]
async fn a_used_ticket_is_not_saved_by_a_cookie() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let cookie = format!("__Host-hubbub_access={}", ada.tokens.access.expose());
    assert_eq!(open(world.address, "/ws?version=1&ticket=used", &[("cookie", &cookie)]).await.err(), Some(401));
}

#[tokio::test]
async fn a_foreign_page_gets_no_socket() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let cookie = format!("__Host-hubbub_access={}", ada.tokens.access.expose());
    let asked = format!("http://{}", world.address);
    for (origin, expected) in [
        ("https://talk.example.org", None),
        (asked.as_str(), None),
        ("https://evil.example", Some(403)),
        ("http://talk.example.org", Some(403)),
        ("http://127.0.0.1:1", Some(403)),
        ("null", Some(403)),
    ] {
        let opened = open(world.address, "/ws?version=1", &[("cookie", &cookie), ("origin", origin)]).await;
        assert_eq!(opened.err(), expected, "{origin}");
    }
    let twice = [("cookie", cookie.as_str()), ("origin", asked.as_str()), ("origin", "https://evil.example")];
    assert_eq!(open(world.address, "/ws?version=1", &twice).await.err(), Some(403));
}

#[tokio::test]
async fn an_unknown_version_is_told_on_the_socket() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let bearer = format!("Bearer {}", ada.tokens.access.expose());
    for path in ["/ws?version=2", "/ws", "/ws?version=one"] {
        let mut client = open(world.address, path, &[("authorization", &bearer)]).await.unwrap();
        client.expect_error("unsupported-version").await;
        assert_eq!(client.expect_close().await, 4406);
    }
}

#[tokio::test]
async fn one_user_has_a_limited_number_of_sockets() {
    let world = World::with(Config { max_sockets_per_user: 2, ..config() }).await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let bearer = format!("Bearer {}", ada.tokens.access.expose());
    let first = world.connect(&ada).await;
    let _second = world.connect(&ada).await;
    assert_eq!(open(world.address, "/ws?version=1", &[("authorization", &bearer)]).await.err(), Some(429));
    let _other = world.connect(&bob).await;
    first.drop_connection();
    crate::harness::eventually("the place is free", || world.signaling.metrics().sockets == 2).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(open(world.address, "/ws?version=1", &[("authorization", &bearer)]).await.is_ok());
}

#[tokio::test]
async fn while_the_database_is_away_handshakes_are_put_off() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    world.accounts.storage.set_unavailable(true);
    let bearer = format!("Bearer {}", ada.tokens.access.expose());
    assert_eq!(open(world.address, "/ws?version=1", &[("authorization", &bearer)]).await.err(), Some(503));
    world.accounts.storage.set_unavailable(false);
    assert!(open(world.address, "/ws?version=1", &[("authorization", &bearer)]).await.is_ok());
}
