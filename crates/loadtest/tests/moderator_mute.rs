//! Somebody whom the room's owner mutes, and whose client goes on sending all the same, is heard by nobody.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests fail the test")]

mod support;

use std::time::{Duration, Instant};

use hubbub_loadtest::Peer;
use hubbub_protocol::ClientMessage;
use support::{PATIENCE, Server};

/// How long after the moderator's mute something may still be heard.
const GRACE: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_muted_client_that_goes_on_sending_is_not_heard() {
    let server = Server::start().await;
    let emails = server.register(2).await;
    let owner = server.login(&emails[0]).await.unwrap();
    let guest = server.login(&emails[1]).await.unwrap();
    let room = owner.create_room("Order", 10).await.unwrap();
    let listener = Peer::join(&owner, room, true).await.unwrap();
    let speaker = Peer::join(&guest, room, false).await.unwrap();

    speak_until(&speaker, || listener.reception().distinct(1) >= 10).await;

    let whom = Some(speaker.seat().participant);
    listener.signaling().request(ClientMessage::Mute { participant_id: whom }).await.unwrap();
    // The speaker's client ignores the mute.
    let muted = Instant::now();
    speak_until(&speaker, || muted.elapsed() >= GRACE).await;
    let heard = listener.reception().distinct(1);
    let muted = Instant::now();
    speak_until(&speaker, || muted.elapsed() >= Duration::from_secs(2)).await;
    assert_eq!(listener.reception().distinct(1), heard, "nothing more is forwarded");
    speaker.signaling().request(ClientMessage::Unmute { participant_id: None }).await.unwrap_err();
    assert_eq!(listener.reception().distinct(1), heard, "and the muted cannot undo it");

    listener.signaling().request(ClientMessage::Unmute { participant_id: whom }).await.unwrap();
    let lifted = Instant::now();
    speak_until(&speaker, || lifted.elapsed() >= Duration::from_secs(1)).await;
    assert_eq!(listener.reception().distinct(1), heard, "the mute is lifted; going live is the speaker's to say");
    speaker.signaling().request(ClientMessage::Unmute { participant_id: None }).await.unwrap();
    speak_until(&speaker, || listener.reception().distinct(1) >= heard + 10).await;
}

/// Sends a packet each 20 ms until something holds.
async fn speak_until(speaker: &Peer, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "nothing came of {} packets", speaker.sent());
        speaker.speak(1).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
