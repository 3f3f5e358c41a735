//! Removing what has expired or is older than it is to be kept, now and then.

use std::sync::Arc;
use std::time::Duration;

use hubbub_domain::{Clock, Storage};
use tokio_util::sync::CancellationToken;

/// How often. Expired logins are refused anyway: this only keeps the table small.
const INTERVAL: Duration = Duration::from_secs(3600);

/// Removes expired logins, and what the audit log has kept for as long as `audit_kept`, until `stop`.
pub(crate) async fn run(
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    audit_kept: Duration,
    stop: CancellationToken,
) {
    let mut interval = tokio::time::interval(INTERVAL);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = interval.tick() => {}
        }
        match storage.delete_expired_sessions(clock.now()).await {
            Ok(0) => {}
            Ok(sessions) => tracing::info!(sessions, "expired logins were removed"),
            Err(error) => tracing::warn!(%error, "expired logins could not be removed; trying again later"),
        }
        match storage.delete_audit(clock.now().minus(audit_kept)).await {
            Ok(0) => {}
            Ok(entries) => tracing::info!(entries, "old entries of the audit log were removed"),
            Err(error) => {
                tracing::warn!(%error, "the audit log could not be cleared of old entries; trying again later");
            }
        }
    }
}
