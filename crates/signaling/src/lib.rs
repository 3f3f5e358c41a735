//! The WebSocket side: sockets, rooms, presence, and the media plane's orders.
//!
//! One socket walks through [`upgrade`] (who may open one), [`connection`] (reading and writing it) and [`session`] (what
//! its messages do). What they do to a room goes through [`live`], which locks [`room`]'s pure decisions, tells everybody
//! in the order things happened, and keeps the media plane in step. Media and domain events enter from the other side,
//! by [`media_events`] and [`domain_events`].
//!
//! Architecture invariants:
//! - Nothing waits while a room's lock is held: queues take a message at once or end their socket, and the media plane
//!   takes orders without answering.
//! - Locks are taken in one order: registry, room, then seats or connections or a socket's queue.
//! - A room's state knows no sockets, HTTP or JSON; a message for several is encoded once.
//! - SDP, tickets and tokens are never logged.

mod client;
mod config;
mod connection;
mod connection_test;
mod connections;
mod convert;
mod domain_events;
mod list;
mod live;
mod media;
mod media_events;
mod metrics;
mod news;
mod origin;
mod outbox;
mod pages;
mod presence;
mod rate;
mod refusal;
mod registry;
mod room;
mod seats;
mod service;
mod session;
mod socket;
mod supervision;
#[cfg(test)]
mod testing;
mod token;
mod trace;
mod upgrade;
mod user_rate;

pub use config::Config;
pub use connection_test::is_of_test;
pub use media::MediaPlane;
pub use metrics::MetricsSnapshot;
pub use service::Signaling;
pub use trace::Trace;
pub use upgrade::ClientNetwork;
pub use user_rate::Rate;
