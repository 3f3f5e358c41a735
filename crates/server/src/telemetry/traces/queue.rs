//! How many spans wait, and what became of the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use prometheus::{IntCounter, IntCounterVec, Opts, Registry};

use super::WAITING;

/// What became of spans.
#[derive(Clone, Debug)]
pub(crate) struct Counts {
    all: IntCounterVec,
    pub(super) exported: IntCounter,
    pub(super) failed: IntCounter,
    dropped: IntCounter,
    waiting: Arc<AtomicUsize>,
}

impl Counts {
    /// # Errors
    /// None: the name is a good one.
    pub(crate) fn new() -> prometheus::Result<Self> {
        let about = "Spans for the collector of traces: taken by it, given up after a failed delivery, or dropped because too many waited.";
        let all = IntCounterVec::new(Opts::new("hubbub_traces_spans_total", about), &["outcome"])?;
        let [exported, failed, dropped] =
            ["exported", "failed", "dropped"].map(|outcome| all.with_label_values(&[outcome]));
        Ok(Self { all, exported, failed, dropped, waiting: Arc::default() })
    }

    /// # Errors
    /// When `registry` has them already.
    pub(crate) fn register(&self, registry: &Registry) -> prometheus::Result<()> {
        registry.register(Box::new(self.all.clone()))
    }

    /// One more waits, unless too many do.
    fn enter(&self) -> bool {
        let more = |waiting| (waiting < WAITING).then_some(waiting + 1);
        let entered = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        if !entered {
            self.dropped.inc();
        }
        entered
    }

    /// So many wait no longer.
    pub(super) fn leave(&self, spans: usize) {
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
    }
}

/// In front of the batches: what waits is bounded, and what is dropped is counted.
#[derive(Debug)]
pub(super) struct Queue<P> {
    next: P,
    counts: Counts,
}

impl<P> Queue<P> {
    pub(super) const fn new(next: P, counts: Counts) -> Self {
        Self { next, counts }
    }
}

impl<P: SpanProcessor> SpanProcessor for Queue<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.next.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.counts.enter() {
            self.next.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.next.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.next.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.next.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_bounded_and_the_rest_is_counted() {
        let counts = Counts::new().unwrap();
        assert_eq!((0..WAITING + 7).filter(|_| counts.enter()).count(), WAITING);
        assert_eq!(counts.dropped.get(), 7);
        counts.leave(2);
        assert_eq!([(); 3].map(|()| counts.enter()), [true, true, false], "who left makes room");
    }
}
