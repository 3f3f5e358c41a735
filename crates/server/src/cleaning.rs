//! Removing what has expired, now and then.

use std::sync::Arc;
use std::time::Duration;

use hubbub_domain::{Clock, Storage};
use tokio_util::sync::CancellationToken;

/// How often. Expired logins are refused anyway: this only keeps the table small.
const INTERVAL: Duration = Duration::from_secs(3600);

/// Removes expired logins until `stop`.
pub(crate) async fn run(storage: Arc<dyn Storage>, clock: Arc<dyn Clock>, stop: CancellationToken) {
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
    }
}
