//! A call: who may be heard, who is, and by whom. Pure decisions; `now` is passed in.
//!
//! Nothing here costs more as a call grows, except a change of who is heard: that concerns every listener.

mod noise;
mod ranking;
mod remote;
mod speakers;
mod voice;

use std::time::Instant;

use rustc_hash::FxHashMap;
use slab::Slab;
use smallvec::SmallVec;

use self::ranking::{Moved, Ranking};
use self::remote::Remote;
pub(crate) use self::remote::{Crossing, Standing};
use self::speakers::Announcer;
pub(crate) use self::voice::PREROLL;
use self::voice::Voice;
use crate::command::Grants;
use crate::growth::make_room;
use crate::ids::{CallId, PeerId};
use crate::metrics::DropReason;
use crate::prefetch::prefetch;
use crate::rtp::extension::AudioLevel;
use crate::worker_set::WorkerSet;

/// A member's place in its call.
pub(crate) type MemberKey = usize;

/// A slot in which a publisher is heard: the listener, as its worker knows it, and which of its slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ear {
    pub(crate) listener: usize,
    pub(crate) slot: u8,
    member: MemberKey,
}

/// Where a speaker is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaker {
    /// To this worker, which knows it as this peer.
    Here(usize),
    /// To another one. Its packets come as this stream.
    Elsewhere(u64),
}

#[cfg(test)]
impl Ear {
    /// One of no call.
    pub(crate) const fn of(listener: usize, slot: u8) -> Self {
        Self { listener, slot, member: 0 }
    }
}

/// A slot that changed hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotChange {
    /// The listener, as its worker knows it.
    pub(crate) listener: usize,
    pub(crate) slot: u8,
    /// Who is heard there from now on.
    pub(crate) speaker: Option<PeerId>,
}

/// Who is heard in a slot, and where the slot stands in that publisher's list of ears.
#[derive(Clone, Copy, Debug)]
struct Heard {
    speaker: MemberKey,
    ear: usize,
}

#[derive(Debug)]
struct Member {
    peer: usize,
    id: PeerId,
    grants: Grants,
    slots: Vec<Option<Heard>>,
    /// Once it has sent something: most members only listen.
    voice: Option<Box<Voice>>,
    /// In a call of two there is one, and it lies in the member.
    ears: SmallVec<[Ear; 1]>,
    /// Set for a publisher on another worker, whose voice is judged there. Most members are none, and those of a packet shall lie close.
    remote: Option<Box<Remote>>,
}

/// The voice of those who have sent nothing.
static SILENT: Voice = Voice::new();

impl Member {
    fn new(peer: usize, id: PeerId, grants: Grants) -> Self {
        Self { peer, id, grants, slots: Vec::new(), voice: None, ears: SmallVec::new(), remote: None }
    }

    fn voice(&self) -> &Voice {
        self.voice.as_deref().unwrap_or(&SILENT)
    }
}

/// The state of one call.
#[derive(Debug)]
pub(crate) struct Call {
    id: CallId,
    max_slots: usize,
    /// How many of the first in the ranking are forwarded.
    max_speakers: usize,
    members: Slab<Member>,
    ranking: Ranking,
    announcer: Announcer,
    /// Members whose connection is elsewhere.
    remotes: FxHashMap<PeerId, MemberKey>,
    /// The other workers with peers of this call.
    others: WorkerSet,
    /// This is the worker that tells who speaks.
    announces: bool,
    /// What the others do not know yet.
    crossings: Vec<(PeerId, Crossing)>,
}

impl Call {
    pub(crate) fn new(id: CallId, max_slots: usize) -> Self {
        Self {
            id,
            max_slots,
            max_speakers: max_slots + 1,
            members: Slab::new(),
            ranking: Ranking::default(),
            announcer: Announcer::default(),
            remotes: FxHashMap::default(),
            others: WorkerSet::NONE,
            announces: true,
            crossings: Vec::new(),
        }
    }

    pub(crate) const fn id(&self) -> CallId {
        self.id
    }

    /// Whether nobody of this worker is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.len() == self.remotes.len()
    }

    /// Takes in a member that has neither slots nor a voice yet. `peer` is how its worker knows it.
    pub(crate) fn join(&mut self, peer: usize, id: PeerId, grants: Grants, changes: &mut Vec<SlotChange>) -> MemberKey {
        // It moved here, and the news that it left the other worker is still on its way.
        if let Some(member) = self.remotes.get(&id).copied() {
            self.forget_remote(member, changes);
        }
        make_room(&mut self.members);
        self.members.insert(Member::new(peer, id, grants))
    }

    /// Forgets a member. Its own slots are not reported: there is nobody left to tell.
    pub(crate) fn leave(&mut self, member: MemberKey, changes: &mut Vec<SlotChange>) {
        self.set_slots(member, 0, &mut Vec::new());
        self.silence(member, changes);
        self.members.remove(member);
    }

    /// A publisher's stream is over: others take its slots.
    pub(crate) fn silence(&mut self, member: MemberKey, changes: &mut Vec<SlotChange>) {
        self.members[member].voice = None;
        let moved = self.ranking.remove(member);
        if moved.is_some() {
            self.tell(member, Crossing::Gone);
        }
        self.apply(moved, changes);
        debug_assert!(self.members[member].ears.is_empty(), "nobody hears somebody who is not in the ranking");
    }

    /// How many slots a listener has; beyond the call's limit they stay empty.
    pub(crate) fn set_slots(&mut self, member: MemberKey, slots: usize, changes: &mut Vec<SlotChange>) {
        let slots = slots.min(self.max_slots);
        for slot in slots..self.members[member].slots.len() {
            self.clear(member, slot, changes);
        }
        self.members[member].slots.resize(slots, None);
        self.fill(member, changes);
    }

    /// How many speakers are forwarded at most, from now on: those who are one too many are heard by nobody at once.
    pub(crate) fn set_max_speakers(&mut self, most: usize, changes: &mut Vec<SlotChange>) {
        // A speaker hears the others, so that one more than anybody has slots may matter.
        let most = most.clamp(1, self.max_slots + 1);
        if std::mem::replace(&mut self.max_speakers, most) == most {
            return;
        }
        let listeners: Vec<MemberKey> = self.members.iter().map(|(key, _)| key).collect();
        for listener in listeners {
            self.fill(listener, changes);
        }
    }

    pub(crate) fn set_grants(&mut self, member: MemberKey, grants: Grants, changes: &mut Vec<SlotChange>) {
        self.members[member].grants = grants;
        if !grants.speak {
            if let Some(voice) = &mut self.members[member].voice {
                voice.close();
            }
            let moved = self.ranking.close(member);
            if self.ranking.position(member).is_some() {
                self.tell(member, Crossing::Muted);
            }
            self.apply(moved, changes);
        }
        self.fill(member, changes);
    }

    /// Notes what the other workers should know of a member of this one.
    fn tell(&mut self, member: MemberKey, crossing: Crossing) {
        if !self.others.is_empty() && self.members[member].remote.is_none() {
            self.crossings.push((self.members[member].id, crossing));
        }
    }

    /// The members whose connection is on this worker, from a place on: where they are here, and how the worker knows them.
    pub(crate) fn local_members(&self, from: MemberKey) -> impl Iterator<Item = (MemberKey, usize)> {
        let members = self.members.iter().skip_while(move |(key, _)| *key < from);
        members.filter(|(_, member)| member.remote.is_none()).map(|(key, member)| (key, member.peer))
    }

    /// Who is heard in each of a member's slots.
    pub(crate) fn heard_by(&self, member: MemberKey) -> impl Iterator<Item = Option<PeerId>> {
        let slots = self.members[member].slots.iter();
        slots.map(|slot| slot.map(|heard| self.members[heard.speaker].id))
    }

    /// Of those who speak now, whom a member hears, and in which slot; without those elsewhere whose last packet nobody here heard.
    pub(crate) fn speakers_heard_by(&self, member: MemberKey) -> impl Iterator<Item = (Speaker, Ear)> {
        let slots = self.members[member].slots.iter().flatten().filter(|heard| self.ranking.is_speaking(heard.speaker));
        slots.filter_map(|heard| {
            let member = &self.members[heard.speaker];
            let speaker = match &member.remote {
                Some(remote) => Speaker::Elsewhere(remote.stream?),
                None => Speaker::Here(member.peer),
            };
            Some((speaker, member.ears[heard.ear]))
        })
    }

    /// Whether a member speaks.
    pub(crate) fn speaks(&self, member: MemberKey) -> bool {
        self.ranking.is_speaking(member)
    }

    /// The slots in which a member is heard.
    pub(crate) fn ears(&self, member: MemberKey) -> &[Ear] {
        &self.members[member].ears
    }

    /// Asks for what says where the rest is.
    pub(crate) fn prefetch(&self) {
        prefetch(&self.members);
        prefetch(&self.ranking);
        prefetch(&self.announcer);
        prefetch(&self.others);
    }

    /// Asks for what [`Self::on_packet`] needs of a member, but for its voice.
    pub(crate) fn prefetch_member(&self, member: MemberKey) {
        if let Some(member) = self.members.get(member) {
            prefetch(&member.grants);
            prefetch(&member.voice);
        }
        self.ranking.prefetch();
    }

    /// Asks for a member's voice.
    pub(crate) fn prefetch_voice(&self, member: MemberKey) {
        if let Some(voice) = self.members.get(member).and_then(|member| member.voice.as_ref()) {
            voice.prefetch();
        }
    }

    /// How many of the packets before the one that [`Call::on_packet`] let pass, dropped as silence then, are to be sent
    /// before it: a syllable that begins softly. At most [`PREROLL`], and none but for the first packet of a spurt.
    pub(crate) fn preroll(&self, member: MemberKey) -> usize {
        self.members[member].voice().preroll()
    }

    /// Decides on an authentic packet of a member: forwarded to its [`Call::ears`] and [`Call::destinations`], or dropped.
    pub(crate) fn on_packet(
        &mut self,
        now: Instant,
        member: MemberKey,
        level: Option<AudioLevel>,
        changes: &mut Vec<SlotChange>,
    ) -> Result<(), DropReason> {
        let publisher = &mut self.members[member];
        if !publisher.grants.speak {
            return Err(DropReason::NoGrant);
        }
        let voice = publisher.voice.get_or_insert_with(|| Box::new(Voice::new()));
        voice.on_packet(now, level);
        if !voice.is_open(now) {
            let moved = self.ranking.close(member);
            if moved.is_some() {
                self.tell(member, Crossing::Silent);
            }
            self.apply(moved, changes);
            return Err(DropReason::Silence);
        }
        self.on_voice(now, member, changes);
        let heard = !self.members[member].ears.is_empty() || !self.destinations(member).is_empty();
        if heard { Ok(()) } else { Err(DropReason::NotSelected) }
    }

    /// Ranks a member that speaks, wherever it is.
    fn on_voice(&mut self, now: Instant, member: MemberKey, changes: &mut Vec<SlotChange>) {
        let (members, places) = (&self.members, self.max_speakers.min(self.max_slots));
        let moved = if self.ranking.is_speaking(member) {
            let words = members[member].says_words();
            let yields = |other: MemberKey| words && (members[other].pauses(now) || !members[other].says_words());
            self.ranking.compete(now, member, places, |other| members[other].rank(), yields)
        } else {
            self.announcer.wake(now);
            self.ranking.open(member)
        };
        self.apply(moved, changes);
    }

    /// When [`Call::tick`] is due; `None` while nobody speaks.
    pub(crate) const fn next_tick(&self) -> Option<Instant> {
        self.announcer.next()
    }

    /// Ends the spurts of those who fell silent and returns the list of speakers when it is due and this worker's to tell.
    pub(crate) fn tick(&mut self, now: Instant, changes: &mut Vec<SlotChange>) -> Option<Vec<(PeerId, i8)>> {
        let members = &self.members;
        let quiet: Vec<MemberKey> = self.ranking.speaking().filter(|member| !members[*member].is_open(now)).collect();
        // Listeners are looked through once, however many fall silent together, as when a hall stops clapping.
        let mut all_moved: Option<Moved> = None;
        for member in quiet {
            self.members[member].end_spurt();
            let Some(moved) = self.ranking.close(member) else { continue };
            self.tell(member, Crossing::Silent);
            all_moved = Some(all_moved.map_or(moved, |before| before.and(moved)));
        }
        self.apply(all_moved, changes);
        // Behind those who speak are those who spoke, the latest first.
        let heard = self.ranking.members().map(|member| &self.members[member]);
        let recent = heard.enumerate().take_while(|(at, member)| self.ranking.speaks_at(*at) || member.is_recent(now));
        let listed = recent.filter(|(_, member)| member.grants.speak && member.is_listed(now));
        let listed: Vec<_> = listed.map(|(_, member)| (member.id, level(member.loudness()))).collect();
        let goes_on = self.ranking.anybody_speaks() || !listed.is_empty();
        let speakers = self.announcer.tick(now, listed, goes_on);
        speakers.filter(|_| self.announces)
    }

    /// Looks through the listeners whom a change of the ranking concerns.
    fn apply(&mut self, moved: Option<Moved>, changes: &mut Vec<SlotChange>) {
        let Some(moved) = moved else { return };
        // Whoever has n slots hears the first n, or n + 1 when it is among them itself, as far as those are forwarded: a
        // change that stays on one side of that boundary is none to it.
        let most = self.max_speakers.min(self.max_slots) + 1;
        if moved.first >= most {
            return;
        }
        let concerned: Vec<MemberKey> = self
            .members
            .iter()
            .filter(|(_, member)| {
                let slots = member.slots.len().min(self.max_speakers);
                slots > 0 && moved.first <= slots && moved.last >= slots
            })
            .map(|(key, _)| key)
            .collect();
        for listener in concerned {
            self.fill(listener, changes);
        }
    }

    /// Puts the first speakers of the ranking into a listener's slots; whoever has one already keeps it.
    fn fill(&mut self, listener: MemberKey, changes: &mut Vec<SlotChange>) {
        let member = &self.members[listener];
        let count = if member.grants.hear { member.slots.len() } else { 0 };
        let mut wanted = [None; crate::worker::MAX_SLOTS];
        let own = member.grants.hear_own;
        let heard = self.ranking.members().take(self.max_speakers).filter(|speaker| own || *speaker != listener);
        for (place, speaker) in wanted.iter_mut().zip(heard.take(count)) {
            *place = Some(speaker);
        }
        for slot in 0..self.members[listener].slots.len() {
            let Some(heard) = self.members[listener].slots[slot] else { continue };
            match wanted.iter_mut().find(|place| **place == Some(heard.speaker)) {
                Some(place) => *place = None,
                None => self.clear(listener, slot, changes),
            }
        }
        let mut slot = 0;
        for speaker in wanted.into_iter().flatten() {
            while self.members[listener].slots[slot].is_some() {
                slot += 1;
            }
            self.assign(listener, slot, speaker, changes);
        }
    }

    fn assign(&mut self, listener: MemberKey, slot: usize, speaker: MemberKey, changes: &mut Vec<SlotChange>) {
        let id = self.members[speaker].id;
        let member = &mut self.members[listener];
        let ear = Ear { listener: member.peer, slot: index(slot), member: listener };
        note(changes, SlotChange { listener: member.peer, slot: index(slot), speaker: Some(id) });
        let ears = &mut self.members[speaker].ears;
        ears.push(ear);
        let heard = Heard { speaker, ear: ears.len() - 1 };
        self.members[listener].slots[slot] = Some(heard);
    }

    fn clear(&mut self, listener: MemberKey, slot: usize, changes: &mut Vec<SlotChange>) {
        let member = &mut self.members[listener];
        let Some(heard) = member.slots[slot].take() else { return };
        note(changes, SlotChange { listener: member.peer, slot: index(slot), speaker: None });
        let ears = &mut self.members[heard.speaker].ears;
        ears.swap_remove(heard.ear);
        let moved = ears.get(heard.ear).copied();
        if let Some(moved) = moved
            && let Some(heard_there) = &mut self.members[moved.member].slots[usize::from(moved.slot)]
        {
            heard_there.ear = heard.ear;
        }
    }
}

/// Adds a change; of two changes in a row of the same slot only the later one counts.
fn note(changes: &mut Vec<SlotChange>, change: SlotChange) {
    let recent = changes.iter_mut().rev().take_while(|earlier| earlier.listener == change.listener);
    match recent.into_iter().find(|earlier| earlier.slot == change.slot) {
        Some(earlier) => *earlier = change,
        None => changes.push(change),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a listener has at most MAX_SLOTS slots")]
const fn index(slot: usize) -> u8 {
    slot as u8
}

#[expect(clippy::cast_possible_truncation, reason = "clamped")]
fn level(dbov: f32) -> i8 {
    dbov.round().clamp(-127.0, 0.0) as i8
}

#[cfg(test)]
mod tests;
