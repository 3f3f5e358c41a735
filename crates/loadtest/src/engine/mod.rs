//! Thousands of synthetic peers in one process, on the parts of a WebRTC stack: ICE, DTLS and SRTP without a thread, a
//! task or a wake-up of their own.
//!
//! [`api`] is what goes in and what comes out, plain data; [`Engine`] is the handle. Behind it a few media threads have many
//! peers each: `media_thread` is the loop (`rotation`: whose socket it reads), `peer` one peer without IO, made of `checks` (ICE),
//! `association` (DTLS and SRTP), `microphone` and `ears` (a `stream` for each SSRC). What gets lost is asked for again and sent
//! again (`missing`, `history`), or was sent twice (`red`).

pub mod api;
mod association;
mod audio;
mod checks;
mod description;
mod ears;
mod entry;
mod handle;
pub mod histogram;
mod history;
mod impairment;
mod limits;
mod media_thread;
mod microphone;
mod missing;
pub mod opus;
mod peer;
mod red;
mod rotation;
mod rtcp;
mod socket;
mod stream;
mod talk;
mod totals;

pub use api::{
    EngineConfig, GeneratorCost, Impairment, JoinTimes, PeerId, PeerResult, PeerSpec, PeerState, Repair, Role, Silence,
    Snapshot, StreamResult, TalkPattern, Timestamps,
};
pub use description::{Credentials, LocalDescription, RemoteDescription, RemoteMedia};
pub use handle::{Engine, MediaRequest};
pub use histogram::Histogram;
pub use limits::check as check_open_files;
