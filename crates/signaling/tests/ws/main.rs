//! Signaling over real sockets: an axum server on a port of its own, and a WebSocket client that shares no code with it.

#![expect(clippy::unwrap_used, reason = "a test that meets what it does not expect should end there")]

mod connection_test;
mod events;
mod frames;
mod handshake;
mod harness;
mod joining;
mod limits;
mod media;
mod muting;
mod real_media;
mod resuming;
mod supervision;
