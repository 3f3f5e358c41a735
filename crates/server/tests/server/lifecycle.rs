//! Ends, sudden and orderly.

use std::time::Duration;

use serde_json::json;

use crate::harness::{PATIENCE, Setup};

#[tokio::test]
async fn nothing_acknowledged_is_lost_by_kill_9() {
    let setup = Setup::new();
    let server = setup.start().await;
    let ada = server.user("ada").await;
    let mut rooms = Vec::new();
    for round in 0..3 {
        for number in 0..10 {
            rooms.push(server.room(&ada, &format!("Room {round} {number}")).await);
        }
    }
    let last = server.room(&ada, "Written right before the end").await;
    server.kill();

    let server = setup.start().await;
    let again = server.login("ada").await;
    for id in rooms.iter().chain([&last]) {
        let (status, room) = server.get(&format!("/api/rooms/{id}"), Some(&again)).await;
        assert_eq!(status, 200, "{room}");
    }
    let (status, _) = server.get("/api/auth/me", Some(&ada)).await;
    assert_eq!(status, 200, "logins survive too: the secret is kept");
    let (status, _) = server.post("/api/auth/refresh", None, &json!({ "refreshToken": ada.refresh })).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn the_most_slots_that_the_configuration_allows_start() {
    let server = Setup::new().with("HUBBUB__MEDIA__SLOTS", "32").start().await;
    assert_eq!(server.get("/healthz", None).await.0, 200);
}

#[tokio::test]
async fn the_name_and_whether_people_may_register_are_set_by_the_operator() {
    let setup =
        Setup::new().with("HUBBUB__SERVER__NAME", "The Harbour").with("HUBBUB__AUTH__REGISTRATION_OPEN", "false");
    let server = setup.start().await;
    let (_, about) = server.get("/api/server", None).await;
    assert_eq!((about["name"].as_str(), about["registrationOpen"].as_bool()), (Some("The Harbour"), Some(false)));
    let body = json!({ "email": "ada@example.org", "username": "ada", "password": crate::harness::PASSWORD });
    assert_eq!(server.post("/api/auth/register", None, &body).await.0, 403);
}

#[tokio::test]
async fn sigterm_closes_sockets_with_1001_and_ends_with_0() {
    let setup = Setup::new();
    let mut server = setup.start().await;
    let ada = server.user("ada").await;
    let room = server.room(&ada, "Tea").await;
    let mut idle = server.socket(&ada).await;
    let mut joined = server.socket(&ada).await;
    joined.send(json!({ "type": "join", "roomId": room })).await;
    joined.wait_for("joined").await;

    server.signal("TERM");
    assert_eq!(joined.close_code().await, 1001);
    assert_eq!(idle.close_code().await, 1001);
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.log());

    let server = setup.start().await;
    let (status, _) = server.get(&format!("/api/rooms/{room}"), Some(&ada)).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_request_under_way_is_finished_before_the_end() {
    let setup = Setup::new();
    let mut server = setup.start().await;
    let body =
        json!({ "email": "ada@example.org", "username": "ada", "password": crate::harness::PASSWORD }).to_string();
    let (head, tail) = body.split_at(20);
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", setup.http)).await.unwrap();
    let request = format!(
        "POST /api/auth/register HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{head}",
        body.len()
    );
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    stream.write_all(request.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.signal("TERM");
    tokio::time::sleep(Duration::from_millis(300)).await;
    stream.write_all(tail.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    assert_eq!(server.ended().await.code(), Some(0));

    let server = setup.start().await;
    assert_eq!(server.code_for("ada@example.org").await.len(), 6, "what was acknowledged is there");
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    use tokio::io::AsyncWriteExt;
    let setup = Setup::new();
    let mut server = setup.start().await;
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", setup.http)).await.unwrap();
    let head =
        "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.signal("TERM");
    tokio::time::sleep(Duration::from_millis(500)).await;
    server.signal("TERM");
    assert_eq!(server.ended().await.code(), Some(1), "not orderly, so not 0");
}
