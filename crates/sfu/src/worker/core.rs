//! A worker without sockets and clock: datagrams, commands and the current time come in; datagrams and events go out.

use std::time::{Duration, Instant};

use rand::RngExt;
use rustc_hash::FxHashMap;
use slab::Slab;

use super::candidates::Candidates;
use super::connection::{Connection, Peer};
use super::discovery::{Discovery, Seen};
use super::forward::Batch;
use super::record::RelayOutbox;
pub(crate) use super::settings::Settings;
use super::timers::{Alarm, Due, Timers};
use crate::call::{Call, SlotChange};
use crate::event::{Event, LostReason};
use crate::ids::{CallId, PeerId};
use crate::metrics::{DropReason, JoinPhase, WorkerMetrics};
use crate::rtp::cache::Caches;
use crate::rtp::stats::NtpClock;
use crate::transport::{Dropped, Outbox, PacketKind, Path, Protocol, TransportEvent, classify, stun};

/// The least time until something is due again: below a packet's jitter, above a loop's turn.
const MOMENT: Duration = Duration::from_millis(1);

/// The state of a worker.
///
/// Architecture invariant: between a packet in and its copies out nothing here locks or counts references.
pub(crate) struct WorkerCore {
    pub(super) settings: Settings,
    pub(super) peers: Slab<Peer>,
    pub(super) ids: FxHashMap<PeerId, usize>,
    pub(super) calls: Slab<(Call, Alarm)>,
    pub(super) call_ids: FxHashMap<CallId, usize>,
    pub(super) ufrags: FxHashMap<String, usize>,
    pub(super) paths: FxHashMap<Path, usize>,
    pub(super) timers: Timers,
    pub(super) ntp: NtpClock,
    pub(super) cname: String,
    began: Instant,
    pub(super) next_ssrc: u32,
    pub(super) next_stream: u64,
    pub(super) connections: usize,
    pub(super) metrics: WorkerMetrics,
    pub(super) outbox: Outbox,
    pub(super) relay: RelayOutbox,
    pub(super) events: Vec<Event>,
    pub(super) closed_tcp: Vec<Path>,
    pub(super) changes: Vec<SlotChange>,
    pub(super) batch: Batch,
    /// Whose packets are in the batch that was received, used again each time.
    pub(super) ahead: Vec<usize>,
    pub(super) caches: Caches,
    /// Whether several packets to one listener go out as segments of one send (UDP GSO), which takes padding.
    pub(super) segments: bool,
    discovery: Option<Discovery>,
}

impl WorkerCore {
    /// An empty worker. `since_unix` is the wall clock's time at `now`.
    pub(crate) fn new(settings: Settings, now: Instant, since_unix: Duration) -> Self {
        let mut rng = rand::rng();
        let next_stream = settings.first_stream();
        Self {
            settings,
            peers: Slab::new(),
            ids: FxHashMap::default(),
            calls: Slab::new(),
            call_ids: FxHashMap::default(),
            ufrags: FxHashMap::default(),
            paths: FxHashMap::default(),
            timers: Timers::default(),
            ntp: NtpClock::new(now, since_unix),
            began: now,
            cname: format!("{:016x}", rng.random::<u64>()),
            next_ssrc: rng.random(),
            next_stream,
            connections: 0,
            metrics: WorkerMetrics::default(),
            outbox: Outbox::new(),
            relay: RelayOutbox::default(),
            events: Vec::new(),
            closed_tcp: Vec::new(),
            changes: Vec::new(),
            batch: Batch::default(),
            ahead: Vec::new(),
            caches: Caches::default(),
            segments: true,
            discovery: None,
        }
    }

    /// Takes a datagram or a TCP frame, which is decrypted in place. What comes of it waits for [`Self::flush`].
    pub(crate) fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &mut [u8]) {
        self.metrics.packets_in += 1;
        self.metrics.bytes_in += datagram.len() as u64;
        let handled = match classify(datagram) {
            PacketKind::Stun => self.on_stun(now, path, datagram),
            PacketKind::Dtls => self.on_dtls(now, path, datagram),
            PacketKind::Rtp => self.on_rtp(now, path, datagram),
            PacketKind::Rtcp => self.on_rtcp(now, path, datagram),
            PacketKind::Unknown => Err(DropReason::Unrecognised),
        };
        if let Err(reason) = handled {
            self.metrics.drop(reason);
        }
    }

    /// A TCP connection was closed by its peer or by the system.
    pub(crate) fn handle_closed(&mut self, now: Instant, path: Path) {
        let Some(key) = self.paths.get(&path).copied() else { return };
        if let Some(connection) = &mut self.peers[key].connection {
            connection.transport.forget_path(path);
        }
        self.settle(now, key);
    }

    /// When [`Self::handle_timeout`] is wanted next.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let discovery = self.discovery.as_ref().map(Discovery::next_timeout);
        self.timers.next().into_iter().chain(discovery).min()
    }

    /// Sets alarms again that would ring early, so that nobody wakes up for them: each handshake leaves one behind.
    pub(crate) fn skip_early(&mut self) {
        while let Some((at, due)) = self.timers.front() {
            let counting = alarm_of(&mut self.peers, &mut self.calls, at, due).filter(|(alarm, _)| alarm.is_set_to(at));
            match counting {
                Some((_, Some(next))) if next <= at => self.timers.keep_front(),
                Some((alarm, later)) => {
                    self.timers.drop_front();
                    alarm.rings(at);
                    self.timers.set(alarm, due, later);
                }
                None => self.timers.drop_front(),
            }
        }
    }

    /// Does what is due, until the outbox is full; `true` when more may be due once that is sent.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> bool {
        while !self.outbox.is_full() {
            match self.timers.pop(now) {
                Some((at, Due::Peer(key))) => self.on_peer_due(now, at, key),
                Some((at, Due::Call(key))) => self.on_call_due(now, at, key),
                None => {
                    if let Some(discovery) = &mut self.discovery {
                        discovery.handle_timeout(now, &mut self.outbox);
                    }
                    return false;
                }
            }
        }
        true
    }

    /// Begins to ask STUN servers.
    pub(crate) fn discover(&mut self, discovery: Discovery) {
        self.discovery = Some(discovery);
    }

    /// What STUN servers said, once that is complete.
    pub(crate) fn take_discovered(&mut self, now: Instant) -> Option<Vec<Seen>> {
        let seen = self.discovery.as_ref()?.result(now)?;
        self.discovery = None;
        Some(seen)
    }

    /// Tells clients of these addresses from the next answer on.
    pub(crate) fn announce(&mut self, candidates: Candidates) {
        self.settings.candidates = candidates;
    }

    /// Says goodbye to everybody.
    pub(crate) fn close(&mut self) {
        for (_, peer) in &mut self.peers {
            if let Some(connection) = &mut peer.connection {
                connection.transport.close(&mut self.outbox);
            }
        }
    }

    /// Whether anybody has passed a check on this path.
    pub(crate) fn is_validated(&self, path: Path) -> bool {
        self.paths.contains_key(&path)
    }

    /// What is to be sent; whoever sends it clears it.
    pub(crate) const fn outbox_mut(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    /// Whether several packets to one listener are to go out as segments of one send (UDP GSO), which takes padding. They are
    /// unless told otherwise.
    pub(super) const fn set_segments(&mut self, segments: bool) {
        self.segments = segments;
    }

    /// What has happened.
    pub(crate) fn drain_events(&mut self) -> std::vec::Drain<'_, Event> {
        self.events.drain(..)
    }

    /// TCP connections nobody needs any more.
    pub(crate) fn drain_closed(&mut self) -> std::vec::Drain<'_, Path> {
        self.closed_tcp.drain(..)
    }

    /// The counters, for whoever does the input and output to add its own.
    pub(crate) const fn metrics_mut(&mut self) -> &mut WorkerMetrics {
        &mut self.metrics
    }

    /// A copy of the counters, with the present numbers filled in.
    pub(crate) fn metrics(&self) -> WorkerMetrics {
        WorkerMetrics { peers: self.peers.len() as u64, calls: self.calls.len() as u64, ..self.metrics.clone() }
    }

    /// Whether no trace of any peer is left.
    #[cfg(any(test, feature = "bench"))]
    pub(crate) fn is_forgotten(&self) -> bool {
        let tables = [self.ids.len(), self.call_ids.len(), self.ufrags.len(), self.paths.len(), self.connections];
        self.caches.len() == 0 && self.peers.is_empty() && self.calls.is_empty() && tables.iter().all(|len| *len == 0)
    }

    /// How many streams' last packets are kept.
    #[cfg(test)]
    pub(crate) fn streams_kept(&self) -> usize {
        self.caches.len()
    }

    /// How many timers are set.
    #[cfg(any(test, feature = "bench"))]
    pub(crate) fn timers_set(&self) -> usize {
        self.timers.len()
    }

    fn on_stun(&mut self, now: Instant, path: Path, datagram: &[u8]) -> Result<(), DropReason> {
        let Some(ufrag) = stun::local_ufrag(datagram) else {
            let awaited = self.discovery.as_mut().is_some_and(|discovery| discovery.handle_answer(path, datagram));
            return if awaited { Ok(()) } else { Err(DropReason::StunMalformed) };
        };
        let key = *self.ufrags.get(ufrag).ok_or(DropReason::StunUnknownUfrag)?;
        if self.is_held_from(now, path, key) {
            return Err(DropReason::StunPathTaken);
        }
        let connection = self.peers[key].connection.as_mut().ok_or(DropReason::StunUnknownUfrag)?;
        let checks = &mut connection.feedback.checks[usize::from(self.paths.get(&path) != Some(&key))];
        let mut left = *checks;
        if !left.take(now) {
            return Err(DropReason::RateLimit);
        }
        let before = connection.transport.selected();
        let handled = connection.transport.handle_stun(now, path, datagram, &mut self.outbox);
        if handled.is_ok() {
            *checks = left;
        }
        connection.wrong_checks |= handled == Err(Dropped::BadIntegrity);
        let moved = before.is_some() && connection.transport.selected() != before;
        if moved && connection.transport.is_connected() {
            self.metrics.migrations += 1;
        }
        self.note_check(now, key);
        self.settle(now, key);
        handled.map_err(|dropped| match dropped {
            Dropped::BadIntegrity => DropReason::StunBadIntegrity,
            Dropped::UnknownUfrag | Dropped::Closed => DropReason::StunUnknownUfrag,
            _ => DropReason::StunMalformed,
        })
    }

    fn on_dtls(&mut self, now: Instant, path: Path, datagram: &[u8]) -> Result<(), DropReason> {
        let key = *self.paths.get(&path).ok_or(DropReason::DtlsUnvalidated)?;
        let connection = self.peers[key].connection.as_mut().ok_or(DropReason::DtlsUnvalidated)?;
        let handled = connection.transport.handle_dtls(now, path, datagram, &mut self.outbox);
        self.settle(now, key);
        handled.map_err(|dropped| match dropped {
            Dropped::UnvalidatedPath => DropReason::DtlsUnvalidated,
            _ => DropReason::DtlsRefused,
        })
    }

    fn on_peer_due(&mut self, now: Instant, at: Instant, key: usize) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        if !peer.alarm.rings(at) {
            return;
        }
        let Some(connection) = &mut peer.connection else { return };
        if connection.transport.next_timeout().is_some_and(|due| due <= now) {
            connection.transport.handle_timeout(now, &mut self.outbox);
        }
        if connection.next_request().is_some_and(|due| due <= now) {
            self.ask_again(now, key);
        }
        let Some(connection) = &mut self.peers[key].connection else { return };
        if connection.next_report.is_some_and(|due| due <= now) {
            connection.plan_report(now, key, self.began);
            self.send_reports(now, key);
        }
        self.settle(now, key);
    }

    fn on_call_due(&mut self, now: Instant, at: Instant, key: usize) {
        let Some((call, alarm)) = self.calls.get_mut(key) else { return };
        if !alarm.rings(at) {
            return;
        }
        if let Some(speakers) = call.tick(now, &mut self.changes) {
            self.events.push(Event::Speakers { call: call.id(), speakers });
        }
        self.timers.set(alarm, Due::Call(key), call.next_tick());
        self.relay_crossings(key);
        self.report_slots();
    }

    /// Hears what a transport has to tell and sets the peer's alarm.
    pub(super) fn settle(&mut self, now: Instant, key: usize) {
        while let Some(event) = self.peers[key].connection.as_mut().and_then(|c| c.transport.poll_event()) {
            match event {
                TransportEvent::PathAdded(path) => self.add_path(now, path, key),
                TransportEvent::PathRemoved(path) => self.remove_path(path, key),
                TransportEvent::Connected => self.on_connected(now, key),
                TransportEvent::Lost(reason) => self.on_lost(key, reason),
            }
        }
        let peer = &mut self.peers[key];
        let next = peer.connection.as_ref().and_then(Connection::next_timeout);
        // Never at once: what is due again and again must not keep the worker from its packets.
        let next = next.map(|at| at.max(now + MOMENT));
        self.timers.set(&mut peer.alarm, Due::Peer(key), next);
        self.count(key);
    }

    /// Whether a path is in use by another peer. A check proves no more than that somebody can send with this source address,
    /// which may be forged: without this, a member of any call could cut off another one whose address it knows.
    fn is_held_from(&self, now: Instant, path: Path, key: usize) -> bool {
        let owner = self.paths.get(&path).filter(|owner| **owner != key).and_then(|owner| self.peers.get(*owner));
        let connection = owner.and_then(|owner| owner.connection.as_ref());
        connection.is_some_and(|connection| connection.transport.holds(now, path))
    }

    fn add_path(&mut self, now: Instant, path: Path, key: usize) {
        let Some(before) = self.paths.insert(path, key).filter(|before| *before != key) else { return };
        // An address belongs to whoever proved it last; the one before must not send there any more.
        if let Some(connection) = &mut self.peers[before].connection {
            connection.transport.forget_path(path);
            self.settle(now, before);
        }
    }

    fn remove_path(&mut self, path: Path, key: usize) {
        if self.paths.get(&path) == Some(&key) {
            self.paths.remove(&path);
            if path.protocol == Protocol::Tcp {
                self.closed_tcp.push(path);
            }
        }
    }

    fn on_connected(&mut self, now: Instant, key: usize) {
        let peer = &mut self.peers[key];
        let Some(connection) = &mut peer.connection else { return };
        let setup = now.saturating_duration_since(connection.offered_at);
        connection.plan_report(now, key, self.began);
        connection.silent_since = Some(now);
        let dtls = now.saturating_duration_since(connection.checked_at.unwrap_or(now));
        self.metrics.join_phases[JoinPhase::Dtls as usize].observe(dtls);
        self.metrics.connected += 1;
        self.metrics.join_times.observe(setup);
        self.events.push(Event::Connected { peer: peer.id, setup });
        self.calls[peer.call].0.set_slots(peer.member, connection.slots.len(), &mut self.changes);
        self.report_slots();
        self.catch_up(now, key);
    }

    fn on_lost(&mut self, key: usize, reason: LostReason) {
        self.metrics.lost(reason);
        self.note_failure(key, reason);
        self.events.push(Event::Lost { peer: self.peers[key].id, reason });
        self.forget_connection(key);
        self.report_slots();
    }

    /// Turns what calls changed into events, and detunes the slots concerned.
    pub(super) fn report_slots(&mut self) {
        if self.changes.is_empty() {
            return;
        }
        let mut changes = std::mem::take(&mut self.changes);
        for of_one in changes.chunk_by(|a, b| a.listener == b.listener) {
            let Some(peer) = self.peers.get_mut(of_one[0].listener) else { continue };
            let Some(connection) = &mut peer.connection else { continue };
            let mut news = Vec::with_capacity(of_one.len());
            for change in of_one {
                if let Some(slot) = connection.slots.get_mut(usize::from(change.slot)) {
                    // What waits was accepted for the slot as it was.
                    if !self.batch.untune(change.listener, change.slot) {
                        slot.rewriter.untune();
                    }
                    news.push((slot.mid, change.speaker));
                }
            }
            if !news.is_empty() {
                self.events.push(Event::Slots { peer: peer.id, changes: news });
            }
        }
        changes.clear();
        self.changes = changes;
    }
}

/// The alarm that an entry is for, and when it has to ring.
fn alarm_of<'a>(
    peers: &'a mut Slab<Peer>,
    calls: &'a mut Slab<(Call, Alarm)>,
    at: Instant,
    due: Due,
) -> Option<(&'a mut Alarm, Option<Instant>)> {
    match due {
        Due::Peer(key) => {
            let peer = peers.get_mut(key)?;
            Some((&mut peer.alarm, peer.connection.as_ref().and_then(Connection::next_timeout)))
        }
        Due::Call(key) => calls.get_mut(key).map(|(_, alarm)| (alarm, Some(at))),
    }
}
