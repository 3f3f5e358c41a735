use std::collections::HashSet;
use std::time::Duration;

use hubbub_sfu::Mid;

use super::*;
use crate::outbox::Pending;
use crate::testing::{self, NOW};
use crate::token;

fn room() -> (Arc<LiveRoom>, Room) {
    let settings = testing::settings(UserId::new(), 100);
    (LiveRoom::new(settings.id, testing::surroundings()), settings)
}

fn join(room: &LiveRoom, settings: &Room, revision: u64) -> (Result<ParticipantId, JoinRefused>, Link, Pending) {
    let (link, pending) = Link::new(64, Arc::default());
    let joiner = testing::joiner(UserId::new(), link.clone());
    let welcome = Welcome { reply_to: None, resume_token: token::generate().0 };
    (room.join((settings, HashSet::new()), revision, joiner, welcome, NOW), link, pending)
}

#[test]
fn who_read_the_room_before_it_changed_must_read_it_again() {
    let (room, settings) = room();
    let revision = room.revision();
    room.outdate();
    assert_eq!(join(&room, &settings, revision).0, Err(JoinRefused::Outdated));
    assert_eq!(room.count(), 0);
    assert!(join(&room, &settings, room.revision()).0.is_ok());
}

#[test]
fn who_read_the_room_before_it_was_deleted_does_not_get_in() {
    let (room, settings) = room();
    let revision = room.revision();
    room.delete();
    assert_eq!(join(&room, &settings, revision).0, Err(JoinRefused::Deleted));
    assert_eq!(room.count(), 0);
}

#[test]
fn speakers_of_an_empty_room_are_not_shown_to_the_next() {
    let (room, settings) = room();
    let (id, link, _pending) = join(&room, &settings, 0);
    room.show_speakers(&ServerMessage::Speakers { speakers: Vec::new() });
    let (_, _, second) = join(&room, &settings, 0);
    assert!(second.speakers.borrow().is_some(), "somebody may speak");
    drop(second);
    assert!(room.leave(id.unwrap(), &link, None));
    for (id, _) in room.users() {
        room.expel(id);
    }
    let (_, _, next) = join(&room, &settings, 0);
    assert!(next.speakers.borrow().is_none());
}

#[test]
fn seats_are_known_while_they_are_taken() {
    let (room, settings) = room();
    let (id, link, _pending) = join(&room, &settings, 0);
    let id = id.unwrap();
    assert_eq!(room.around.seats.room_of(id), Some(settings.id));
    assert!(room.leave(id, &link, None));
    assert!(!room.leave(id, &link, None));
    assert_eq!(room.around.seats.room_of(id), None);
    assert!(room.is_forgettable());
}

/// The types of the messages that wait, each write in brackets of its own.
fn writes(pending: &mut Pending) -> Vec<Vec<String>> {
    let mut writes = Vec::new();
    while let Ok(outgoing) = pending.queue.try_recv() {
        let mut texts = Vec::new();
        outgoing.write_to(&mut texts);
        writes.push(texts.iter().flat_map(|text| kinds(&serde_json::from_str(text).unwrap())).collect());
    }
    writes
}

/// The type of a message, or those of its news.
fn kinds(message: &serde_json::Value) -> Vec<String> {
    match message["type"].as_str().unwrap() {
        "news" => message["messages"].as_array().unwrap().iter().flat_map(kinds).collect(),
        kind => vec![kind.to_owned()],
    }
}

/// A hall whose people are told nothing before `hold` has passed, and the first one's socket.
fn hall(hold: Duration) -> (Arc<LiveRoom>, Room, ParticipantId, Pending) {
    let (room, settings) = room();
    let (first, _, mut pending) = join(&room, &settings, 0);
    for _ in 0..40 {
        assert!(join(&room, &settings, 0).0.is_ok());
    }
    room.tell_news();
    assert_eq!(writes(&mut pending).concat().len(), 41, "joined, and forty others");
    room.state.lock().news.hold(tokio::time::Instant::now() + hold);
    (room, settings, first.unwrap(), pending)
}

#[tokio::test]
async fn a_hall_hears_of_those_who_come_together_in_one_message() {
    let (room, settings, _, mut first) = hall(Duration::from_secs(1));
    for _ in 0..8 {
        assert!(join(&room, &settings, 0).0.is_ok());
    }
    let Some(outgoing) = first.queue.recv().await else { panic!("the room is gone") };
    let mut texts = Vec::new();
    outgoing.write_to(&mut texts);
    assert_eq!(texts.len(), 1);
    assert_eq!(kinds(&serde_json::from_str(&texts[0]).unwrap()), ["add-peer"; 8]);
}

#[tokio::test]
async fn nobody_is_named_before_they_were_added() {
    let (room, settings, ada, mut to_ada) = hall(Duration::from_secs(3600));
    let newcomer = join(&room, &settings, 0).0.unwrap();
    assert!(writes(&mut to_ada).is_empty(), "it waits");
    room.set_slots(ada, vec![(Mid::parse("0").unwrap(), Some(newcomer))]);
    assert_eq!(writes(&mut to_ada).concat(), ["add-peer", "slots"]);
    join(&room, &settings, 0).0.unwrap();
    room.show_speakers(&ServerMessage::Speakers { speakers: Vec::new() });
    assert_eq!(writes(&mut to_ada).concat(), ["add-peer"], "and who speaks beside the queue");
    assert!(to_ada.speakers.has_changed().unwrap());
}
