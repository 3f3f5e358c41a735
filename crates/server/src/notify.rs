//! What systemd is told (sd_notify(3)), where it started the server as a service of `Type=notify`; elsewhere nothing happens.

use std::convert::Infallible;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::Instant;

/// Everything listens: services that wait for this one may start.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// How often systemd is told again that the end takes its time. It hears of 71 minutes at most at a time, people may be kept for a day,
/// and whoever takes the unit over anew (`systemctl daemon-reexec`) has to hear of it too.
const AGAIN: Duration = Duration::from_secs(15);

/// The server ends, and may take so long: longer than the unit's `TimeoutStopSec` too. Tells so until it is dropped.
pub(crate) async fn stopping(patience: Duration) -> Infallible {
    let until = Instant::now() + patience;
    tell(&[NotifyState::Stopping, extend(patience)]);
    loop {
        tokio::time::sleep(AGAIN).await;
        let left = until.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            tell(&[extend(left)]);
        }
    }
}

fn extend(patience: Duration) -> NotifyState<'static> {
    NotifyState::ExtendTimeoutUsec(u32::try_from(patience.as_micros()).unwrap_or(u32::MAX))
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "the service manager could not be told; it may end the server");
    }
}
