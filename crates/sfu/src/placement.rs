//! Which worker serves which peer.

use std::collections::HashMap;

use crate::command::Command;
use crate::ids::{CallId, PeerId};

/// Calls and peers with their workers. All peers of a call live on its home worker: the one with the fewest peers when
/// the call's first peer came.
#[derive(Debug)]
pub(crate) struct Placement {
    load: Vec<usize>,
    calls: HashMap<CallId, Home>,
    peers: HashMap<PeerId, CallId>,
}

#[derive(Debug)]
struct Home {
    worker: usize,
    peers: usize,
}

impl Placement {
    pub(crate) fn new(workers: usize) -> Self {
        Self { load: vec![0; workers], calls: HashMap::new(), peers: HashMap::new() }
    }

    /// The workers and what to send to each of them, in order: one, or two when a peer moves to a call that lives
    /// elsewhere. A peer nobody knows is the first worker's to refuse.
    pub(crate) fn route(&mut self, command: Command) -> [Option<(usize, Command)>; 2] {
        match command {
            Command::AddPeer { call, peer, .. } => {
                if let Some(home) = self.calls.get(&call).filter(|_| self.peers.get(&peer) == Some(&call)) {
                    return [Some((home.worker, command)), None];
                }
                let before = self.leave(peer);
                let worker = self.join(call, peer);
                let left = before.filter(|old| *old != worker).map(|old| (old, Command::RemovePeer { peer }));
                [left, Some((worker, command))]
            }
            Command::SetCall { call, .. } => [self.calls.get(&call).map(|home| (home.worker, command)), None],
            Command::RemovePeer { peer } => [self.leave(peer).map(|worker| (worker, command)), None],
            Command::Offer { peer, .. } | Command::SetGrants { peer, .. } => {
                let home = self.peers.get(&peer).and_then(|call| self.calls.get(call));
                [Some((home.map_or(0, |home| home.worker), command)), None]
            }
        }
    }

    fn join(&mut self, call: CallId, peer: PeerId) -> usize {
        let load = &mut self.load;
        let home = self.calls.entry(call).or_insert_with(|| {
            let least = (0..load.len()).min_by_key(|worker| load[*worker]).unwrap_or(0);
            Home { worker: least, peers: 0 }
        });
        home.peers += 1;
        load[home.worker] += 1;
        self.peers.insert(peer, call);
        home.worker
    }

    fn leave(&mut self, peer: PeerId) -> Option<usize> {
        let call = self.peers.remove(&peer)?;
        let home = self.calls.get_mut(&call)?;
        let worker = home.worker;
        home.peers -= 1;
        self.load[worker] -= 1;
        if home.peers == 0 {
            self.calls.remove(&call);
        }
        Some(worker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Grants;

    fn add(call: u128, peer: u128) -> Command {
        Command::AddPeer {
            call: CallId(call),
            peer: PeerId(peer),
            grants: Grants { speak: true, hear: true },
            max_speakers: 8,
        }
    }

    fn workers(routes: [Option<(usize, Command)>; 2]) -> Vec<usize> {
        routes.into_iter().flatten().map(|(worker, _)| worker).collect()
    }

    #[test]
    fn a_call_stays_together_and_calls_spread() {
        let mut placement = Placement::new(2);
        assert_eq!(workers(placement.route(add(1, 1))), [0]);
        assert_eq!(workers(placement.route(add(1, 2))), [0]);
        assert_eq!(workers(placement.route(add(2, 3))), [1]);
        assert_eq!(workers(placement.route(add(3, 4))), [1]);
        assert_eq!(
            workers(
                placement.route(Command::SetGrants { peer: PeerId(4), grants: Grants { speak: false, hear: true } })
            ),
            [1]
        );
    }

    #[test]
    fn moving_to_a_call_elsewhere_leaves_the_old_worker_first() {
        let mut placement = Placement::new(2);
        placement.route(add(1, 1));
        placement.route(add(1, 2));
        placement.route(add(2, 3));
        assert_eq!(workers(placement.route(add(2, 1))), [0, 1]);
        assert_eq!(workers(placement.route(add(2, 1))), [1], "the same call again is no move");
    }

    #[test]
    fn the_only_peer_of_a_call_stays_where_it_is() {
        let mut placement = Placement::new(2);
        placement.route(add(1, 1));
        placement.route(add(2, 2));
        placement.route(Command::RemovePeer { peer: PeerId(1) });
        assert_eq!(workers(placement.route(add(2, 2))), [1], "though the first worker has nothing to do");
        assert_eq!(placement.load, [0, 1]);
    }

    #[test]
    fn what_concerns_a_call_goes_where_it_lives() {
        let mut placement = Placement::new(2);
        placement.route(add(1, 1));
        placement.route(add(2, 2));
        assert_eq!(workers(placement.route(Command::SetCall { call: CallId(2), max_speakers: 1 })), [1]);
        assert!(workers(placement.route(Command::SetCall { call: CallId(3), max_speakers: 1 })).is_empty());
    }

    #[test]
    fn an_empty_call_is_forgotten() {
        let mut placement = Placement::new(2);
        placement.route(add(1, 1));
        assert_eq!(workers(placement.route(Command::RemovePeer { peer: PeerId(1) })), [0]);
        assert!(workers(placement.route(Command::RemovePeer { peer: PeerId(1) })).is_empty());
        assert!(placement.calls.is_empty() && placement.peers.is_empty());
        assert_eq!(placement.load, [0, 0]);
    }
}
