//! Single rooms and the people in them, for whoever looks into one: at most so many of both, and only when asked.
//!
//! Labels are ids. Names are nobody's business who may see metrics.

use hubbub_sfu::{CallId, LinkStats, PeerId, PeerStats, Sfu};
use prometheus::proto::MetricFamily;
use uuid::Uuid;

use super::families::{Labels, Sample, counter_f64, float, gauge, gauge_f64, one};

/// How much is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The largest rooms.
    pub(crate) rooms: usize,
    /// Of each room.
    pub(crate) peers: usize,
}

/// A room with some of its peers, and how many it has.
struct Shown {
    call: CallId,
    count: usize,
    peers: Vec<PeerStats>,
}

/// The largest rooms, or the one asked for.
pub(crate) async fn families(sfu: &Sfu, limits: Limits, only: Option<Uuid>) -> Vec<MetricFamily> {
    let mut calls = sfu.calls();
    // Connection tests are no rooms.
    calls.retain(|(call, _)| !hubbub_signaling::is_of_test(*call));
    let all = calls.len();
    if let Some(room) = only {
        calls.retain(|(call, _)| call.0 == room.as_u128());
    }
    // Of rooms of the same size always the same ones.
    calls.sort_unstable_by_key(|(call, count)| (std::cmp::Reverse(*count), *call));
    calls.truncate(limits.rooms);
    let mut shown = Vec::with_capacity(calls.len());
    for (call, count) in calls {
        shown.push(Shown { call, count, peers: sfu.some_peer_stats(call, limits.peers).await });
    }
    of(&shown, all)
}

/// A room with two people, of whom one hears the other, for the page of metrics.
#[cfg(test)]
pub(super) fn sample() -> Vec<MetricFamily> {
    use hubbub_sfu::{AddressFamily, Protocol, Route, SlotStats};

    let reported = LinkStats { loss: Some(0.0), jitter: Some(std::time::Duration::ZERO), ..LinkStats::default() };
    let peer = |relayed, protocol, family| PeerStats {
        peer: PeerId(1),
        call: CallId(1),
        worker: 0,
        connected: true,
        route: Some(Route { protocol, family, relayed }),
        round_trip: Some(std::time::Duration::ZERO),
        publishes: true,
        speaks: true,
        uplink: reported,
        downlink: reported,
        slots: vec![SlotStats { speaker: Some(PeerId(2)), packets: 0, lost: 0, loss: None, jitter: None }],
    };
    let peers = vec![peer(true, Protocol::Udp, AddressFamily::V4), peer(false, Protocol::Tcp, AddressFamily::V6)];
    of(&[Shown { call: CallId(1), count: 3, peers }], 1)
}

fn id(id: u128) -> String {
    Uuid::from_u128(id).to_string()
}

fn labels(room: &Shown, peer: &PeerStats) -> Labels {
    vec![("room", id(room.call.0)), ("peer", id(peer.peer.0))]
}

fn of(rooms: &[Shown], all: usize) -> Vec<MetricFamily> {
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let by_room = |value: fn(&Shown) -> usize| -> Vec<Sample> {
        rooms.iter().map(|room| (vec![("room", id(room.call.0))], count(value(room)))).collect()
    };
    vec![
        gauge("hubbub_rooms_with_media", "Rooms with peers, also those that are not told here.", one(count(all))),
        gauge("hubbub_room_peers", "Peers of a room, also those that are not told here.", by_room(|room| room.count)),
        gauge(
            "hubbub_room_peers_hidden",
            "Peers of a room that are not told here, because metrics.peers_per_room are.",
            by_room(|room| room.count.saturating_sub(room.peers.len())),
        ),
        gauge(
            "hubbub_room_peer_info",
            "1 for a connected peer; labels say how its packets come and go: protocol, address family, and whether relayed (by a \
             TURN server, as the client says).",
            peers(rooms, |room, peer| {
                let route = peer.route.filter(|_| peer.connected)?;
                let mut labels = labels(room, peer);
                labels.push(("protocol", route.protocol.as_str().to_owned()));
                labels.push(("family", route.family.as_str().to_owned()));
                labels.push(("relayed", route.relayed.to_string()));
                Some((labels, 1))
            }),
        ),
        gauge(
            "hubbub_room_peer_speaking",
            "1 while the peer speaks, else 0.",
            peers(rooms, |room, peer| Some((labels(room, peer), u64::from(peer.speaks)))),
        ),
        gauge("hubbub_room_hears", "1 for every listener and whom it hears in one of its slots now.", hears(rooms)),
        gauge_f64(
            "hubbub_room_peer_round_trip_seconds",
            "To the peer and back.",
            peers(rooms, |room, peer| Some((labels(room, peer), peer.round_trip?.as_secs_f64()))),
        ),
        gauge_f64(
            "hubbub_room_peer_jitter_seconds",
            "Interarrival jitter (RFC 3550).",
            links(rooms, |link| Some(link.jitter?.as_secs_f64())),
        ),
        gauge_f64(
            "hubbub_room_peer_loss_ratio",
            "Share of the packets of the last report that got lost.",
            links(rooms, |link| link.loss.map(f64::from)),
        ),
        counter_f64(
            "hubbub_room_peer_lost_total",
            "Packets lost, of the streams there are.",
            links(rooms, |link| Some(float(link.lost))),
        ),
        counter_f64("hubbub_room_peer_packets_total", "RTP packets.", links(rooms, |link| Some(float(link.packets)))),
        counter_f64("hubbub_room_peer_bytes_total", "Bytes of audio.", links(rooms, |link| Some(float(link.bytes)))),
    ]
}

/// A sample a peer, where there is one.
fn peers<T>(rooms: &[Shown], sample: impl Fn(&Shown, &PeerStats) -> Option<Sample<T>>) -> Vec<Sample<T>> {
    let sample = &sample;
    rooms.iter().flat_map(|room| room.peers.iter().filter_map(move |peer| sample(room, peer))).collect()
}

/// A sample a peer and direction, where there is one.
fn links(rooms: &[Shown], value: fn(&LinkStats) -> Option<f64>) -> Vec<Sample<f64>> {
    let each = |room: &Shown| -> Vec<Sample<f64>> {
        let of_peer = |peer: &PeerStats| {
            [("uplink", &peer.uplink), ("downlink", &peer.downlink)].map(|(direction, link)| {
                let mut labels = labels(room, peer);
                labels.push(("direction", direction.to_owned()));
                value(link).map(|value| (labels, value))
            })
        };
        room.peers.iter().flat_map(of_peer).flatten().collect()
    };
    rooms.iter().flat_map(each).collect()
}

fn hears(rooms: &[Shown]) -> Vec<Sample> {
    let each = |room: &Shown| -> Vec<Sample> {
        let pair = |listener: PeerId, speaker: PeerId| {
            let labels = vec![("room", id(room.call.0)), ("listener", id(listener.0)), ("speaker", id(speaker.0))];
            (labels, 1)
        };
        let speakers = |peer: &PeerStats| {
            let listener = peer.peer;
            peer.slots.iter().filter_map(move |slot| Some((listener, slot.speaker?))).collect::<Vec<_>>()
        };
        room.peers.iter().flat_map(speakers).map(|(listener, speaker)| pair(listener, speaker)).collect()
    };
    rooms.iter().flat_map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_told_is_said_to_be_hidden() {
        let families = sample();
        let value = |name: &str| {
            let family = families.iter().find(|family| family.name() == name).unwrap();
            family.get_metric()[0].get_gauge().get_value()
        };
        let all = ["hubbub_rooms_with_media", "hubbub_room_peers", "hubbub_room_peers_hidden"].map(value);
        assert!(all.iter().zip([1.0, 3.0, 1.0]).all(|(is, should)| (is - should).abs() < 1e-9), "{all:?}");
    }
}
