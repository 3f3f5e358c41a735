//! A room in use: its people behind a lock, their sockets told of every change in the order it happened, and the media
//! plane kept in step.
//!
//! Every method locks, decides, queues messages and hands orders over, all without waiting, so that all clients see
//! changes in the same order. Nothing here calls back into the registry while the lock is held.

mod telling;

use std::collections::HashSet;
use std::sync::{Arc, Weak};

use axum::extract::ws::Utf8Bytes;
use hubbub_domain::{
    AuditRoom, AuditUser, LiveParticipant, ParticipantId, Room, RoomId, SessionId, Timestamp, User, UserId,
};
use hubbub_protocol::{CloseCode, ErrorCode, LeftReason, MediaState, RemoveReason, ServerMessage};
use hubbub_sfu::{AdmitError, Command, Mid};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::convert;
use crate::list;
use crate::media::MediaPlane;
use crate::metrics::Metrics;
use crate::news::News;
use crate::outbox::Link;
use crate::refusal::Refusal;
use crate::room::{Joined, Joiner, MutedByModerator, Mutes, People, Seat};
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

/// What a moderator did: muted somebody, or lifted that.
pub(crate) struct Moderated {
    pub(crate) moderator: AuditUser,
    pub(crate) user: AuditUser,
    pub(crate) room: AuditRoom,
}

/// What comes with the seat and is for the client alone.
pub(crate) struct Welcome {
    pub(crate) reply_to: Option<u32>,
    /// The next resume token, in clear.
    pub(crate) resume_token: String,
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

    pub(crate) fn participants(&self) -> Vec<LiveParticipant> {
        self.state.lock().people.as_ref().map(People::participants).unwrap_or_default()
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

    /// An admin mutes somebody from outside as a moderator does, or lifts that; whether somebody sits there.
    pub(crate) fn mute_by_admin(&self, id: ParticipantId, muted: bool) -> bool {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let Some(people) = &mut state.people else { return false };
        let Some(before) = people.mutes(id) else { return false };
        people.mute_by_moderator(id, muted);
        let after = people.mutes(id).unwrap_or(before);
        self.apply_mutes(people, id, before, after);
        if before != after {
            self.broadcast(people, &mut state.news, None, mute_info(None, id, after));
        }
        true
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

    /// Mutes or unmutes `target`, or `me` oneself, and tells everybody. Gives what a moderator did to
    /// somebody, for storage to remember.
    pub(crate) fn mute(
        &self,
        me: ParticipantId,
        link: &Link,
        target: Option<ParticipantId>,
        muted: bool,
        reply_to: Option<u32>,
    ) -> Result<Option<Moderated>, Refusal> {
        let mut guard = self.state.lock();
        let State { people, news, .. } = &mut *guard;
        let people = Self::seated(people, me, link)?;
        let target = target.unwrap_or(me);
        if target != me && !people.seat(me).is_some_and(|seat| people.can_moderate(seat.user)) {
            return Err(Refusal::new(ErrorCode::Forbidden, "only the room's owner may mute others"));
        }
        let before = people.mutes(target).ok_or(Refusal::new(
            ErrorCode::ParticipantNotFound,
            "nobody in this room has this participantId; take it from joined or add-peer",
        ))?;
        if target == me {
            people.mute_self(me, muted).map_err(|MutedByModerator| {
                Refusal::new(ErrorCode::MutedByModerator, "a moderator muted you; only a moderator can lift that")
            })?;
        } else {
            people.mute_by_moderator(target, muted);
        }
        let after = people.mutes(target).unwrap_or(before);
        self.apply_mutes(people, target, before, after);
        news.catch_up(people, me, &self.around.metrics);
        link.send(mute_info(reply_to, target, after));
        if (before.muted(), before.by_moderator) != (after.muted(), after.by_moderator) {
            self.broadcast(people, news, Some(me), mute_info(None, target, after));
        }
        if before.by_moderator == after.by_moderator {
            return Ok(None);
        }
        let room = AuditRoom::from(people.settings());
        Ok(people.named(me).zip(people.named(target)).map(|(moderator, user)| Moderated { moderator, user, room }))
    }

    /// Tells the media plane when somebody's mute changed what is forwarded.
    fn apply_mutes(&self, people: &People<Link>, id: ParticipantId, before: Mutes, after: Mutes) {
        if before.muted() != after.muted() {
            let (peer, grants) = (convert::peer(id), people.grants(id));
            self.around.media.send(Command::SetGrants { peer, grants });
        }
    }

    /// Who is heard in `id`'s slots changed.
    pub(crate) fn set_slots(&self, id: ParticipantId, changes: Vec<(Mid, Option<ParticipantId>)>) {
        let mut guard = self.state.lock();
        let State { people: Some(people), news, .. } = &mut *guard else { return };
        news.catch_up(people, id, &self.around.metrics);
        let Some(seat) = people.seat_mut(id) else { return };
        let assignments = changes.iter().map(|(mid, speaker)| convert::slot(mid, *speaker)).collect();
        for (mid, speaker) in changes {
            match speaker {
                Some(speaker) => seat.slots.insert(mid, speaker),
                None => seat.slots.remove(&mid),
            };
        }
        if let Some(link) = &seat.link {
            link.send(ServerMessage::Slots { assignments });
        }
    }

    /// How `id`'s media connection stands.
    pub(crate) fn set_media(&self, id: ParticipantId, media: MediaState) {
        self.with_seat(id, |seat| {
            seat.media = Some(media);
            // A new connection starts with empty slots, and a lost one has none.
            seat.slots.clear();
            if let Some(link) = &seat.link {
                link.send(ServerMessage::MediaState { state: media });
            }
        });
    }

    /// Hands an order for seat `me`'s media over, after `change` agreed, if `link` sits there.
    pub(crate) fn order(
        &self,
        me: ParticipantId,
        link: &Link,
        change: impl FnOnce(&mut Seat<Link>) -> Result<Command, Refusal>,
    ) -> Result<(), Refusal> {
        let mut state = self.state.lock();
        let seat = Self::seated(&mut state.people, me, link)?.seat_mut(me).ok_or_else(Refusal::not_joined)?;
        let command = change(seat)?;
        self.around.media.send(command);
        Ok(())
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

fn mute_info(reply_to: Option<u32>, id: ParticipantId, mutes: Mutes) -> ServerMessage {
    ServerMessage::MuteInfo {
        reply_to,
        participant_id: id.0,
        muted: mutes.muted(),
        muted_by_moderator: mutes.by_moderator,
    }
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
