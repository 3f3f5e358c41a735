//! Orders to a worker: who is in which call, with what rights, and the end of connections that follows from them.

use std::net::SocketAddr;
use std::time::Instant;

use rand::RngExt;
use rustc_hash::FxHashMap;
use slab::Slab;

use super::bucket::Allowance;
use super::census::Standing;
use super::connection::Peer;
use super::core::{Settings, WorkerCore};
use super::timers::Alarm;
use crate::call::{Call, SlotChange};
use crate::command::{Command, Grants};
use crate::event::Event;
use crate::growth::make_room;
use crate::ids::{CallId, PeerId};
use crate::placement::Order;
use crate::rtp::cache::Caches;

/// Relayed addresses of a peer that are remembered: two TURN servers of both families, and as many after an ICE restart.
const RELAYS_MAX: usize = 8;

impl WorkerCore {
    /// Carries out an order.
    pub(crate) fn handle_order(&mut self, now: Instant, order: Order) {
        self.flush_all();
        match order {
            Order::Command(command) => self.handle_command(now, command),
            Order::Hosts(hosts) => self.handle_hosts(now, hosts),
        }
    }

    fn handle_command(&mut self, now: Instant, command: Command) {
        match command {
            Command::AddPeer { call, peer, grants, max_speakers } => {
                self.add_peer(now, call, peer, grants);
                self.set_call(call, max_speakers);
            }
            Command::SetCall { call, max_speakers } => self.set_call(call, max_speakers),
            Command::SetGrants { peer, grants } => self.set_grants(peer, grants),
            Command::RemovePeer { peer } => self.remove_peer(now, peer),
            Command::Relayed { peer, address } => self.note_relay(peer, address),
            Command::Offer { peer, request, offer } => {
                let event = match self.answer(now, self.ids.get(&peer).copied(), offer) {
                    Ok(sdp) => Event::Answer { peer, request, sdp },
                    Err(error) => {
                        self.metrics.offers_rejected += 1;
                        Event::OfferRejected { peer, request, error }
                    }
                };
                self.events.push(event);
            }
        }
        self.report_slots();
    }

    fn add_peer(&mut self, now: Instant, call: CallId, id: PeerId, grants: Grants) {
        if let Some(key) = self.ids.get(&id).copied() {
            if self.calls[self.peers[key].call].0.id() == call {
                return self.set_grants(id, grants);
            }
            self.move_peer(key, call, grants);
            return;
        }
        make_room(&mut self.peers);
        let entry = self.peers.vacant_entry();
        let key = entry.key();
        let joiner = (key, id, grants);
        let (call, member) = join(&mut self.calls, &mut self.call_ids, &self.settings, call, joiner, &mut self.changes);
        entry.insert(Peer {
            id,
            call,
            member,
            grants,
            allowance: Allowance::new(now, self.settings.max_packets_per_second, self.settings.max_bytes_per_second),
            alarm: Alarm::default(),
            session: rand::rng().random::<u64>() >> 2,
            session_version: 0,
            connection: None,
            relays: Vec::new(),
            counted: Standing::default(),
        });
        self.ids.insert(id, key);
    }

    fn move_peer(&mut self, key: usize, call: CallId, grants: Grants) {
        let id = self.peers[key].id;
        self.leave_call(key);
        let joiner = (key, id, grants);
        let (call, member) = join(&mut self.calls, &mut self.call_ids, &self.settings, call, joiner, &mut self.changes);
        let peer = &mut self.peers[key];
        (peer.call, peer.member, peer.grants) = (call, member, grants);
        let microphone = peer.connection.as_mut().and_then(|connection| connection.microphone.as_mut());
        if let Some(stream) = microphone.and_then(|microphone| microphone.stream.as_mut()) {
            self.next_stream += 1;
            stream.go_elsewhere(self.next_stream);
        }
        if let Some(connection) = peer.connection.as_ref().filter(|connection| connection.transport.is_connected()) {
            // Nobody of the call before is heard any more, which only the slots that are filled again would tell.
            let empty = |slot| SlotChange { listener: key, slot, speaker: None };
            self.changes.extend((0..).take(connection.slots.len()).map(empty));
            self.calls[call].0.set_slots(member, connection.slots.len(), &mut self.changes);
        }
        self.count(key);
    }

    fn set_call(&mut self, call: CallId, max_speakers: usize) {
        let Some(key) = self.call_ids.get(&call) else { return };
        self.calls[*key].0.set_max_speakers(max_speakers, &mut self.changes);
    }

    fn set_grants(&mut self, id: PeerId, grants: Grants) {
        let Some(key) = self.ids.get(&id).copied() else { return };
        let peer = &mut self.peers[key];
        peer.grants = grants;
        let call = peer.call;
        self.calls[call].0.set_grants(peer.member, grants, &mut self.changes);
        self.relay_crossings(call);
        self.count(key);
    }

    fn note_relay(&mut self, id: PeerId, address: SocketAddr) {
        let Some(key) = self.ids.get(&id).copied() else { return };
        let peer = &mut self.peers[key];
        if !peer.relays.contains(&address) {
            if peer.relays.len() >= RELAYS_MAX {
                peer.relays.remove(0);
            }
            peer.relays.push(address);
            self.count(key);
        }
    }

    fn remove_peer(&mut self, now: Instant, id: PeerId) {
        let Some(key) = self.ids.remove(&id) else { return };
        self.drop_connection(now, key);
        self.leave_call(key);
        self.peers.remove(key);
    }

    /// Ends a peer's connection, if there is one, with a goodbye.
    pub(super) fn drop_connection(&mut self, now: Instant, key: usize) {
        self.note_giving_up(now, key);
        if let Some(connection) = &mut self.peers[key].connection {
            connection.transport.close(&mut self.outbox);
            self.settle(now, key);
        }
        self.forget_connection(key);
    }

    /// Removes what is left of a connection that is over.
    pub(super) fn forget_connection(&mut self, peer_key: usize) {
        let peer = &mut self.peers[peer_key];
        let Some(connection) = peer.connection.take() else { return };
        self.connections -= 1;
        if self.connections == 0 {
            self.caches = Caches::default();
        }
        if connection.was_connected() {
            self.metrics.connected -= 1;
        }
        self.ufrags.remove(connection.transport.local_ufrag());
        let key = peer.call;
        let call = &mut self.calls[key].0;
        call.set_slots(peer.member, 0, &mut Vec::new());
        call.silence(peer.member, &mut self.changes);
        self.relay_crossings(key);
        self.count(peer_key);
    }

    fn leave_call(&mut self, key: usize) {
        let Peer { call: key, member, .. } = self.peers[key];
        self.calls[key].0.leave(member, &mut self.changes);
        self.relay_crossings(key);
        let call = &self.calls[key].0;
        if call.is_empty() {
            self.call_ids.remove(&call.id());
            self.calls.remove(key);
        }
    }
}

/// Makes a peer a member of a call, which is made when it is the first.
fn join(
    calls: &mut Slab<(Call, Alarm)>,
    ids: &mut FxHashMap<CallId, usize>,
    settings: &Settings,
    id: CallId,
    (peer, peer_id, grants): (usize, PeerId, Grants),
    changes: &mut Vec<SlotChange>,
) -> (usize, usize) {
    let key = *ids.entry(id).or_insert_with(|| calls.insert((Call::new(id, settings.max_slots), Alarm::default())));
    (key, calls[key].0.join(peer, peer_id, grants, changes))
}
