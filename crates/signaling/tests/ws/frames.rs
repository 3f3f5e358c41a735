//! Frames that are wrong (G3): each gets an error or a close code, and nobody else notices.

use futures_util::SinkExt;
use hubbub_domain::ParticipantId;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::World;

#[tokio::test]
async fn bad_messages_get_an_error_and_the_socket_stays() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let mut client = world.connect(&ada).await;
    for (text, code) in [
        ("{", "bad-json"),
        ("[]", "bad-json"),
        ("\"join\"", "bad-json"),
        ("{\"id\":1}", "bad-json"),
        (r#"{"type":"dance"}"#, "unknown-type"),
        (r#"{"type":"join"}"#, "bad-message"),
        (r#"{"type":"join","roomId":"../etc"}"#, "bad-message"),
        (r#"{"type":"leave","reason":"bored"}"#, "bad-message"),
    ] {
        client.send_text(text.to_owned()).await;
        client.expect_error(code).await;
    }
    client.send_text("[".repeat(60_000)).await;
    client.expect_error("bad-json").await;
    client.expect_quiet().await;
}

#[tokio::test]
async fn the_error_carries_the_number_of_the_message() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let mut client = world.connect(&ada).await;
    client.send(json!({"type": "dance", "id": 4_294_967_295_u32})).await;
    assert_eq!(client.expect_error("unknown-type").await["replyTo"], 4_294_967_295_u32);
    client.send(json!({"type": "leave"})).await;
    assert_eq!(client.expect_error("not-joined").await.get("replyTo"), None);
}

#[tokio::test]
async fn everything_but_join_and_ping_needs_a_seat() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let mut client = world.connect(&ada).await;
    for message in [
        json!({"type": "leave"}),
        json!({"type": "mute"}),
        json!({"type": "unmute"}),
        json!({"type": "mute", "participantId": ParticipantId::new()}),
        json!({"type": "session-description", "description": {"type": "offer", "sdp": "v=0"}}),
        json!({"type": "ice-candidate", "candidate": null}),
    ] {
        client.send(message).await;
        client.expect_error("not-joined").await;
    }
    client.expect_quiet().await;
}

#[tokio::test]
async fn a_frame_too_large_closes_the_socket_and_only_that() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let room = world.room(&ada).await;
    let (mut witness, _) = world.joined(&ada, room).await;
    let mut client = world.connect(&ada).await;
    let text = format!(r#"{{"type":"ping","id":"{}"}}"#, "x".repeat(98_304));
    client.socket.send(Message::text(text)).await.unwrap();
    assert_eq!(client.expect_close().await, 1009);
    witness.expect_quiet().await;
}

#[tokio::test]
async fn the_largest_allowed_frame_is_read() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let mut client = world.connect(&ada).await;
    let head = r#"{"type":"ping","id":1"#;
    client.send_text(format!("{head}{}}}", " ".repeat(98_304 - head.len() - 1))).await;
    client.expect("pong").await;
}

#[tokio::test]
async fn many_fragments_that_are_too_large_together_close_the_socket() {
    use tokio_tungstenite::tungstenite::protocol::frame::Frame;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
    let world = World::new().await;
    let ada = world.user("ada").await;
    let mut client = world.connect(&ada).await;
    for part in 0..3 {
        let kind = if part == 0 { Data::Text } else { Data::Continue };
        let frame = Frame::message(" ".repeat(40_000), OpCode::Data(kind), part == 2);
        client.socket.send(Message::Frame(frame)).await.unwrap();
    }
    assert_eq!(client.expect_close().await, 1009);
}

#[tokio::test]
async fn binary_frames_are_not_spoken() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let mut client = world.connect(&ada).await;
    client.socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(client.expect_close().await, 1003);
}

#[tokio::test]
async fn text_that_is_not_utf8_closes_the_socket() {
    use tokio_tungstenite::tungstenite::protocol::frame::Frame;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
    let world = World::new().await;
    let ada = world.user("ada").await;
    let mut client = world.connect(&ada).await;
    let frame = Frame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true);
    client.socket.send(Message::Frame(frame)).await.unwrap();
    assert_eq!(client.expect_close().await, 1007);
}
