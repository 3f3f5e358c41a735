//! A room in use: its people behind a lock, their sockets told of every change in the order it happened, and the media
//! plane kept in step.
//!
//! Every method locks, decides, queues messages and hands orders over, all without waiting, so that all clients see
//! changes in the same order. Nothing here calls back into the registry while the lock is held.

mod joining;
mod media;
mod muting;
mod telling;

use std::sync::{Arc, Weak};

use hubbub_domain::{LiveParticipant, ParticipantId, Room, RoomId, SessionId, User, UserId};
use hubbub_protocol::{LeftReason, RemoveReason, ServerMessage};
use hubbub_sfu::Command;
use parking_lot::Mutex;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_util::sync::CancellationToken;
use tracing::info;

pub(crate) use self::joining::{JoinRefused, Welcome};
use crate::convert;
use crate::media::MediaPlane;
use crate::metrics::Metrics;
use crate::news::News;
use crate::outbox::Link;
use crate::refusal::Refusal;
use crate::room::{People, Seat};
use crate::seats::Seats;

/// What every room needs of its surroundings.
pub(crate) struct Surroundings {
    pub(crate) media: Arc<dyn MediaPlane>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) seats: Seats,
    /// How many slots clients are told to offer.
    pub(crate) slots: u32,
    /// Cancelled once the server is about to end: from then on nobody new gets a seat.
    pub(crate) draining: CancellationToken,
    /// In how many rooms there may be people.
    pub(crate) rooms: usize,
    /// How many people may be in one room.
    pub(crate) people: u32,
}

impl Surroundings {
    /// A room as its owner wants it, within what the server allows.
    fn bounded(&self, room: &Room) -> Room {
        Room { max_participants: room.max_participants.at_most(self.people), ..room.clone() }
    }
}

/// A room that somebody is in, enters or left a moderator's mute in.
pub(crate) struct LiveRoom {
    pub(crate) id: RoomId,
    around: Arc<Surroundings>,
    state: Mutex<State>,
    this: Weak<Self>,
}

#[derive(Default)]
struct State {
    /// `None` until somebody got in.
    people: Option<People<Link>>,
    /// Grows with every change of the stored room, so that nobody enters by what was read before one.
    revision: u64,
    deleted: bool,
    /// Who speaks, as last told.
    speakers: Option<Utf8Bytes>,
    /// What people are told of each other, and were not yet.
    news: News,
}

impl LiveRoom {
    pub(crate) fn new(id: RoomId, around: Arc<Surroundings>) -> Arc<Self> {
        Arc::new_cyclic(|this| Self { id, around, state: Mutex::default(), this: this.clone() })
    }

    /// To be taken before the stored room is read, and given back with [`Self::join`].
    pub(crate) fn revision(&self) -> u64 {
        self.state.lock().revision
    }

    /// The stored room changed: whatever was read of it before is outdated.
    pub(crate) fn outdate(&self) {
        self.state.lock().revision += 1;
    }

    /// Whether there is nothing to remember.
    pub(crate) fn is_forgettable(&self) -> bool {
        self.state.lock().people.as_ref().is_none_or(People::is_forgettable)
    }

    pub(crate) fn count(&self) -> usize {
        self.state.lock().people.as_ref().map_or(0, People::len)
    }

    pub(crate) fn first_participants(&self, most: usize) -> (Vec<LiveParticipant>, usize) {
        let state = self.state.lock();
        state.people.as_ref().map(|people| (people.first_participants(most), people.len())).unwrap_or_default()
    }

    /// Everybody's seat and user.
    pub(crate) fn users(&self) -> Vec<(ParticipantId, UserId)> {
        let state = self.state.lock();
        state.people.iter().flat_map(|people| people.seats().map(|(id, seat)| (id, seat.user))).collect()
    }

    /// Whether `link` sits on seat `id`.
    pub(crate) fn sits(&self, id: ParticipantId, link: &Link) -> bool {
        self.state.lock().people.as_ref().is_some_and(|people| people.sits(id, link))
    }

    /// Whether this remembers whom moderators muted; else storage does.
    pub(crate) fn remembers_mutes(&self) -> bool {
        self.state.lock().people.is_some()
    }

    /// `link` gives its seat up. Whether it had one.
    pub(crate) fn leave(&self, id: ParticipantId, link: &Link, reply_to: Option<u32>) -> bool {
        self.remove_if(
            id,
            |seat| seat.link.as_ref() == Some(link),
            RemoveReason::Left,
            Some((reply_to, LeftReason::Left)),
        )
    }

    /// The seat's user may no longer be here.
    pub(crate) fn expel(&self, id: ParticipantId) {
        self.remove_if(id, |_| true, RemoveReason::Forbidden, Some((None, LeftReason::Forbidden)));
    }

    /// A connection test has taken its time.
    pub(crate) fn end_test(&self, id: ParticipantId) {
        self.remove_if(id, |_| true, RemoveReason::TimedOut, Some((None, LeftReason::Left)));
    }

    /// An admin sends the seat's user out; whether there was one.
    pub(crate) fn kick(&self, id: ParticipantId) -> bool {
        self.remove_if(id, |_| true, RemoveReason::Kicked, Some((None, LeftReason::Kicked)))
    }

    /// All logins of the seat's user ended; the sockets are closed by whoever calls this.
    pub(crate) fn end_logins(&self, id: ParticipantId) {
        self.remove_if(id, |_| true, RemoveReason::Left, None);
    }

    /// An admin sends everybody out; how many there were. Whom moderators muted stays so.
    pub(crate) fn close(&self) -> usize {
        let mut state = self.state.lock();
        state.speakers = None;
        let Some(people) = &mut state.people else { return 0 };
        let everybody: Vec<ParticipantId> = people.seats().map(|(id, _)| id).collect();
        info!(room.id = %self.id, room.participants = everybody.len(), "room closed by an admin");
        for &id in &everybody {
            if let Some(seat) = people.remove(id) {
                self.forget(id, &seat, Some((None, LeftReason::RoomClosed)));
            }
        }
        everybody.len()
    }

    /// Looks at the people who are in it, if anybody has been.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&People<Link>) -> T) -> Option<T> {
        self.state.lock().people.as_ref().map(look)
    }

    /// The login behind the seat ended; its socket is closed by whoever calls this.
    pub(crate) fn end_session(&self, id: ParticipantId, session: SessionId) {
        self.remove_if(id, |seat| seat.session == session, RemoveReason::Left, None);
    }

    /// `link` is gone; the number is for [`Self::expire`]. `None` when it had no seat here.
    pub(crate) fn detach(&self, id: ParticipantId, link: &Link) -> Option<u64> {
        self.state.lock().people.as_mut()?.detach(id, link)
    }

    /// Frees the seat if no socket came back since loss number `loss`.
    pub(crate) fn expire(&self, id: ParticipantId, loss: u64) {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let Some(people) = &mut state.people else { return };
        if let Some(seat) = people.expire(id, loss) {
            self.around.metrics.seats_timed_out.increment();
            self.removed(people, &mut state.news, id, &seat, RemoveReason::TimedOut, None);
        }
    }

    /// The stored room is gone: everybody leaves and nobody enters.
    pub(crate) fn delete(&self) {
        let mut state = self.state.lock();
        state.deleted = true;
        state.speakers = None;
        let Some(people) = &mut state.people else { return };
        let everybody = people.clear();
        info!(room.id = %self.id, room.participants = everybody.len(), "room deleted");
        for (id, seat) in everybody {
            self.forget(id, &seat, Some((None, LeftReason::RoomDeleted)));
        }
    }

    /// The stored room changed: those inside hear of it.
    pub(crate) fn update(&self, settings: &Room) {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let Some(people) = &mut state.people else { return };
        let settings = &self.around.bounded(settings);
        let speakers_before = self.max_speakers(people);
        let seen = people.update(settings);
        let max_speakers = self.max_speakers(people);
        if max_speakers != speakers_before {
            self.around.media.send(Command::SetCall { call: convert::call(self.id), max_speakers });
        }
        if seen {
            let message = ServerMessage::RoomUpdated { room: convert::room_info(settings) };
            self.broadcast(people, &mut state.news, None, message);
        }
    }

    /// `user`, who sits on seat `id`, has another name or picture: everybody hears of it.
    pub(crate) fn update_profile(&self, id: ParticipantId, user: &User) {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let Some(people) = &mut state.people else { return };
        if people.update_profile(id, user)
            && let Some(participant) = people.participant(id).map(convert::participant_info)
        {
            self.broadcast(people, &mut state.news, None, ServerMessage::UpdatePeer { participant });
        }
    }

    /// How many speakers the media plane is to forward.
    fn max_speakers(&self, people: &People<Link>) -> usize {
        usize::try_from(people.settings().forwarded_speakers(self.around.slots)).unwrap_or(usize::MAX)
    }

    /// Looks at one seat, if it is still there.
    pub(crate) fn with_seat(&self, id: ParticipantId, look: impl FnOnce(&mut Seat<Link>)) {
        if let Some(seat) = self.state.lock().people.as_mut().and_then(|people| people.seat_mut(id)) {
            look(seat);
        }
    }

    fn seated<'a>(
        people: &'a mut Option<People<Link>>,
        me: ParticipantId,
        link: &Link,
    ) -> Result<&'a mut People<Link>, Refusal> {
        people.as_mut().filter(|people| people.sits(me, link)).ok_or_else(Refusal::not_joined)
    }

    fn remove_if(
        &self,
        id: ParticipantId,
        condition: impl FnOnce(&Seat<Link>) -> bool,
        reason: RemoveReason,
        left: Option<(Option<u32>, LeftReason)>,
    ) -> bool {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let Some(people) = &mut state.people else { return false };
        if !people.seat(id).is_some_and(condition) {
            return false;
        }
        if let Some(seat) = people.remove(id) {
            self.removed(people, &mut state.news, id, &seat, reason, left);
        }
        true
    }

    /// What follows when one seat of several was freed.
    fn removed(
        &self,
        people: &mut People<Link>,
        news: &mut News,
        id: ParticipantId,
        seat: &Seat<Link>,
        reason: RemoveReason,
        left: Option<(Option<u32>, LeftReason)>,
    ) {
        self.forget(id, seat, left);
        self.tell_removed(people, news, None, (id, seat), reason);
    }

    /// Takes a freed seat's media away and tells its own socket.
    fn forget(&self, id: ParticipantId, seat: &Seat<Link>, left: Option<(Option<u32>, LeftReason)>) {
        self.around.seats.remove(id);
        self.around.media.send(Command::RemovePeer { peer: convert::peer(id) });
        if let (Some(link), Some((reply_to, reason))) = (&seat.link, left) {
            self.tell_left(link, reply_to, reason);
        }
    }
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
