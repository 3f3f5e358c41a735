//! What the server itself counts: requests. The rest is read from the other crates at every scrape.

use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry};

/// Requests to the public listener.
#[derive(Clone, Debug)]
pub(crate) struct HttpMetrics {
    requests: IntCounterVec,
    durations: HistogramVec,
    under_way: IntGauge,
}

/// A request that is being answered, until it is dropped.
#[must_use = "the request counts until it is dropped"]
pub(crate) struct UnderWay(IntGauge);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Upper bounds in seconds: an in-memory answer takes 1 ms, a password check 50, a picture a second.
const BUCKETS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

impl HttpMetrics {
    /// Makes the metrics known.
    ///
    /// # Errors
    /// When `registry` has them already.
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let requests = IntCounterVec::new(
            Opts::new("hubbub_http_requests_total", "Requests answered, by route pattern, method and status."),
            &["route", "method", "status"],
        )?;
        let durations = HistogramVec::new(
            HistogramOpts::new("hubbub_http_request_duration_seconds", "Time from request head to response head.")
                .buckets(BUCKETS.to_vec()),
            &["route", "method"],
        )?;
        let under_way = IntGauge::new("hubbub_http_requests_under_way", "Requests that are being answered.")?;
        registry.register(Box::new(under_way.clone()))?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(durations.clone()))?;
        Ok(Self { requests, durations, under_way })
    }

    /// Counts a request as being answered.
    pub(crate) fn begin(&self) -> UnderWay {
        self.under_way.inc();
        UnderWay(self.under_way.clone())
    }

    /// Counts a request.
    pub(crate) fn observe(&self, method: &str, route: &str, status: u16, duration: Duration) {
        self.requests.with_label_values(&[route, method, status.to_string().as_str()]).inc();
        self.durations.with_label_values(&[route, method]).observe(duration.as_secs_f64());
    }
}
