//! Reading ahead: what a batch of packets will need is asked for before the first of them is worked on.
//!
//! With a thousand peers nothing of a peer is in the core's cache any more when its next packet comes, 20 ms after the last one. What a packet
//! needs lies in a chain: its path leads to the peer, the peer to its stream and its call, the call to the member, the member to its
//! voice. Within a chain each wait begins when the one before has ended; those of different packets depend on nothing. So all
//! packets take the first step, then all take the second one, and the waits of a step pass together.

use super::connection::{Peer, Slot};
use super::core::WorkerCore;
use crate::transport::Path;

/// Listeners that are asked for at once: enough for their waits to overlap, few enough to be still in the first cache when it is their turn.
const LISTENERS: usize = 16;

impl WorkerCore {
    /// Asks for what packets that came by these paths need. Right or not, it changes nothing but how long they take.
    pub(crate) fn read_ahead(&mut self, paths: impl Iterator<Item = Path>) {
        let Self { paths: keys, peers, calls, caches, ahead, .. } = self;
        ahead.clear();
        ahead.extend(paths.filter_map(|path| keys.get(&path)));
        let batch = || ahead.iter().filter_map(|key| peers.get(*key));
        batch().for_each(Peer::prefetch);
        batch().for_each(Peer::prefetch_inbound);
        for peer in batch() {
            peer.prefetch_inbound_key();
            if let Some(stream) = peer.stream() {
                stream.prefetch();
            }
            if let Some((call, _)) = calls.get(peer.call) {
                call.prefetch();
            }
        }
        for peer in batch() {
            if let Some(stream) = peer.stream() {
                caches.prefetch(stream.id);
            }
            if let Some((call, _)) = calls.get(peer.call) {
                call.prefetch_member(peer.member);
            }
        }
        for peer in batch() {
            if let Some((call, _)) = calls.get(peer.call) {
                call.prefetch_voice(peer.member);
            }
        }
    }

    /// Asks for what the next listeners need who are to be served, before the first of some is.
    pub(super) fn listen_ahead(&self) {
        let Some(next) = self.batch.next_listeners(LISTENERS) else { return };
        let listeners = || next.iter().filter_map(|key| self.peers.get(*key));
        listeners().for_each(Peer::prefetch);
        listeners().for_each(Peer::prefetch_outbound);
        listeners().for_each(Peer::prefetch_outbound_key);
        let slots = || next.iter().flat_map(|key| self.waiting_slots(*key));
        slots().for_each(Slot::prefetch);
        slots().for_each(|slot| slot.history.prefetch());
    }

    /// The slots in which something waits for a listener.
    fn waiting_slots(&self, listener: usize) -> impl Iterator<Item = &Slot> {
        let connection = self.peers.get(listener).and_then(|peer| peer.connection.as_ref());
        connection.into_iter().flat_map(move |connection| {
            self.batch.waiting_slots(listener).filter_map(|slot| connection.slots.get(usize::from(slot)))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sim::Sim;

    #[test]
    fn reading_ahead_changes_nothing_whoever_sends() {
        let mut sim = Sim::new(1);
        sim.join_all(3);
        sim.speak(0, &[1]);
        sim.run(Duration::from_millis(20));
        let before = sim.core.metrics();
        let from = [0, 999, 2, 0, 1].map(|client| Path::udp(Sim::address(client)));
        sim.core.read_ahead(from.into_iter());
        assert_eq!(sim.core.ahead.len(), 4, "all but the stranger, who is nobody");
        assert_eq!(format!("{:?}", sim.core.metrics()), format!("{before:?}"));
        assert!(sim.core.outbox_mut().is_empty());
        sim.speak(0, &[2]);
        sim.run(Duration::from_millis(20));
        assert_eq!(sim.core.metrics().rtp_out, before.rtp_out + 2);
    }
}
