//! Packets and news of publishers from worker to worker: what goes out to the others, and what they say.

use std::time::Instant;

use super::core::WorkerCore;
use super::forward::Packet;
use super::record::{Record, RelayOutbox};
use super::timers::Due;
use crate::ids::{CallId, PeerId};
use crate::metrics::DropReason;
use crate::placement::Hosts;
use crate::worker_set::WorkerSet;

impl WorkerCore {
    /// Other workers have peers of the call from now on, or no longer.
    pub(crate) fn handle_hosts(&mut self, now: Instant, hosts: Hosts) {
        let Some(key) = self.call_ids.get(&hosts.call).copied() else { return };
        let (call, alarm) = &mut self.calls[key];
        call.set_hosts(now, hosts.others, hosts.announces, &mut self.changes);
        self.timers.set(alarm, Due::Call(key), call.next_tick());
        self.report_slots();
    }

    /// Takes a record from another worker.
    pub(crate) fn handle_record(&mut self, now: Instant, origin: usize, bytes: &[u8]) {
        let handled = match Record::read(bytes) {
            Some(Record::Packet { call, publisher, standing, incoming, payload }) => {
                self.metrics.relayed_in += 1;
                self.remote_key(call, publisher).and_then(|key| {
                    let (call, alarm) = &mut self.calls[key];
                    let member =
                        call.on_relayed(now, origin, publisher, (standing, incoming.stream), &mut self.changes);
                    self.timers.set(alarm, Due::Call(key), call.next_tick());
                    if !self.changes.is_empty() {
                        self.report_slots();
                    }
                    self.forward(now, &Packet { call: key, publisher: member?, incoming, payload });
                    Ok(())
                })
            }
            Some(Record::Crossing { call, publisher, crossing }) => self.remote_key(call, publisher).map(|key| {
                self.calls[key].0.on_crossing(origin, publisher, crossing, &mut self.changes);
                self.report_slots();
            }),
            Some(Record::Restarted) => {
                for (_, (call, _)) in &mut self.calls {
                    call.on_restarted(origin, &mut self.changes);
                }
                self.report_slots();
                Ok(())
            }
            None => Err(DropReason::RelayStale),
        };
        if let Err(reason) = handled {
            self.metrics.drop(reason);
        }
    }

    /// The call in which somebody is a publisher elsewhere. What another worker says of a peer that is here by now, it said
    /// before the peer moved.
    fn remote_key(&self, call: CallId, publisher: PeerId) -> Result<usize, DropReason> {
        if self.ids.contains_key(&publisher) {
            return Err(DropReason::RelayStale);
        }
        self.call_ids.get(&call).copied().ok_or(DropReason::RelayStale)
    }

    /// Forwards a packet of a member of this worker to everybody who hears it, here and on other workers.
    pub(super) fn publish(&mut self, now: Instant, packet: &Packet<'_>) {
        self.relay(now, packet);
        self.forward(now, packet);
    }

    /// Sends a packet once to each other worker where it may be heard.
    fn relay(&mut self, now: Instant, packet: &Packet<'_>) {
        let call = &self.calls[packet.call].0;
        let to = call.destinations(packet.publisher);
        if to.is_empty() {
            return;
        }
        let record = Record::Packet {
            call: call.id(),
            publisher: call.peer_id(packet.publisher),
            standing: call.standing(now, packet.publisher),
            incoming: packet.incoming,
            payload: packet.payload,
        };
        if !self.relay.push(to, &record) {
            self.metrics.drop(DropReason::NotRelayed);
        }
    }

    /// Tells the other workers what changed with the publishers of a call, before anything that comes after it.
    pub(super) fn relay_crossings(&mut self, key: usize) {
        let call = &mut self.calls[key].0;
        let (id, to) = (call.id(), call.others());
        for (publisher, crossing) in call.drain_crossings() {
            self.relay.push(to, &Record::Crossing { call: id, publisher, crossing });
        }
    }

    /// Tells every other worker that this one began anew.
    pub(crate) fn relay_restart(&mut self, others: WorkerSet) {
        self.relay.push(others, &Record::Restarted);
    }

    /// What is to go to other workers; whoever passes it on clears it.
    pub(crate) const fn relay_mut(&mut self) -> &mut RelayOutbox {
        &mut self.relay
    }
}
