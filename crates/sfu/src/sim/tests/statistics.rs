//! What is known of each peer.

use super::*;
use crate::peer_stats::{AddressFamily, PeerStats, Route};
use crate::transport::Protocol;

impl Sim {
    fn stats(&mut self) -> Vec<PeerStats> {
        let now = self.now;
        let mut all = Vec::new();
        for (_, core) in self.workers_mut() {
            let mut from = Some(0);
            while let Some(first) = from {
                let (page, next) = core.peer_stats(now, CallId(1), first);
                all.extend(page);
                from = next;
            }
        }
        all.sort_by_key(|stats| stats.peer);
        all
    }
}

const ROUTE: Route = Route { protocol: Protocol::Udp, family: AddressFamily::V4, relayed: false };

#[test]
fn a_call_tells_who_hears_whom_and_how_well() {
    let mut sim = Sim::new(51);
    sim.join_all(3);
    sim.join(2, ClientOptions::default());
    // Reports every 3 s: two of them, with all of the meter's time full of packets.
    sim.talk(&[0, 1], 500, 0);
    let [a, b, c] = sim.stats().try_into().expect("three in call 1");
    assert_eq!((a.peer, a.call, a.worker, a.connected), (Sim::peer(0), CallId(1), 0, true));
    assert_eq!((a.route, c.route), (Some(ROUTE), Some(ROUTE)));
    assert_eq!((a.publishes, a.speaks, c.publishes, c.speaks), (true, true, false, false));
    assert_eq!((a.uplink.packets, a.uplink.bytes, a.uplink.lost, a.uplink.loss), (500, 2000, 0, Some(0.0)));
    assert!((1500..=1700).contains(&a.uplink.bitrate), "50 packets of 4 bytes: {:?}", a.uplink);
    assert!(a.uplink.jitter.is_some_and(|jitter| jitter < Duration::from_millis(2)), "{:?}", a.uplink);
    let heard = |stats: &PeerStats| stats.slots.iter().filter_map(|slot| slot.speaker).collect::<Vec<_>>();
    assert_eq!((heard(&a), heard(&b)), (vec![b.peer], vec![a.peer]));
    assert_eq!(heard(&c).len(), 2);
    assert_eq!((c.downlink.packets, c.uplink.packets), (1000, 0));
    assert!((3000..=3400).contains(&c.downlink.bitrate), "{:?}", c.downlink);
    assert_eq!(c.slots.iter().map(|slot| slot.packets).sum::<u32>(), 1000);
}

#[test]
fn what_gets_lost_on_the_way_here_is_in_the_peers_statistics() {
    let mut sim = Sim::new(52);
    sim.join_all(2);
    sim.talk(&[0], 50, 0);
    sim.uplink.loss = 0.25;
    sim.talk(&[0], 400, 50);
    let stats = sim.stats();
    let loss = stats[0].uplink.loss.expect("reported");
    assert!((0.1..=0.4).contains(&loss), "{loss}");
    assert!((60..=140).contains(&stats[0].uplink.lost), "{:?}", stats[0].uplink);
}

#[test]
fn a_relay_is_told_by_the_address_that_the_client_named() {
    let mut sim = Sim::new(53);
    sim.join_all(2);
    let named = |sim: &mut Sim, client: usize, port: u16| {
        let mut address = Sim::address(client);
        address.set_port(port);
        sim.order(Command::Relayed { peer: Sim::peer(client), address });
    };
    for port in 1..20 {
        named(&mut sim, 0, port);
        named(&mut sim, 1, port);
    }
    named(&mut sim, 0, Sim::address(0).port());
    let relayed: Vec<bool> = sim.stats().iter().map(|stats| stats.route.expect("connected").relayed).collect();
    assert_eq!(relayed, [true, false]);
}

#[test]
fn before_and_after_a_connection_there_is_little_to_tell() {
    let mut sim = Sim::new(54);
    sim.order(Command::AddPeer { call: CallId(1), peer: Sim::peer(0), grants: BOTH, max_speakers: 8 });
    let [peer] = sim.stats().try_into().expect("one");
    assert_eq!((peer.connected, peer.route, peer.slots.len(), peer.uplink.packets), (false, None, 0, 0));
    sim.order(Command::RemovePeer { peer: Sim::peer(0) });
    assert_eq!(sim.stats(), []);
}

#[test]
fn a_large_call_is_told_in_pages_and_everybody_is_in_one() {
    let mut sim = Sim::of(2, 55, |_| {});
    let add = |peer| Command::AddPeer { call: CallId(1), peer: PeerId(peer), grants: BOTH, max_speakers: 8 };
    for peer in 1..=1000 {
        sim.order(add(peer));
    }
    let peers: Vec<u128> = sim.stats().iter().map(|stats| stats.peer.0).collect();
    assert_eq!(peers, (1..=1000).collect::<Vec<u128>>());
    assert_eq!(sim.cluster.placement().hosts(CallId(1)).len(), 2);
    assert_eq!(sim.cluster.placement().calls(), [(CallId(1), 1000)]);
    let (page, next) = sim.core.peer_stats(sim.now, CallId(1), 0);
    assert!(page.len() < 1000 && next.is_some(), "no turn takes long: {} at once", page.len());
}

#[test]
fn peers_are_counted_as_what_they_are() {
    let mut sim = Sim::new(56);
    sim.join_all(3);
    let now = |sim: &Sim| {
        let metrics = sim.core.metrics();
        (metrics.publishers, metrics.listeners, metrics.routes[ROUTE.index()], metrics.routes.iter().sum::<u64>())
    };
    assert_eq!(now(&sim), (0, 3, 3, 3));
    sim.talk(&[0, 1], 5, 0);
    assert_eq!(now(&sim), (2, 3, 3, 3));
    sim.order(Command::SetGrants { peer: Sim::peer(0), grants: Grants { speak: false, hear: false, hear_own: false } });
    assert_eq!(now(&sim), (1, 2, 3, 3));
    sim.order(Command::Relayed { peer: Sim::peer(1), address: Sim::address(1) });
    assert_eq!(now(&sim), (1, 2, 2, 3), "one is known to be relayed now");
    sim.clients[1].close();
    sim.run(SECOND);
    assert_eq!(now(&sim), (0, 1, 2, 2));
    for client in 0..3 {
        sim.order(Command::RemovePeer { peer: Sim::peer(client) });
    }
    assert_eq!(now(&sim), (0, 0, 0, 0));
}
