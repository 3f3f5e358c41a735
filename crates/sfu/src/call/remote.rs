//! Publishers of the call whose connections are on other workers.
//!
//! A publisher's own worker decides whether it speaks and tells how loud with each packet that crosses. Here it takes part
//! in the ranking like everybody else; it has no slots, because its ears are elsewhere.

use std::time::{Duration, Instant};

use super::voice::{LISTED_FOR, PAUSE};
use super::{Call, Member, MemberKey, SlotChange};
use crate::command::Grants;
use crate::growth::make_room;
use crate::ids::PeerId;
use crate::metrics::DropReason;
use crate::worker_set::WorkerSet;

/// Without packets for so long a publisher has fallen silent, whatever its worker says or fails to say: longer than the
/// tail of silence that a publisher's own worker lets pass, so that usually that worker says it first.
const SILENT_AFTER: Duration = Duration::from_millis(600);

/// How a publisher stands in the judgement of its own worker, at one of its packets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Standing {
    /// By which it competes, in dBov.
    pub(crate) rank: f32,
    /// What people see, in dBov.
    pub(crate) loudness: f32,
    /// It says words, no click.
    pub(crate) words: bool,
    /// How long ago there was voice, in milliseconds.
    pub(crate) voice_ms_ago: u16,
    /// For how long it is to be shown as a speaker, in milliseconds, should it say nothing more.
    pub(crate) listed_ms: u16,
}

/// News of a publisher for the other workers of its call, besides its packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crossing {
    /// It fell silent.
    Silent,
    /// It may not speak any more.
    Muted,
    /// Its stream is over, or it left.
    Gone,
}

/// What is known of a publisher elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remote {
    /// Its worker.
    pub(super) origin: usize,
    standing: Standing,
    /// Of its last packet, when somebody here heard it: which stream, among all of this worker's and the others'.
    pub(super) stream: Option<u64>,
    /// When its last packet came.
    heard_at: Instant,
    speaks: bool,
    /// It may be on the list.
    listed: bool,
}

impl Remote {
    const fn new(now: Instant, origin: usize, standing: Standing) -> Self {
        Self { origin, standing, stream: None, heard_at: now, speaks: true, listed: true }
    }

    fn since(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.heard_at)
    }
}

/// What the ranking and the list ask of a member, wherever it is.
impl Member {
    pub(super) fn is_open(&self, now: Instant) -> bool {
        match &self.remote {
            Some(remote) => remote.speaks && remote.since(now) < SILENT_AFTER,
            None => self.voice().is_open(now),
        }
    }

    pub(super) fn end_spurt(&mut self) {
        match (&mut self.remote, &mut self.voice) {
            (Some(remote), _) => remote.speaks = false,
            (None, Some(voice)) => voice.end_spurt(),
            (None, None) => {}
        }
    }

    pub(super) fn rank(&self) -> f32 {
        self.remote.as_ref().map_or_else(|| self.voice().rank(), |remote| remote.standing.rank)
    }

    pub(super) fn loudness(&self) -> f32 {
        self.remote.as_ref().map_or_else(|| self.voice().loudness(), |remote| remote.standing.loudness)
    }

    pub(super) fn says_words(&self) -> bool {
        self.remote.as_ref().map_or_else(|| self.voice().says_words(), |remote| remote.standing.words)
    }

    pub(super) fn pauses(&self, now: Instant) -> bool {
        let elsewhere =
            |remote: &Remote| remote.since(now) + Duration::from_millis(remote.standing.voice_ms_ago.into()) >= PAUSE;
        self.remote.as_deref().map_or_else(|| self.voice().pauses(now), elsewhere)
    }

    pub(super) fn is_listed(&self, now: Instant) -> bool {
        let elsewhere = |remote: &Remote| {
            remote.listed && remote.since(now) < Duration::from_millis(remote.standing.listed_ms.into())
        };
        self.remote.as_deref().map_or_else(|| self.voice().is_listed(now), elsewhere)
    }

    pub(super) fn is_recent(&self, now: Instant) -> bool {
        self.remote.as_ref().map_or_else(|| self.voice().is_recent(now), |remote| remote.since(now) < LISTED_FOR)
    }
}

impl Call {
    /// Which other workers have peers of this call, and whether this one tells who speaks. Publishers of workers that are
    /// not among them any more are gone.
    pub(crate) fn set_hosts(
        &mut self,
        now: Instant,
        others: WorkerSet,
        announces: bool,
        changes: &mut Vec<SlotChange>,
    ) {
        self.others = others;
        self.forget_remotes(|origin| !others.contains(origin), changes);
        if announces && !self.announces {
            self.announcer.begin(now);
        }
        self.announces = announces;
    }

    /// The other workers that have peers of this call.
    pub(crate) const fn others(&self) -> WorkerSet {
        self.others
    }

    /// Where a member's next packet has to cross to: everywhere when it is among the first, so that it may be heard.
    pub(crate) fn destinations(&self, member: MemberKey) -> WorkerSet {
        let first = self.ranking.position(member).is_some_and(|at| at < self.max_speakers);
        if first { self.others } else { WorkerSet::NONE }
    }

    /// How a member of this worker stands, for the others.
    pub(crate) fn standing(&self, now: Instant, member: MemberKey) -> Standing {
        self.members[member].voice().standing(now)
    }

    /// Who a member is.
    pub(crate) fn peer_id(&self, member: MemberKey) -> PeerId {
        self.members[member].id
    }

    /// News for the other workers since the last time, in order.
    pub(crate) fn drain_crossings(&mut self) -> std::vec::Drain<'_, (PeerId, Crossing)> {
        self.crossings.drain(..)
    }

    /// Decides on a packet that crossed: forwarded to the ears of the member returned, or dropped.
    pub(crate) fn on_relayed(
        &mut self,
        now: Instant,
        origin: usize,
        publisher: PeerId,
        (standing, stream): (Standing, u64),
        changes: &mut Vec<SlotChange>,
    ) -> Result<MemberKey, DropReason> {
        if !self.others.contains(origin) {
            return Err(DropReason::RelayStale);
        }
        let heard = Remote::new(now, origin, standing);
        let member = match self.remotes.get(&publisher) {
            Some(member) => *member,
            None => {
                let member = Member::new(usize::MAX, publisher, Grants { speak: true, hear: false, hear_own: false });
                make_room(&mut self.members);
                let member = self.members.insert(member);
                self.remotes.insert(publisher, member);
                member
            }
        };
        match &mut self.members[member].remote {
            Some(before) => **before = heard,
            none => *none = Some(Box::new(heard)),
        }
        self.on_voice(now, member, changes);
        let Member { ears, remote, .. } = &mut self.members[member];
        if ears.is_empty() {
            return Err(DropReason::NotSelected);
        }
        if let Some(remote) = remote {
            remote.stream = Some(stream);
        }
        Ok(member)
    }

    /// Takes news of another worker's publisher.
    pub(crate) fn on_crossing(
        &mut self,
        origin: usize,
        publisher: PeerId,
        crossing: Crossing,
        changes: &mut Vec<SlotChange>,
    ) {
        let Some(member) = self.remotes.get(&publisher).copied() else { return };
        let Some(remote) = self.members[member].remote.as_mut().filter(|remote| remote.origin == origin) else {
            return;
        };
        if crossing == Crossing::Gone {
            return self.forget_remote(member, changes);
        }
        remote.speaks = false;
        remote.listed &= crossing != Crossing::Muted;
        let moved = self.ranking.close(member);
        self.apply(moved, changes);
    }

    /// All publishers of a worker are gone: it began anew.
    pub(crate) fn on_restarted(&mut self, origin: usize, changes: &mut Vec<SlotChange>) {
        self.forget_remotes(|other| other == origin, changes);
    }

    fn forget_remotes(&mut self, which: impl Fn(usize) -> bool, changes: &mut Vec<SlotChange>) {
        let members = &self.members;
        let origin = |member: &MemberKey| members[*member].remote.as_ref().map(|remote| remote.origin);
        let gone: Vec<MemberKey> =
            self.remotes.values().copied().filter(|member| origin(member).is_some_and(&which)).collect();
        for member in gone {
            self.forget_remote(member, changes);
        }
    }

    /// Forgets somebody who is known here as a publisher elsewhere.
    pub(super) fn forget_remote(&mut self, member: MemberKey, changes: &mut Vec<SlotChange>) {
        let moved = self.ranking.remove(member);
        self.apply(moved, changes);
        let gone = self.members.remove(member);
        self.remotes.remove(&gone.id);
        debug_assert!(gone.ears.is_empty(), "nobody hears somebody who is not in the ranking");
    }
}
