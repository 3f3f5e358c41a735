//! Batches of spans as OTLP, posted to the collector (opentelemetry.io/docs/specs/otlp, "OTLP/HTTP").

use std::error::Error;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::http::header::{CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_http::{Bytes, HttpClient, ResponseExt};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use parking_lot::Mutex;
use prost::Message;
use rustls::RootCertStore;
use tokio::runtime::Handle;

use super::Config;
use super::queue::Counts;
use crate::causes::with_causes;
use crate::tls::trust;

/// How often it is said at most that the collector takes nothing.
const QUIET: Duration = Duration::from_secs(60);

/// What sends batches.
#[derive(Debug)]
pub(super) struct Exporter {
    client: HyperClient<HttpsConnector<HttpConnector>>,
    /// Connections need one; the thread that exports has none.
    runtime: Handle,
    endpoint: Uri,
    headers: HeaderMap,
    resource: ResourceAttributesWithSchema,
    counts: Counts,
    reporter: Mutex<Reporter>,
}

impl Exporter {
    /// # Errors
    /// When the collector is to be reached by https, and this machine believes nobody.
    pub(super) fn new(config: Config, runtime: Handle, counts: Counts) -> anyhow::Result<Self> {
        let secure = config.endpoint.scheme_str() == Some("https");
        let roots = if secure { trust::roots().map_err(anyhow::Error::msg)? } else { RootCertStore::empty() };
        let tls = trust::client(roots).context("TLS for traces.endpoint cannot be had")?;
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_all_versions().build();
        let client = HyperClient::new(connector, config.timeout, None);
        let mut headers = config.headers;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(concat!("hubbub/", env!("CARGO_PKG_VERSION"))));
        let reporter = Mutex::new(Reporter::default());
        let resource = ResourceAttributesWithSchema::default();
        Ok(Self { client, runtime, endpoint: config.endpoint, headers, resource, counts, reporter })
    }

    /// Posts one batch; how many spans of it the collector refused.
    async fn post(&self, batch: Vec<SpanData>) -> Result<u64, Box<dyn Error + Send + Sync>> {
        let spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let body = ExportTraceServiceRequest { resource_spans: spans }.encode_to_vec();
        let mut request = Request::post(&self.endpoint).body(Bytes::from(body))?;
        request.headers_mut().clone_from(&self.headers);
        let client = self.client.clone();
        let response = self.runtime.spawn(async move { client.send_bytes(request).await }).await??;
        let answer = response.error_for_status()?.into_body();
        let refused = ExportTraceServiceResponse::decode(answer).ok().and_then(|answer| answer.partial_success);
        Ok(refused.map_or(0, |refused| u64::try_from(refused.rejected_spans).unwrap_or(0)))
    }
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let number = batch.len();
        let spans = u64::try_from(number).unwrap_or(u64::MAX);
        let posted = self.post(batch).await;
        self.counts.leave(number);
        let (refused, problem) = match &posted {
            Ok(0) => (0, None),
            Ok(refused) => (*refused.min(&spans), Some(format!("it refused {refused} of {spans} spans"))),
            // None of its texts repeats headers or the address.
            Err(error) => (spans, Some(with_causes(&**error))),
        };
        self.counts.exported.inc_by(spans - refused);
        self.counts.failed.inc_by(refused);
        self.reporter.lock().report(problem.as_deref(), refused, Instant::now());
        posted.map(drop).map_err(|_| OTelSdkError::InternalFailure("a delivery failed".to_owned()))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}

/// Says once that deliveries fail, and once that they work again, however many there are.
#[derive(Debug, Default)]
struct Reporter {
    /// Spans lost since it was said.
    failing: Option<u64>,
    said: Option<Instant>,
}

/// What there is to say.
#[derive(Debug, PartialEq, Eq)]
enum News {
    Fails,
    WorksAgain(u64),
}

impl Reporter {
    fn report(&mut self, problem: Option<&str>, lost: u64, now: Instant) {
        match self.news(problem.is_some(), lost, now) {
            Some(News::Fails) => tracing::warn!(
                error = problem.unwrap_or_default(),
                "the collector of traces.endpoint does not take traces; they are given up until it does"
            ),
            Some(News::WorksAgain(lost)) => {
                tracing::info!(traces.lost = lost, "the collector of traces.endpoint takes traces again");
            }
            None => {}
        }
    }

    fn news(&mut self, fails: bool, lost: u64, now: Instant) -> Option<News> {
        match (&mut self.failing, fails) {
            (Some(before), true) => {
                *before += lost;
                None
            }
            (None, true) if self.said.is_none_or(|said| now.duration_since(said) >= QUIET) => {
                (self.failing, self.said) = (Some(lost), Some(now));
                Some(News::Fails)
            }
            (Some(before), false) => {
                let lost = *before;
                self.failing = None;
                Some(News::WorksAgain(lost))
            }
            (None, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_that_comes_and_goes_does_not_fill_the_log() {
        let (mut reporter, start) = (Reporter::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(reporter.news(false, 0, at(0)), None);
        assert_eq!(reporter.news(true, 5, at(1)), Some(News::Fails));
        assert_eq!(reporter.news(true, 5, at(2)), None);
        assert_eq!(reporter.news(true, 5, at(100)), None);
        assert_eq!(reporter.news(false, 0, at(101)), Some(News::WorksAgain(15)));
        assert_eq!(reporter.news(true, 1, at(102)), Some(News::Fails), "the last time was long ago");
        assert_eq!(reporter.news(false, 0, at(103)), Some(News::WorksAgain(1)));
        assert_eq!([reporter.news(true, 1, at(104)), reporter.news(false, 0, at(105))], [None, None]);
    }
}
