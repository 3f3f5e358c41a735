//! What operators see: log lines and metrics.
//!
//! Never logged: passwords, codes, tokens, tickets, invitations, SDP, message text, and paths or queries that may hold
//! one of them.

pub(crate) mod logging;
pub(crate) mod metrics;
pub(crate) mod metrics_listener;
pub(crate) mod process;
pub(crate) mod snapshots;
pub(crate) mod tls;
