//! How one peer's connection is, for whoever looks for somebody's trouble. Put together when it is asked for.

use std::time::Duration;

use crate::ids::{CallId, PeerId};
use crate::transport::Protocol;

/// One peer at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerStats {
    /// Who.
    pub peer: PeerId,
    /// Where.
    pub call: CallId,
    /// The worker it is on, from 0.
    pub worker: usize,
    /// Whether ICE and DTLS are done and the connection is not over.
    pub connected: bool,
    /// How its packets come and go; `None` before its first valid check.
    pub route: Option<Route>,
    /// From here to the peer and back, smoothed; `None` until the peer has reported on something it received.
    pub round_trip: Option<Duration>,
    /// Whether packets of its microphone have come.
    pub publishes: bool,
    /// Whether it speaks right now.
    pub speaks: bool,
    /// From the peer to here, as seen here.
    pub uplink: LinkStats,
    /// From here to the peer, as the peer reports; loss is that of all slots, jitter the largest of them.
    pub downlink: LinkStats,
    /// Its slots, in the order of the offer.
    pub slots: Vec<SlotStats>,
}

/// How packets come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// UDP or TCP to this server. A relay may be reached by another one.
    pub protocol: Protocol,
    /// IPv4 or IPv6, of the address that packets come from.
    pub family: AddressFamily,
    /// They come from an address that the client named as one of its TURN server's. `false` does not say that there is no relay:
    /// a client need not name it, and a router may change it.
    pub relayed: bool,
}

impl Route {
    /// Every route there can be, in the order of [`Route::index`].
    pub const ALL: [Self; 8] = {
        let mut all = [Self { protocol: Protocol::Udp, family: AddressFamily::V4, relayed: false }; 8];
        let mut index = 0;
        while index < all.len() {
            if index & 1 != 0 {
                all[index].protocol = Protocol::Tcp;
            }
            if index & 2 != 0 {
                all[index].family = AddressFamily::V6;
            }
            all[index].relayed = index & 4 != 0;
            index += 1;
        }
        all
    };

    /// Its place in [`Route::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.protocol as usize | (self.family as usize) << 1 | (self.relayed as usize) << 2
    }
}

/// The family of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressFamily {
    /// IPv4, also where it comes to an IPv6 socket.
    V4,
    /// IPv6.
    V6,
}

impl AddressFamily {
    /// The label of the metric: stable.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        }
    }
}

/// One direction of a peer's audio. What was lost is counted by sequence numbers; packets that came again after all are not lost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LinkStats {
    /// RTP packets since the peer connected, those sent again included.
    pub packets: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
    /// Bits of payload a second, over the last 3 to 6 seconds.
    pub bitrate: u64,
    /// Packets lost, of the streams there are now.
    pub lost: u64,
    /// The share of the last report's packets that was lost, 0 to 1; `None` until there was a report.
    pub loss: Option<f32>,
    /// Interarrival jitter (RFC 3550, section 6.4.1); `None` until there was a report.
    pub jitter: Option<Duration>,
}

/// One slot of a listener.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotStats {
    /// Who is heard there.
    pub speaker: Option<PeerId>,
    /// RTP packets sent, those sent again included.
    pub packets: u32,
    /// Packets that the listener reported lost.
    pub lost: u32,
    /// The share lost of the packets between the last two reports that were counted, 0 to 1.
    pub loss: Option<f32>,
    /// As the listener reports it.
    pub jitter: Option<Duration>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_at_its_index() {
        for (index, route) in Route::ALL.iter().enumerate() {
            assert_eq!(route.index(), index, "{route:?}");
        }
    }
}
