//! People and rooms for unit tests.

use std::collections::HashSet;
use std::sync::Arc;

use hubbub_domain::room::{MaxParticipants, RoomDescription, RoomName};
use hubbub_domain::user::{Bio, DisplayName, Email, Username};
use hubbub_domain::{Client, ParticipantId, Role, Room, RoomId, SessionId, Timestamp, User, UserId};
use hubbub_sfu::{AdmitError, CallId, Command, PeerStats};
use tokio_util::sync::CancellationToken;

use crate::live::Surroundings;
use crate::media::MediaPlane;
use crate::room::{Joined, Joiner, People};
use crate::seats::Seats;
use crate::token;

/// When everything happens.
pub(crate) const NOW: Timestamp = Timestamp(1_000_000);

/// A media plane that takes everybody and does nothing.
struct NoMedia;

#[async_trait::async_trait]
impl MediaPlane for NoMedia {
    fn send(&self, _: Command) {}

    fn admit(&self, _: CallId) -> Result<(), AdmitError> {
        Ok(())
    }

    async fn peer_stats(&self, _: CallId) -> Vec<PeerStats> {
        Vec::new()
    }
}

/// What rooms need around them.
pub(crate) fn surroundings() -> Arc<Surroundings> {
    Arc::new(Surroundings {
        media: Arc::new(NoMedia),
        metrics: Arc::default(),
        seats: Seats::default(),
        slots: 8,
        draining: CancellationToken::new(),
        rooms: 10,
        people: 100,
    })
}

/// A public room for so many.
pub(crate) fn settings(owner: UserId, seats: i64) -> Room {
    Room {
        id: RoomId::new(),
        owner,
        name: RoomName::parse("Tea").unwrap(),
        description: RoomDescription::parse("").unwrap(),
        is_private: false,
        max_participants: MaxParticipants::new(seats).unwrap(),
        max_forwarded_speakers: None,
        created_at: NOW,
        updated_at: NOW,
    }
}

/// A room that nobody is in.
pub(crate) fn people<L: Clone + PartialEq>(seats: i64) -> People<L> {
    People::new(settings(UserId::new(), seats), HashSet::new())
}

/// An account of this name.
pub(crate) fn user(id: UserId, display_name: &str) -> User {
    User {
        id,
        email: Email::from_stored("ada@example.org".to_owned()),
        email_verified: true,
        username: Username::from_stored("ada".to_owned()),
        display_name: DisplayName::from_stored(display_name.to_owned()),
        bio: Bio::from_stored(String::new()),
        avatar_version: None,
        role: Role::Member,
        blocked_at: None,
        created_at: NOW,
    }
}

/// Somebody who wants in.
pub(crate) fn joiner<L>(user: UserId, link: L) -> Joiner<L> {
    Joiner {
        user,
        session: SessionId::new(),
        client: Client::default(),
        username: "ada".into(),
        display_name: "Ada".into(),
        avatar_version: None,
        muted: false,
        resume: None,
        next_resume: token::generate().1,
        link,
        span: tracing::Span::none(),
    }
}

/// Somebody who gets a new seat.
pub(crate) fn seated<L: Clone + PartialEq>(people: &mut People<L>, user: UserId, link: L) -> ParticipantId {
    match people.join(joiner(user, link), NOW) {
        Ok(Joined::Seated { id, .. }) => id,
        Ok(Joined::Resumed { .. }) => panic!("resumed without a token"),
        Err(_) => panic!("the room is full"),
    }
}
