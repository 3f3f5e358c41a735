//! What operators see: log lines, metrics and traces.
//!
//! Never logged or put into traces: passwords, codes, tokens, tickets, invitations, SDP, message text, and paths or queries that may hold
//! one of them.

#[cfg(test)]
mod catalogue;
pub(crate) mod exposition;
mod families;
pub(crate) mod logging;
mod media;
pub(crate) mod metrics;
pub(crate) mod metrics_listener;
pub(crate) mod node;
mod process;
pub(crate) mod rooms;
mod services;
pub(crate) mod tls;
pub(crate) mod traces;
