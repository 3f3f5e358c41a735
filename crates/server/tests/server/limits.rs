//! Limits of the whole server, as somebody meets them who reaches one.

use serde_json::json;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::harness::{Server, Setup, User};

/// Opens a WebSocket that comes from `address`, as a proxy tells; the HTTP status when that is refused.
async fn open_from(server: &Server, user: &User, address: &str) -> Result<impl Sized + use<>, u16> {
    let url = format!("{}/ws?version=1", server.base.replace("http:", "ws:"));
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {}", user.access).parse().unwrap());
    request.headers_mut().insert("x-forwarded-for", address.parse().unwrap());
    match tokio_tungstenite::connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn g7_an_address_has_only_so_many_sockets() {
    let setup = Setup::new().with("HUBBUB__SIGNALING__SOCKETS_PER_ADDRESS", "2");
    let server = setup.with("HUBBUB__HTTP__TRUSTED_PROXIES", "127.0.0.1").start().await;
    let ada = server.user("ada").await;
    let first = open_from(&server, &ada, "2001:db8:1:2::1").await.expect("the first");
    let second = open_from(&server, &ada, "2001:db8:1:2::2").await.expect("the second");
    assert_eq!(open_from(&server, &ada, "2001:db8:1:2::3").await.err(), Some(429), "a /64 network counts as one");
    let elsewhere = open_from(&server, &ada, "2001:db8:1:3::1").await.expect("from another network");
    let mut local = Vec::new();
    for _ in 0..3 {
        local.push(open_from(&server, &ada, "nobody").await.expect("this machine itself is not counted"));
    }
    drop((first, second, elsewhere));
}

#[tokio::test]
async fn a_full_server_says_so_to_whoever_makes_a_room() {
    let server = Setup::new().with("HUBBUB__LIMITS__ROOMS_STORED", "1").start().await;
    let ada = server.user("ada").await;
    server.room(&ada, "Tea").await;
    let (status, problem) = server.post("/api/rooms", Some(&ada), &json!({ "name": "More tea" })).await;
    assert_eq!((status, &problem["code"]), (409, &json!("room-limit-reached")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("this server has 1 rooms, which is its limit"), "{problem}");
}
