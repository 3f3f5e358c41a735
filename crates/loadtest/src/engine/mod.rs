//! Thousands of synthetic peers in one process, on the parts of a WebRTC stack: ICE, DTLS and SRTP without a thread, a
//! task or a wake-up of their own.
//!
//! [`api`] is what goes in and what comes out, plain data.

pub mod api;
pub mod histogram;

pub use api::{
    EngineConfig, GeneratorCost, Impairment, JoinTimes, PeerId, PeerResult, PeerSpec, PeerState, Role, Silence,
    Snapshot, StreamResult, TalkPattern, Timestamps,
};
pub use histogram::Histogram;
