//! A connection test: a seat that is in no stored room, in which one hears oneself.
//!
//! It is a live room of its own for each user, whom nobody else can join, so that offers, answers and news of the media go the
//! ways they go in a call. A user has one at a time, and it ends by itself.

use std::collections::HashSet;
use std::time::Duration;

use hubbub_domain::room::{MaxParticipants, RoomDescription, RoomName};
use hubbub_domain::{Room, RoomId, Timestamp, UserId};
use hubbub_protocol::{ErrorCode, MediaStep};
use hubbub_sfu::CallId;
use tracing::info;
use uuid::Builder;

use crate::convert;
use crate::live::{JoinRefused, Welcome};
use crate::refusal::Refusal;
use crate::session::Session;
use crate::token;

/// How long a test may take. Shorter would cut off patient people on bad networks; a forgotten test holds a peer for as long.
pub(crate) const LIFETIME: Duration = Duration::from_secs(120);

/// The version in the ids of these rooms (RFC 9562, section 5.8). Stored rooms have version 7.
const VERSION: usize = 8;

/// The room of a user's test.
pub(crate) fn room_of(user: UserId) -> RoomId {
    RoomId(Builder::from_custom_bytes(user.0.into_bytes()).into_uuid())
}

/// Whether a room is a test and not a place for people.
pub(crate) fn is_test(room: RoomId) -> bool {
    room.0.get_version_num() == VERSION
}

/// Whether a call is that of a connection test.
#[must_use]
pub fn is_of_test(call: CallId) -> bool {
    is_test(convert::room(call))
}

fn settings(user: UserId, now: Timestamp) -> Result<Room, Refusal> {
    let internal = |what: &str| Refusal::new(ErrorCode::Internal, what.to_owned());
    Ok(Room {
        id: room_of(user),
        owner: user,
        name: RoomName::parse("Connection test").map_err(|_| internal("the test has no name"))?,
        description: RoomDescription::parse("").map_err(|_| internal("the test has no description"))?,
        is_private: true,
        max_participants: MaxParticipants::DEFAULT,
        max_forwarded_speakers: None,
        created_at: now,
        updated_at: now,
    })
}

impl Session {
    /// Takes a seat in which one hears oneself.
    pub(crate) async fn connection_test(&mut self, reply_to: Option<u32>) -> Result<(), Refusal> {
        let profile = self.may_take_seat().await?;
        let (user, now) = (self.identity.user, self.inner.clock.now());
        let settings = settings(user, now)?;
        let room = self.inner.registry.enter(settings.id);
        let (resume_token, next_resume) = token::generate();
        let joiner = self.joiner(&profile, next_resume, self.join_span(settings.id));
        let welcome = Welcome { reply_to, resume_token };
        let revision = room.revision();
        let me = room.join((&settings, HashSet::new()), revision, joiner, welcome, now).map_err(
            |refused| match refused {
                JoinRefused::Busy(error) => Refusal::new(ErrorCode::ServerBusy, error.to_string()),
                JoinRefused::Draining => {
                    Refusal::new(ErrorCode::ServerDraining, "the server is about to restart; try again in a moment")
                }
                _ => Refusal::new(ErrorCode::Unavailable, "the test cannot begin now; try again in a moment"),
            },
        )?;
        self.seated_at(settings.id, me);
        let draining = self.inner.around.draining.clone();
        tokio::spawn(async move {
            // Who ends the server waits for people, not for tests.
            let _ = tokio::time::timeout(LIFETIME, draining.cancelled()).await;
            room.end_test(me);
        });
        Ok(())
    }

    /// Counts and logs how far a media connection came that did not come about.
    pub(crate) fn media_problem(&self, step: MediaStep) -> Result<(), Refusal> {
        let (room, me) = self.seated()?;
        if !room.sits(me, &self.link) {
            return Err(Refusal::not_joined());
        }
        self.inner.metrics().media_problem(step);
        let test = is_test(room.id);
        info!(
            room.id = %room.id, user.id = %self.identity.user, participant.id = %me, step = step.as_str(), test,
            "a client's media connection did not come about"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_no_stored_rooms_and_each_user_has_one() {
        let (ada, bob) = (UserId::new(), UserId::new());
        assert!(is_test(room_of(ada)) && !is_test(RoomId::new()));
        assert!(is_of_test(convert::call(room_of(ada))) && !is_of_test(convert::call(RoomId::new())));
        assert_eq!(room_of(ada), room_of(ada));
        assert_ne!(room_of(ada), room_of(bob));
        assert_eq!(convert::room(convert::call(room_of(ada))), room_of(ada));
    }
}
