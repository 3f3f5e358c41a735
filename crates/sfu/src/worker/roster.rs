//! What a worker's core that starts anew has to be told.

use std::collections::HashMap;

use crate::command::{Command, Grants};
use crate::ids::{CallId, PeerId};
use crate::placement::{Hosts, Order};

/// Who was added and not removed, and where else their calls are.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    peers: HashMap<PeerId, Listed>,
    calls: HashMap<CallId, ListedCall>,
}

#[derive(Clone, Copy, Debug)]
struct Listed {
    call: CallId,
    grants: Grants,
    offered: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct ListedCall {
    peers: usize,
    max_speakers: usize,
    hosts: Option<Hosts>,
}

impl Roster {
    pub(crate) fn len(&self) -> usize {
        self.peers.len()
    }

    /// Notes an order that is about to be carried out.
    pub(crate) fn note(&mut self, order: &Order) {
        match order {
            Order::Command(Command::AddPeer { call, peer, grants, max_speakers }) => {
                let offered = self.peers.get(peer).is_some_and(|listed| listed.offered);
                self.leave(*peer);
                let listed = self.calls.entry(*call).or_default();
                listed.peers += 1;
                listed.max_speakers = *max_speakers;
                self.peers.insert(*peer, Listed { call: *call, grants: *grants, offered });
            }
            Order::Command(Command::SetCall { call, max_speakers }) => {
                if let Some(listed) = self.calls.get_mut(call) {
                    listed.max_speakers = *max_speakers;
                }
            }
            Order::Command(Command::SetGrants { peer, grants }) => {
                if let Some(listed) = self.peers.get_mut(peer) {
                    listed.grants = *grants;
                }
            }
            Order::Command(Command::Offer { peer, offer: Ok(_), .. }) => {
                if let Some(listed) = self.peers.get_mut(peer) {
                    listed.offered = true;
                }
            }
            // Said again with the next offer; and an offer that cannot be answered leads to nothing.
            Order::Command(Command::Relayed { .. } | Command::Offer { .. }) => {}
            Order::Command(Command::RemovePeer { peer }) => self.leave(*peer),
            Order::Hosts(hosts) => {
                if let Some(call) = self.calls.get_mut(&hosts.call) {
                    call.hosts = Some(*hosts);
                }
            }
        }
    }

    fn leave(&mut self, peer: PeerId) {
        let Some(listed) = self.peers.remove(&peer) else { return };
        let Some(call) = self.calls.get_mut(&listed.call) else { return };
        call.peers -= 1;
        if call.peers == 0 {
            self.calls.remove(&listed.call);
        }
    }

    /// The orders that make a new core know everybody.
    pub(crate) fn orders(&self) -> impl Iterator<Item = Order> {
        let peers = self.peers.iter().map(|(peer, listed)| {
            let Listed { call, grants, .. } = *listed;
            let max_speakers = self.calls.get(&call).map_or(usize::MAX, |call| call.max_speakers);
            Order::Command(Command::AddPeer { call, peer: *peer, grants, max_speakers })
        });
        peers.chain(self.calls.values().filter_map(|call| call.hosts.map(Order::Hosts)))
    }

    /// Whoever had offered, and has to offer again.
    pub(crate) fn take_offered(&mut self) -> Vec<PeerId> {
        let offered = |(peer, listed): (&PeerId, &mut Listed)| std::mem::take(&mut listed.offered).then_some(*peer);
        self.peers.iter_mut().filter_map(offered).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::Offer;
    use crate::test_client::{ClientOptions, TestClient};
    use crate::worker_set::WorkerSet;

    const BOTH: Grants = Grants { speak: true, hear: true, hear_own: false };
    const SILENT: Grants = Grants { speak: false, hear: true, hear_own: false };

    fn add(call: u128, peer: u128) -> Order {
        Order::Command(Command::AddPeer { call: CallId(call), peer: PeerId(peer), grants: BOTH, max_speakers: 8 })
    }

    fn hosts(call: u128) -> Order {
        Order::Hosts(Hosts { call: CallId(call), others: [1].into_iter().collect::<WorkerSet>(), announces: false })
    }

    #[test]
    fn a_new_core_is_told_what_holds_and_no_more() {
        let mut roster = Roster::default();
        for order in [add(1, 1), add(1, 2), add(2, 3), hosts(1), hosts(2)] {
            roster.note(&order);
        }
        roster.note(&Order::Command(Command::SetGrants { peer: PeerId(2), grants: SILENT }));
        roster.note(&Order::Command(Command::SetCall { call: CallId(1), max_speakers: 3 }));
        let client = TestClient::new(([127, 0, 0, 1], 9).into(), ClientOptions::default());
        for (peer, sdp) in [(1, String::new()), (2, client.offer())] {
            roster.note(&Order::Command(Command::Offer { peer: PeerId(peer), request: 1, offer: Offer::parse(&sdp) }));
        }
        roster.note(&Order::Command(Command::RemovePeer { peer: PeerId(3) }));
        let mut told: Vec<String> = roster.orders().map(|order| format!("{order:?}")).collect();
        told.sort();
        let added = |peer, grants| {
            Order::Command(Command::AddPeer { call: CallId(1), peer: PeerId(peer), grants, max_speakers: 3 })
        };
        let expected = [added(1, BOTH), added(2, SILENT), hosts(1)];
        let mut expected: Vec<String> = expected.map(|order| format!("{order:?}")).to_vec();
        expected.sort();
        assert_eq!(told, expected);
        assert_eq!(roster.take_offered(), [PeerId(2)]);
        assert!(roster.take_offered().is_empty());

        roster.note(&add(3, 1));
        roster.note(&add(3, 2));
        assert_eq!((roster.len(), roster.calls.len()), (2, 1), "a call that everybody left is forgotten");
    }
}
