use hubbub_domain::room::{MaxParticipants, RoomDescription, RoomName};

use super::*;
use tracing::Span;

use crate::outbox::Pending;
use crate::token;

const NOW: Timestamp = Timestamp(1_000_000);

struct NoMedia;

impl MediaPlane for NoMedia {
    fn send(&self, _: Command) {}

    fn admit(&self, _: hubbub_sfu::CallId) -> Result<(), AdmitError> {
        Ok(())
    }
}

fn room() -> (LiveRoom, Room) {
    let settings = Room {
        id: RoomId::new(),
        owner: UserId::new(),
        name: RoomName::parse("Tea").unwrap(),
        description: RoomDescription::parse("").unwrap(),
        is_private: false,
        max_participants: MaxParticipants::DEFAULT,
        max_forwarded_speakers: None,
        created_at: NOW,
        updated_at: NOW,
    };
    let around = Surroundings {
        media: Arc::new(NoMedia),
        metrics: Arc::default(),
        seats: Seats::default(),
        slots: 8,
        draining: CancellationToken::new(),
    };
    (LiveRoom::new(settings.id, Arc::new(around)), settings)
}

fn join(room: &LiveRoom, settings: &Room, revision: u64) -> (Result<ParticipantId, JoinRefused>, Link, Pending) {
    let (link, pending) = Link::new(16, Arc::default());
    let (resume_token, next_resume) = token::generate();
    let joiner = Joiner {
        user: UserId::new(),
        session: SessionId::new(),
        username: "ada".into(),
        display_name: "Ada".into(),
        avatar_version: None,
        muted: false,
        resume: None,
        next_resume,
        link: link.clone(),
        span: Span::none(),
    };
    (
        room.join((settings, HashSet::new()), revision, joiner, Welcome { reply_to: None, resume_token }, NOW),
        link,
        pending,
    )
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
