//! What a worker knows of the peers of a call, when somebody asks.

use std::time::{Duration, Instant};

use super::connection::{Connection, Peer, Slot};
use super::core::WorkerCore;
use crate::call::Call;
use crate::ids::{CallId, PeerId};
use crate::peer_stats::{AddressFamily, LinkStats, PeerStats, Route, SlotStats};
use crate::rtp::CLOCK_RATE;
use crate::transport::Path;

/// Peers that one answer has at most: some 0.2 ms of the worker's time, in which no packet waits long.
const PAGE: usize = 256;

/// Some of a call's peers, and where the others begin.
pub(crate) type Page = (Vec<PeerStats>, Option<usize>);

impl WorkerCore {
    /// The peers of a call from the place `from` on, as far as they are on this worker.
    pub(crate) fn peer_stats(&self, now: Instant, call: CallId, from: usize) -> Page {
        let Some((call, _)) = self.call_ids.get(&call).and_then(|key| self.calls.get(*key)) else {
            return (Vec::new(), None);
        };
        let mut members = call.local_members(from);
        let page = members.by_ref().take(PAGE);
        let page = page.filter_map(|(member, peer)| Some(self.stats_of(now, call, member, self.peers.get(peer)?)));
        let page = page.collect();
        (page, members.next().map(|(member, _)| member))
    }

    fn stats_of(&self, now: Instant, call: &Call, member: usize, peer: &Peer) -> PeerStats {
        let connection = peer.connection.as_ref();
        let slots = connection.map_or(&[][..], |connection| &connection.slots);
        let mut speakers = call.heard_by(member);
        PeerStats {
            peer: peer.id,
            call: call.id(),
            worker: self.settings.worker,
            connected: connection.is_some_and(|connection| connection.transport.is_connected()),
            route: peer.route(),
            round_trip: connection.and_then(|connection| connection.feedback.round_trip),
            publishes: connection.is_some_and(Connection::publishes),
            speaks: call.speaks(member),
            uplink: connection.map(|connection| uplink(now, connection)).unwrap_or_default(),
            downlink: connection.map(|connection| downlink(now, connection)).unwrap_or_default(),
            slots: slots.iter().map(|slot| slot_stats(slot, speakers.next().flatten())).collect(),
        }
    }
}

impl Peer {
    /// How its packets come and go, once that is known.
    pub(super) fn route(&self) -> Option<Route> {
        let path = self.connection.as_ref()?.transport.selected()?;
        let Path { protocol, remote, .. } = path;
        let address = remote.ip().to_canonical();
        let family = if address.is_ipv4() { AddressFamily::V4 } else { AddressFamily::V6 };
        let named =
            |relay: &std::net::SocketAddr| (relay.ip().to_canonical(), relay.port()) == (address, remote.port());
        Some(Route { protocol, family, relayed: self.relays.iter().any(named) })
    }
}

fn uplink(now: Instant, connection: &Connection) -> LinkStats {
    let meter = connection.feedback.received;
    let stats = connection.stream().map(|stream| &stream.stats);
    LinkStats {
        packets: meter.packets,
        bytes: meter.bytes,
        bitrate: meter.bitrate(now),
        lost: stats.map_or(0, |stats| stats.lost().into()),
        loss: stats.and_then(|stats| stats.fraction_lost()).map(|fraction| share(fraction.into(), 256)),
        jitter: stats.and_then(|stats| stats.fraction_lost().map(|_| clock_time(stats.jitter()))),
    }
}

fn downlink(now: Instant, connection: &Connection) -> LinkStats {
    let meter = connection.feedback.sent;
    let slots = || connection.slots.iter();
    let (lost, of) = slots().filter_map(Slot::recent).fold((0, 0), |(lost, of), slot| (lost + slot.0, of + slot.1));
    LinkStats {
        packets: meter.packets,
        bytes: meter.bytes,
        bitrate: meter.bitrate(now),
        lost: slots().map(|slot| u64::from(slot.lost)).sum(),
        loss: (of > 0).then(|| share(lost, of)),
        jitter: slots().filter_map(Slot::jitter).max().map(clock_time),
    }
}

fn slot_stats(slot: &Slot, speaker: Option<PeerId>) -> SlotStats {
    SlotStats {
        speaker,
        packets: slot.sent.packets,
        lost: slot.lost,
        loss: slot.recent().filter(|(_, of)| *of > 0).map(|(lost, of)| share(lost, of)),
        jitter: slot.jitter().map(clock_time),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more")]
fn share(lost: u64, of: u64) -> f32 {
    lost.min(of) as f32 / of as f32
}

fn clock_time(units: u32) -> Duration {
    Duration::from_secs(1) * units / CLOCK_RATE
}
