//! The messages on `/ws`, one type each, exactly as docs/PROTOCOL.md describes them.
//!
//! JSON text frames, `{"type": "...", ...}` in kebab-case, fields in camelCase. The TypeScript types in
//! `web/src/protocol/generated.ts` are made from these types by `cargo test -p hubbub-protocol` (see `tests/typescript.rs`).
//!
//! Architecture invariant: serde only. No IO, no ids of the domain, no rules about who may do what.

mod client;
mod decode;
mod names;
mod server;

pub use client::{ClientMessage, IceCandidateInit, MediaStep, SdpType, SessionDescription};
pub use decode::{DecodeError, Request, decode};
pub use server::{
    CloseCode, ErrorCode, LeftReason, MediaState, Participant, RemoveReason, RoomInfo, ServerMessage, SlotAssignment,
    Speaker,
};

/// The version of the protocol that this crate speaks. A client names it in `/ws?version=1`.
pub const PROTOCOL_VERSION: u32 = 1;

/// The largest frame the server accepts, in bytes; a larger one closes the socket with 1009.
///
/// An offer may have 64 KiB; as JSON, with every line break escaped, it needs a little more.
pub const MAX_MESSAGE_BYTES: usize = 96 * 1024;
