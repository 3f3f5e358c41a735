//! Synthetic peers that speak only the public wire: REST, the WebSocket of docs/PROTOCOL.md, ICE, DTLS and SRTP.
//!
//! A [`Session`] is a login, a [`Signaling`] an open socket. Peers come in two kinds. The [`engine`]'s are made for numbers:
//! thousands of them in a few threads. A [`Peer`] is one full client on the `webrtc` crate, which shares no code with the
//! server's media plane: tests use it. Both send payloads that can be recognised, so that every listener knows of every packet
//! whether it came, came twice or came late ([`payload`] and [`reception`] are the [`Peer`]'s). [`scenario`] runs many of them and [`report`] says what happened; the binary
//! `hubbub-loadtest` is the two of them behind a command line.
//!
//! Architecture invariant: nothing here knows the server's insides. What a peer cannot do over the public wire cannot be
//! tested with it.

pub mod accounts;
pub mod engine;
pub mod error;
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
