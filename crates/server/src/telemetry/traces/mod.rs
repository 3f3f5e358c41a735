//! Traces for an OpenTelemetry collector, where one is configured: what of it all is told, and to whom.
//!
//! Nothing here waits for the collector. A span that ends is put into a bounded queue; a thread of its own takes batches from
//! there and gives them to the exporter.

mod exporter;
mod queue;

use std::time::Duration;

use axum::http::{HeaderMap, Uri};
use opentelemetry::KeyValue;
use opentelemetry::trace::{Status, TraceContextExt, TracerProvider};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use prometheus::Registry;
use tokio::runtime::Handle;
use tracing::{Level, Metadata, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, LevelFilter};
use tracing_subscriber::registry::LookupSpan;

use self::exporter::Exporter;
pub(crate) use self::queue::Counts;
use self::queue::Queue;

/// The target of spans that are of no interest: requests for the web client's files, and whether the server is well.
pub(crate) const QUIET: &str = "hubbub::quiet";

/// Spans that wait at most, those under way included. A join is three of them; more would only take memory while the collector
/// is away.
const WAITING: usize = 4096;

/// Spans in one delivery at most.
const BATCH: usize = 512;

/// How long a span waits for others to go with.
const PAUSE: Duration = Duration::from_secs(2);

/// Where traces go, and how many.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) endpoint: Uri,
    /// Sensitive.
    pub(crate) headers: HeaderMap,
    pub(crate) service_name: String,
    /// Of requests, 0 to 1.
    pub(crate) ratio: f64,
    /// For one delivery.
    pub(crate) timeout: Duration,
}

/// Traces that are being sent.
#[derive(Debug)]
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    counts: Counts,
}

impl Traces {
    /// Starts the thread that sends them; connections are made on `runtime`.
    ///
    /// # Errors
    /// When the system has no certificates to believe in, and the collector is to be reached by https.
    pub(crate) fn start(config: Config, runtime: Handle) -> anyhow::Result<Self> {
        let counts = Counts::new()?;
        let resource = Resource::builder_empty()
            .with_attributes([
                KeyValue::new("service.name", config.service_name.clone()),
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            ])
            .build();
        let ratio = config.ratio;
        let exporter = Exporter::new(config, runtime, counts.clone())?;
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(WAITING)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(PAUSE)
            .build();
        let batches = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio))))
            .with_span_processor(Queue::new(batches, counts.clone()))
            .build();
        Ok(Self { provider, counts })
    }

    /// What turns our spans into theirs.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("hubbub"))
            // Parents are those of `tracing`, or the ones `continuation` sets.
            .with_context_activation(false)
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(FilterFn::new(may_be_told).with_max_level_hint(LevelFilter::DEBUG))
    }

    /// Makes it known how many were sent.
    ///
    /// # Errors
    /// When `registry` has them already.
    pub(crate) fn register(&self, registry: &Registry) -> prometheus::Result<()> {
        self.counts.register(registry)
    }

    /// Sends what waits, for `patience` at most, and ends.
    pub(crate) async fn shutdown(self, patience: Duration) {
        let ended = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(patience));
        if !matches!(ended.await, Ok(Ok(()))) {
            tracing::warn!("the last traces were not delivered in time");
        }
    }
}

/// Less than what may be logged: our own modules only, and below `info` only the steps of a join.
fn may_be_told(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let steps = target.starts_with("hubbub_signaling") && *metadata.level() <= Level::DEBUG;
    target.starts_with("hubbub") && target != QUIET && (steps || *metadata.level() <= Level::INFO)
}

/// What makes other spans part of this span's trace; `None` while nobody collects them.
pub(crate) fn continuation(span: &Span) -> Option<hubbub_signaling::Trace> {
    let context = span.context().span().span_context().clone();
    context.is_valid().then(|| {
        hubbub_signaling::Trace::new(move |span: &Span| {
            let parent = opentelemetry::Context::new().with_remote_span_context(context.clone());
            // It fails for spans that nobody collects.
            let _ = span.set_parent(parent);
        })
    })
}

/// Says of the current request's span what the log says of the request.
pub(crate) fn describe(method: &'static str, route: &str, status: u16) {
    let span = Span::current();
    span.set_attribute("http.method", method);
    span.set_attribute("http.route", route.to_owned());
    span.set_attribute("http.status", i64::from(status));
    if status >= 500 {
        span.set_status(Status::error("the request failed"));
    }
}
