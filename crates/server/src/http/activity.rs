//! When an HTTP/2 connection idles: nothing is being asked or answered on it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::Instant;

/// While requests are under way, which end without notice, is looked this many times in the time that is allowed.
const LOOKS: u32 = 12;

/// What happens on one connection.
#[derive(Clone)]
pub(super) struct Activity(Arc<Mutex<State>>);

struct State {
    /// Requests under way.
    running: usize,
    /// Since when there are none.
    since: Instant,
    /// How long that may last before the first request.
    first: Duration,
    /// And after it.
    later: Duration,
    /// Whether there was one.
    has_begun: bool,
}

/// A request under way, to the last byte of its answer.
pub(super) struct Running(Activity);

impl Activity {
    /// `first` is how long the first request may take to come, `later` the ones after it.
    pub(super) fn new(first: Duration, later: Duration) -> Self {
        Self(Arc::new(Mutex::new(State { running: 0, since: Instant::now(), first, later, has_begun: false })))
    }

    /// A request begins.
    pub(super) fn begin(&self) -> Running {
        let mut state = self.0.lock();
        state.running += 1;
        state.has_begun = true;
        Running(self.clone())
    }

    /// Waits until the connection has idled for too long; whether there has ever been a request.
    pub(super) async fn idle(&self) -> bool {
        loop {
            let now = Instant::now();
            let (until, has_begun) = {
                let state = self.0.lock();
                let allowed = if state.has_begun { state.later } else { state.first };
                let until = if state.running > 0 { now + state.later / LOOKS } else { state.since + allowed };
                (until, state.has_begun)
            };
            if until <= now {
                return has_begun;
            }
            tokio::time::sleep_until(until).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.0.0.lock();
        state.running -= 1;
        state.since = Instant::now();
    }
}

/// The body of an answer; with it ends the request.
pub(super) struct Held {
    body: Body,
    _running: Running,
}

impl Held {
    pub(super) const fn new(body: Body, running: Running) -> Self {
        Self { body, _running: running }
    }
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_without_a_request_idles_sooner() {
        let first = Duration::from_millis(20);
        let started = Instant::now();
        assert!(!Activity::new(first, Duration::from_secs(3600)).idle().await);
        assert!(started.elapsed() >= first);
    }

    #[tokio::test]
    async fn a_request_keeps_a_connection_until_its_answer_has_gone() {
        let later = Duration::from_millis(120);
        let activity = Activity::new(Duration::ZERO, later);
        let body = Held::new(Body::from("an answer"), activity.begin());
        let idle = tokio::spawn(async move { activity.idle().await });
        tokio::time::sleep(4 * later).await;
        assert!(!idle.is_finished(), "the answer is on its way");
        let gone = Instant::now();
        drop(body);
        assert!(idle.await.unwrap());
        assert!(gone.elapsed() >= later);
    }
}
