//! What systemd is told (sd_notify(3)), where it started the server as a service of `Type=notify`; elsewhere nothing happens.

use std::time::Duration;

use sd_notify::NotifyState;

/// Everything listens: services that wait for this one may start.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The server ends, and may take so long: longer than the unit's `TimeoutStopSec` too.
pub(crate) fn stopping(patience: Duration) {
    let microseconds = u32::try_from(patience.as_micros()).unwrap_or(u32::MAX);
    tell(&[NotifyState::Stopping, NotifyState::ExtendTimeoutUsec(microseconds)]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "the service manager could not be told; it may end the server");
    }
}
