//! Synthetic peers that speak only the public wire: REST, the WebSocket of docs/PROTOCOL.md, ICE, DTLS and SRTP.
//!
//! A [`Session`] is a login, a [`Signaling`] an open socket. There are two kinds of peers. Those of [`engine`] are thousands
//! in a process and are what `hubbub-loadtest` is made of: a [`scenario`] says what they do, [`run`] does it, and [`report`]
//! says how it went, with [`quality`] telling how that sounds. A [`Peer`] is a single one on the `webrtc` crate, which
//! shares no code with the server's media plane; tests use it. Both send payloads that can be recognised ([`payload`]), so
//! that every listener knows of every packet whether it came, came twice or came late ([`reception`]).
//!
//! Architecture invariant: nothing here knows the server's insides. What a peer cannot do over the public wire cannot be
//! tested with it.

pub mod accounts;
pub mod engine;
pub mod error;
mod http;
pub mod machine;
pub mod payload;
pub mod peer;
pub mod quality;
pub mod reception;
pub mod report;
pub mod run;
pub mod scenario;
pub mod server_metrics;
pub mod session;
pub mod signaling;
pub mod target;
pub mod units;

pub use accounts::Account;
pub use engine::Engine;
pub use error::LoadTestError;
pub use peer::Peer;
pub use report::Report;
pub use scenario::Scenario;
pub use session::Session;
pub use signaling::Signaling;
pub use target::Target;
