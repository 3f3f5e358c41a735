//! One room's people: who sits where, who is muted, who may come back. Decides purely; others send and wait for it.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::ops::RangeBounds;

use hubbub_domain::{
    Action, AuditUser, Client, LiveParticipant, ParticipantId, Room, RoomAccess, SessionId, Timestamp, User, UserId,
    may,
};
use hubbub_protocol::MediaState;
use hubbub_sfu::{Grants, Mid};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tracing::Span;

use crate::connection_test;
use crate::pages::{self, Pages};
use crate::token::TokenHash;

/// The people in one room. `L` is what leads to a client's socket.
///
/// Seats are kept by [`ParticipantId`]: ids are made when seats are taken and sort by time, so that is the order of joining.
#[derive(Debug)]
pub(crate) struct People<L> {
    settings: Room,
    seats: BTreeMap<ParticipantId, Seat<L>>,
    pages: Pages,
    by_user: HashMap<UserId, ParticipantId>,
    /// Whom a moderator muted: kept when they leave, so that joining again does not lift it.
    muted_by_moderator: HashSet<UserId>,
}

/// One person's place, from join to leave; it outlives its socket for a while.
#[derive(Debug)]
pub(crate) struct Seat<L> {
    pub(crate) user: UserId,
    /// The login of the socket that sits or last sat here.
    pub(crate) session: SessionId,
    /// What the socket that sits or last sat here was opened with.
    pub(crate) client: Client,
    username: String,
    display_name: String,
    avatar_version: Option<Timestamp>,
    pub(crate) joined_at: Timestamp,
    self_muted: bool,
    /// The socket; `None` while it is gone and may come back.
    pub(crate) link: Option<L>,
    resume: TokenHash,
    /// The number of the first change in the room that its socket was not told of.
    pub(crate) told: u64,
    /// Counts sockets that were lost, so that a timer set for an earlier loss does not end a later one.
    losses: u64,
    /// Who is heard where; only the taken slots.
    pub(crate) slots: BTreeMap<Mid, ParticipantId>,
    /// How the media connection stands, once there was one.
    pub(crate) media: Option<MediaState>,
    /// Offers of this socket that the media plane has not answered, oldest first.
    pub(crate) offers: VecDeque<PendingOffer>,
    /// What the log says of this join goes with its ids, until the first packet.
    pub(crate) join: Span,
}

/// An offer on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PendingOffer {
    /// The number it has in the media plane.
    pub(crate) request: u64,
    /// The number the client gave it.
    pub(crate) reply_to: Option<u32>,
}

/// Somebody who wants a seat.
#[derive(Debug)]
pub(crate) struct Joiner<L> {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) client: Client,
    pub(crate) username: String,
    pub(crate) display_name: String,
    pub(crate) avatar_version: Option<Timestamp>,
    pub(crate) muted: bool,
    /// The hash of the resume token presented, if one was.
    pub(crate) resume: Option<TokenHash>,
    /// The seat's next resume token.
    pub(crate) next_resume: TokenHash,
    pub(crate) link: L,
    /// The span of the join.
    pub(crate) span: Span,
}

/// How joining ended.
#[derive(Debug)]
pub(crate) enum Joined<L> {
    /// The seat of before. `displaced` is the socket that still sat on it.
    Resumed { id: ParticipantId, displaced: Option<L> },
    /// A new seat. `replaced` is the one the same user had.
    Seated { id: ParticipantId, replaced: Option<(ParticipantId, Box<Seat<L>>)> },
}

/// Every seat is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// Who muted somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mutes {
    /// The participant.
    pub(crate) own: bool,
    /// A moderator.
    pub(crate) by_moderator: bool,
}

impl Mutes {
    /// Whether nothing of them is forwarded.
    pub(crate) fn muted(self) -> bool {
        self.own || self.by_moderator
    }
}

/// Only a moderator can lift this mute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MutedByModerator;

impl<L: Clone + PartialEq> People<L> {
    /// A room that nobody is in; `muted_by_moderator` are those whom a moderator muted before.
    pub(crate) fn new(settings: Room, muted_by_moderator: HashSet<UserId>) -> Self {
        Self { settings, seats: BTreeMap::new(), pages: Pages::default(), by_user: HashMap::new(), muted_by_moderator }
    }

    pub(crate) fn settings(&self) -> &Room {
        &self.settings
    }

    /// Takes newer settings over; whether they were newer and differ in what people see.
    pub(crate) fn update(&mut self, settings: &Room) -> bool {
        if settings.updated_at < self.settings.updated_at {
            return false;
        }
        let seen = |room: &Room| (room.name.clone(), room.description.clone(), room.is_private, room.max_participants);
        let differ = seen(settings) != seen(&self.settings);
        self.settings = settings.clone();
        differ
    }

    pub(crate) fn len(&self) -> usize {
        self.seats.len()
    }

    /// Whether there is nothing to remember about this room.
    pub(crate) fn is_forgettable(&self) -> bool {
        self.seats.is_empty() && self.muted_by_moderator.is_empty()
    }

    pub(crate) fn seat(&self, id: ParticipantId) -> Option<&Seat<L>> {
        self.seats.get(&id)
    }

    pub(crate) fn seat_mut(&mut self, id: ParticipantId) -> Option<&mut Seat<L>> {
        self.seats.get_mut(&id)
    }

    /// Whether every seat is taken.
    pub(crate) fn is_full(&self) -> bool {
        usize::try_from(self.settings.max_participants.get()).is_ok_and(|limit| self.seats.len() >= limit)
    }

    /// Whether `user` has a seat.
    pub(crate) fn has(&self, user: UserId) -> bool {
        self.by_user.contains_key(&user)
    }

    /// Whether `link` sits on seat `id`.
    pub(crate) fn sits(&self, id: ParticipantId, link: &L) -> bool {
        self.seats.get(&id).is_some_and(|seat| seat.link.as_ref() == Some(link))
    }

    /// The seats whose socket is there.
    pub(crate) fn links(&self) -> impl Iterator<Item = (ParticipantId, &L)> {
        self.seats.iter().filter_map(|(&id, seat)| seat.link.as_ref().map(|link| (id, link)))
    }

    pub(crate) fn seats(&self) -> impl Iterator<Item = (ParticipantId, &Seat<L>)> {
        self.seats.iter().map(|(&id, seat)| (id, seat))
    }

    pub(crate) fn seats_mut(&mut self) -> impl Iterator<Item = (ParticipantId, &mut Seat<L>)> {
        self.seats.iter_mut().map(|(&id, seat)| (id, seat))
    }

    /// Everybody in order of joining: those on the first page, and what `write` makes of the other pages. `me` is on none of those; a
    /// page without `me` is written again only when somebody on it has changed.
    pub(crate) fn list(
        &mut self,
        me: ParticipantId,
        write: impl Fn(Vec<LiveParticipant>) -> Utf8Bytes,
    ) -> (Vec<LiveParticipant>, Vec<Utf8Bytes>) {
        let (seats, muted) = (&self.seats, &self.muted_by_moderator);
        let on = |page| seats.range::<ParticipantId, pages::Span>(page).map(|(&id, seat)| describe(muted, id, seat));
        let mut pages = self.pages.iter_mut();
        let first = pages.next().map(|(span, ..)| on(span).collect()).unwrap_or_default();
        let mut further = Vec::with_capacity(pages.size_hint().0);
        for (span, people, text) in pages {
            if span.contains(&me) {
                if people > 1 {
                    further.push(write(on(span).filter(|participant| participant.id != me).collect()));
                }
            } else {
                further.push(text.get_or_insert_with(|| write(on(span).collect())).clone());
            }
        }
        (first, further)
    }

    /// Takes a seat: the one of before if the resume token says so, else a new one in place of any the user had.
    pub(crate) fn join(&mut self, joiner: Joiner<L>, now: Timestamp) -> Result<Joined<L>, Full> {
        let held = self.by_user.get(&joiner.user).copied();
        if let Some(id) = held
            && let Some(seat) = self.seats.get_mut(&id)
            && joiner.resume == Some(seat.resume)
        {
            seat.resume = joiner.next_resume;
            seat.session = joiner.session;
            seat.client = joiner.client;
            seat.offers.clear();
            seat.join = joiner.span;
            return Ok(Joined::Resumed { id, displaced: seat.link.replace(joiner.link) });
        }
        if held.is_none() && self.is_full() {
            return Err(Full);
        }
        let replaced = held.and_then(|id| self.remove(id).map(|seat| (id, Box::new(seat))));
        let id = ParticipantId::new();
        self.by_user.insert(joiner.user, id);
        let seat = Seat {
            user: joiner.user,
            session: joiner.session,
            client: joiner.client,
            username: joiner.username,
            display_name: joiner.display_name,
            avatar_version: joiner.avatar_version,
            joined_at: now,
            self_muted: joiner.muted,
            link: Some(joiner.link),
            resume: joiner.next_resume,
            told: 0,
            losses: 0,
            slots: BTreeMap::new(),
            media: None,
            offers: VecDeque::new(),
            join: joiner.span,
        };
        self.seats.insert(id, seat);
        self.pages.insert(id);
        Ok(Joined::Seated { id, replaced })
    }

    /// Frees a seat.
    pub(crate) fn remove(&mut self, id: ParticipantId) -> Option<Seat<L>> {
        let seat = self.seats.remove(&id)?;
        self.pages.remove(id);
        self.by_user.remove(&seat.user);
        Some(seat)
    }

    /// Frees every seat.
    pub(crate) fn clear(&mut self) -> Vec<(ParticipantId, Seat<L>)> {
        self.by_user.clear();
        self.pages = Pages::default();
        self.muted_by_moderator.clear();
        std::mem::take(&mut self.seats).into_iter().collect()
    }

    /// `link` is gone; its seat waits for another. The number is for [`Self::expire`]; `None` when `link` sat elsewhere.
    pub(crate) fn detach(&mut self, id: ParticipantId, link: &L) -> Option<u64> {
        let seat = self.seats.get_mut(&id).filter(|seat| seat.link.as_ref() == Some(link))?;
        seat.link = None;
        seat.offers.clear();
        seat.losses += 1;
        Some(seat.losses)
    }

    /// Frees a seat whose socket did not come back since loss number `loss`.
    pub(crate) fn expire(&mut self, id: ParticipantId, loss: u64) -> Option<Seat<L>> {
        let seat = self.seats.get(&id)?;
        if seat.link.is_some() || seat.losses != loss {
            return None;
        }
        self.remove(id)
    }

    /// Who muted `id`; `None` when nobody has that seat.
    pub(crate) fn mutes(&self, id: ParticipantId) -> Option<Mutes> {
        let seat = self.seats.get(&id)?;
        Some(Mutes { own: seat.self_muted, by_moderator: self.muted_by_moderator.contains(&seat.user) })
    }

    /// The participant's own switch. Switching on what a moderator switched off is refused.
    pub(crate) fn mute_self(&mut self, id: ParticipantId, muted: bool) -> Result<(), MutedByModerator> {
        let by_moderator = self.mutes(id).is_some_and(|mutes| mutes.by_moderator);
        if by_moderator && !muted {
            return Err(MutedByModerator);
        }
        if let Some(seat) = self.seats.get_mut(&id) {
            seat.self_muted = muted;
            self.pages.change(id);
        }
        Ok(())
    }

    /// A moderator's switch, apart from the participant's own. Who was muted by it stays muted when it is lifted: whether
    /// the microphone goes live again is theirs to say.
    pub(crate) fn mute_by_moderator(&mut self, id: ParticipantId, muted: bool) {
        let Some(seat) = self.seats.get_mut(&id) else { return };
        self.pages.change(id);
        if muted {
            self.muted_by_moderator.insert(seat.user);
        } else if self.muted_by_moderator.remove(&seat.user) {
            seat.self_muted = true;
        }
    }

    /// Takes a user's newer name and picture over; whether they differ.
    pub(crate) fn update_profile(&mut self, id: ParticipantId, user: &User) -> bool {
        let Some(seat) = self.seats.get_mut(&id).filter(|seat| seat.user == user.id) else { return false };
        let (username, display_name) = (user.username.as_str(), user.display_name.as_str());
        let seen = (seat.username.as_str(), seat.display_name.as_str(), seat.avatar_version);
        if seen == (username, display_name, user.avatar_version) {
            return false;
        }
        (seat.username, seat.display_name) = (username.to_owned(), display_name.to_owned());
        seat.avatar_version = user.avatar_version;
        self.pages.change(id);
        true
    }

    /// Whether `user`, who is inside, may mute others.
    pub(crate) fn can_moderate(&self, user: UserId) -> bool {
        self.allows(user, Action::Moderate)
    }

    /// What the media plane is to let `id` do.
    pub(crate) fn grants(&self, id: ParticipantId) -> Grants {
        let silent = Grants { speak: false, hear: false, hear_own: false };
        let (Some(seat), Some(mutes)) = (self.seats.get(&id), self.mutes(id)) else { return silent };
        let hear_own = connection_test::is_test(self.settings.id);
        Grants { speak: self.allows(seat.user, Action::Speak) && !mutes.muted(), hear: true, hear_own }
    }

    fn allows(&self, user: UserId, action: Action) -> bool {
        may(user, action, &RoomAccess { room: self.settings.clone(), is_member: true }).is_ok()
    }

    /// Who sits on a seat, as the audit log names them.
    pub(crate) fn named(&self, id: ParticipantId) -> Option<AuditUser> {
        self.seats.get(&id).map(|seat| AuditUser { id: seat.user, username: seat.username.clone() })
    }

    /// A seat as others see it.
    pub(crate) fn participant(&self, id: ParticipantId) -> Option<LiveParticipant> {
        self.seats.get(&id).map(|seat| describe(&self.muted_by_moderator, id, seat))
    }

    /// The first of them in order of joining.
    pub(crate) fn first_participants(&self, most: usize) -> Vec<LiveParticipant> {
        self.seats.iter().take(most).map(|(&id, seat)| describe(&self.muted_by_moderator, id, seat)).collect()
    }
}

fn describe<L>(muted_by_moderator: &HashSet<UserId>, id: ParticipantId, seat: &Seat<L>) -> LiveParticipant {
    let mutes = Mutes { own: seat.self_muted, by_moderator: muted_by_moderator.contains(&seat.user) };
    LiveParticipant {
        id,
        user: seat.user,
        username: seat.username.clone(),
        display_name: seat.display_name.clone(),
        avatar_version: seat.avatar_version,
        muted: mutes.muted(),
        muted_by_moderator: mutes.by_moderator,
        joined_at: seat.joined_at,
    }
}

#[cfg(test)]
#[path = "room_tests.rs"]
mod tests;
