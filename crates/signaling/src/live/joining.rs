//! Somebody enters a room.

use std::collections::HashSet;

use hubbub_domain::{ParticipantId, Room, Timestamp, UserId};
use hubbub_protocol::{CloseCode, LeftReason, RemoveReason, ServerMessage};
use hubbub_sfu::{AdmitError, Command};
use tracing::info;

use super::LiveRoom;
use crate::convert;
use crate::list;
use crate::outbox::Link;
use crate::room::{Joined, Joiner, People};

/// Why a seat was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JoinRefused {
    /// The stored room changed since it was read: read it again.
    Outdated,
    /// The room was deleted.
    Deleted,
    /// The server is about to end.
    Draining,
    /// Every seat is taken; how many there are.
    Full(u32),
    /// As many rooms are in use as may be; how many.
    TooManyRooms(usize),
    /// The media plane has no room for another one.
    Busy(AdmitError),
}

/// What comes with the seat and is for the client alone.
pub(crate) struct Welcome {
    pub(crate) reply_to: Option<u32>,
    /// The next resume token, in clear.
    pub(crate) resume_token: String,
}

impl LiveRoom {
    /// Gives `joiner` a seat, by settings that were read at `revision`; `mutes` are a moderator's, where this does not
    /// remember them.
    pub(crate) fn join(
        &self,
        (settings, mutes): (&Room, HashSet<UserId>),
        revision: u64,
        joiner: Joiner<Link>,
        welcome: Welcome,
        now: Timestamp,
    ) -> Result<ParticipantId, JoinRefused> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if state.deleted {
            return Err(JoinRefused::Deleted);
        }
        if state.revision != revision {
            return Err(JoinRefused::Outdated);
        }
        let settings = self.around.bounded(settings);
        let people = state.people.get_or_insert_with(|| People::new(settings.clone(), mutes));
        people.update(&settings);
        let (link, user, session) = (joiner.link.clone(), joiner.user, joiner.session);
        let (asked_to_resume, span) = (joiner.resume.is_some(), joiner.span.clone());
        if !people.has(user) && self.around.draining.is_cancelled() {
            return Err(JoinRefused::Draining);
        }
        // Whoever has a seat brings no more load than before. That the room is full holds longer than that the server is busy.
        if !people.has(user) && !people.is_full() {
            self.around.media.admit(convert::call(self.id)).map_err(JoinRefused::Busy)?;
            // Nothing keeps the seat from being taken from here on.
            if !self.around.seats.open(self.id, self.around.rooms) {
                return Err(JoinRefused::TooManyRooms(self.around.rooms));
            }
        }
        let seats = people.settings().max_participants.get();
        let joined = people.join(joiner, now).map_err(|_| JoinRefused::Full(seats))?;
        let (id, resumed) = match joined {
            Joined::Resumed { id, displaced } => {
                if let Some(old) = displaced {
                    self.tell_left(&old, None, LeftReason::Replaced);
                    old.close(CloseCode::Normal, "resumed on another socket");
                }
                self.around.metrics.resumes.increment();
                span.record("participant.id", tracing::field::display(id));
                span.in_scope(
                    || info!(room.id = %self.id, user.id = %user, participant.id = %id, "participant resumed"),
                );
                (id, true)
            }
            Joined::Seated { id, replaced } => {
                if let Some((old_id, old)) = replaced {
                    self.forget(old_id, &old, Some((None, LeftReason::Replaced)));
                    // Not to the new seat, which hears of the room by `joined`.
                    self.tell_removed(people, &mut state.news, Some(id), (old_id, &old), RemoveReason::Replaced);
                }
                if asked_to_resume {
                    self.around.metrics.resumes_failed.increment();
                }
                let (call, peer, grants) = (convert::call(self.id), convert::peer(id), people.grants(id));
                let max_speakers = self.max_speakers(people);
                self.around.media.send(Command::AddPeer { call, peer, grants, max_speakers });
                span.record("participant.id", tracing::field::display(id));
                span.in_scope(
                    || info!(room.id = %self.id, user.id = %user, participant.id = %id, "participant joined"),
                );
                (id, false)
            }
        };
        self.around.seats.insert(id, self.id, session, user);
        // The list tells all that is so by now.
        if let Some(seat) = people.seat_mut(id) {
            seat.told = state.news.next();
        }
        let participant = people.participant(id).map(convert::participant_info);
        let (participants, further) = list::of(people, id);
        link.send(ServerMessage::Joined {
            reply_to: welcome.reply_to,
            room: convert::room_info(people.settings()),
            participant_id: id.0,
            resume_token: welcome.resume_token,
            resumed,
            can_moderate: people.can_moderate(user),
            slots: self.around.slots,
            participant_count: u32::try_from(people.len()).unwrap_or(u32::MAX),
            participants,
        });
        if !further.is_empty() {
            let list = ServerMessage::Participants { participants: Vec::new() };
            self.around.metrics.sent(&list, u64::try_from(further.len()).unwrap_or(u64::MAX));
            link.send_shared(&further.into());
        }
        if resumed {
            Self::replay(people, id, &link);
        } else if let Some(participant) = participant {
            self.broadcast(people, &mut state.news, Some(id), ServerMessage::AddPeer { participant });
        }
        if people.len() == 1 && !resumed {
            // Whoever spoke last is gone.
            state.speakers = None;
        }
        link.show_speakers(state.speakers.clone());
        Ok(id)
    }
}
