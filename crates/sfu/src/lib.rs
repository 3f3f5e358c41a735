//! The media plane: takes each speaker's Opus packets and forwards them to the listeners of the same call.
//!
//! Clients are the only offerers; the sfu is ICE-lite (RFC 8445, section 2.5) and always answers. A client offers one
//! `sendonly` audio m-line and a fixed number of `recvonly` ones, its *slots*. The sfu puts the loudest speakers into
//! the slots, keeps sequence numbers and timestamps of each slot continuous, and reports who is in which.
//!
//! Architecture invariants:
//! - No users, rooms, HTTP or SQL: ids are opaque, text is SDP, packets are RTP.
//! - A worker is one thread that shares nothing: between a packet in and its copies out there is no lock, no reference
//!   count, no channel, and no allocation but for what happens for the first time or changes a slot (ADR 6). A packet
//!   crosses once to each other worker that has peers of the call, by value, through a bounded lock-free queue.
//! - Everything below `worker`'s socket loop decides purely: bytes and the current time come in, bytes and events go
//!   out, so that a simulated network and clock can test it.

#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;
mod call;
mod command;
mod config;
mod error;
mod event;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz;
mod growth;
mod ids;
mod metrics;
mod peer_stats;
mod placement;
mod prefetch;
mod public_address;
mod quality;
mod rtp;
mod sdp;
mod sfu;
#[cfg(any(test, feature = "bench"))]
#[cfg_attr(not(test), expect(dead_code, reason = "benchmarks and fuzz targets need less of it than tests"))]
mod sim;
#[cfg(any(test, feature = "bench"))]
#[cfg_attr(not(test), expect(dead_code, reason = "benchmarks and fuzz targets need less of it than tests"))]
mod test_client;
mod transport;
mod worker;
mod worker_set;

pub use command::{Command, Grants};
pub use config::{Config, SharedTcp};
pub use error::{AdmitError, OfferError, StartError};
pub use event::{Event, LostReason};
pub use ids::{CallId, Mid, PeerId};
pub use metrics::{
    DropReason, JOIN_TIME_BUCKETS_MS, JoinPhase, JoinTimes, Metrics, SendError, SetupFailure, WorkerMetrics,
};
pub use peer_stats::{AddressFamily, LinkStats, PeerStats, Route, SlotStats};
pub use quality::{
    FORWARD_BOUNDS, GSO_BOUNDS, Histogram, JITTER_BOUNDS, LOSS_BOUNDS, Quality, ROUND_TRIP_BOUNDS, Received,
};
pub use sdp::{Offer, check_candidate, relayed_address};
pub use sfu::Sfu;
pub use transport::{BindingRequest, Greeting, Protocol};
pub use worker::{
    SocketBuffers, announced_by_default, bind_media_tcp, bind_media_udp, can_segment, interface_addresses,
    socket_buffers,
};
