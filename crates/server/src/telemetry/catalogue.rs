//! `docs/METRICS.md` is made of the metrics themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use hubbub_sfu::{Metrics, WorkerMetrics};
use prometheus::Registry;
use prometheus::proto::{MetricFamily, MetricType};

use super::metrics::HttpMetrics;
use super::node::Node;
use super::process::Process;
use super::tls::TlsMetrics;
use super::traces;
use super::{media, rooms, services};
use crate::http::places::Places;

const INTRODUCTION: &str = "\
# Metrics

Hubbub tells Prometheus how it is at `/metrics` on a listener of its own (`metrics.bind`, 127.0.0.1:9464 by default). This page is
made from the code by `HUBBUB_UPDATE=1 cargo test -p hubbub-server catalogue`; a test compares it.

- Labels have few values: workers, reasons, route patterns; never an address, a name or what somebody sent. Ids of rooms and
  participants are in `/metrics/rooms` only, which has the largest rooms and is bounded by `metrics.rooms` and
  `metrics.peers_per_room`.
- Everything that can be counted is there from the start, at 0. The requests of a route appear with the first one.
- Numbers are up to a quarter of a second old, those of `/metrics/rooms` up to a second. Scraping more often costs nothing and
  brings nothing.
- `hubbub_tls_` is there with a certificate of its own only ([TLS.md](TLS.md)).
- `hubbub_traces_` is there with a collector of traces only (`traces.endpoint`).
- Histograms have `_bucket`, `_sum` and `_count`, as usual.

Dashboards and alert rules for them are in [grafana](../grafana/README.md), what to do about an alert in
[RUNBOOK.md](RUNBOOK.md).
";

/// The chapters, by the beginnings of their metrics' names. What fits nowhere fails the test.
const CHAPTERS: [(&str, &[&str]); 6] = [
    ("Media", &["hubbub_sfu_"]),
    ("Signaling", &["hubbub_signaling_"]),
    ("HTTP, TLS, accounts and mail", &["hubbub_http_", "hubbub_tls_", "hubbub_api_", "hubbub_auth_", "hubbub_mail"]),
    ("Database", &["hubbub_storage_"]),
    ("Process and machine", &["hubbub_build_", "hubbub_runtime_", "hubbub_data_", "hubbub_traces_", "process_"]),
    ("Single rooms, at `/metrics/rooms`", &["hubbub_room"]),
];

/// Labels whose values are not listed.
const OPEN: [(&str, &str); 8] = [
    ("worker", "the number of the media worker, from 0"),
    ("route", "the pattern of the route; `web-client` for the web client's files"),
    ("status", "the HTTP status"),
    ("version", "of Hubbub"),
    ("room", "the room's id"),
    ("peer", "the id of a participant: a seat in a room"),
    ("listener", "the id of the participant who hears"),
    ("speaker", "the id of the participant who is heard"),
];

async fn families() -> Vec<MetricFamily> {
    let media = Metrics { workers: vec![WorkerMetrics::default()], ..Metrics::default() };
    let mut families = media::families(&media);
    families.extend(services::signaling(&hubbub_signaling::MetricsSnapshot::default()));
    families.push(services::api(&hubbub_api::Metrics::default().rate_limited()));
    families.extend(services::accounts(&hubbub_auth::MetricsSnapshot::default()));
    families.extend(services::storage(&hubbub_storage::MetricsSnapshot::default()));
    families.extend(Node::new(Path::new("/")).families());
    families.extend(rooms::sample());
    let registry = Registry::new();
    registry.register(Box::new(Process::default())).unwrap();
    let http = HttpMetrics::register(&registry).unwrap();
    TlsMetrics::register(&registry).unwrap();
    traces::Counts::new().unwrap().register(&registry).unwrap();
    Places::new(1, &registry).unwrap();
    drop(http.begin());
    http.observe("GET", "/api/rooms", 200, Duration::ZERO);
    families.extend(registry.gather());
    families
}

fn kind(family: &MetricFamily) -> &'static str {
    match family.get_field_type() {
        MetricType::COUNTER => "counter",
        MetricType::GAUGE => "gauge",
        MetricType::HISTOGRAM => "histogram",
        other => panic!("{}: {other:?} is none of ours", family.name()),
    }
}

/// Prometheus has the unit in the name.
fn unit(name: &str) -> &'static str {
    let name = name.strip_suffix("_total").unwrap_or(name);
    match name.rsplit_once('_').map_or("", |(_, unit)| unit) {
        "seconds" => "seconds",
        "bytes" => "bytes",
        "ratio" => "0 to 1",
        _ => "",
    }
}

fn labels(family: &MetricFamily) -> String {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for pair in family.get_metric().iter().flat_map(|metric| metric.get_label()) {
        all.entry(pair.name().to_owned()).or_default().insert(pair.value().to_owned());
    }
    let label = |(name, values): (String, BTreeSet<String>)| {
        if OPEN.iter().any(|(open, _)| *open == name) || name == "method" {
            return format!("`{name}`");
        }
        format!("`{name}`: {}", values.into_iter().collect::<Vec<_>>().join(", "))
    };
    all.into_iter().map(label).collect::<Vec<_>>().join("; ")
}

async fn document() -> String {
    let mut all = families().await;
    all.sort_by(|a, b| a.name().cmp(b.name()));
    for pair in all.windows(2) {
        assert_ne!(pair[0].name(), pair[1].name(), "two metrics of one name");
    }
    let mut text = INTRODUCTION.to_owned();
    text.push_str("\nLabels whose values are not listed with their metric:\n\n| label | value |\n|---|---|\n");
    for (label, about) in OPEN {
        writeln!(text, "| `{label}` | {about} |").unwrap();
    }
    for (chapter, prefixes) in CHAPTERS {
        write!(text, "\n## {chapter}\n\n| name | type | unit | labels | meaning |\n|---|---|---|---|---|\n").unwrap();
        let (here, others): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|family| prefixes.iter().any(|prefix| family.name().starts_with(prefix)));
        all = others;
        for family in here {
            let (name, help) = (family.name(), family.help());
            writeln!(text, "| `{name}` | {} | {} | {} | {help} |", kind(&family), unit(name), labels(&family)).unwrap();
        }
    }
    assert!(all.is_empty(), "in no chapter: {:?}", all.iter().map(MetricFamily::name).collect::<Vec<_>>());
    text
}

#[tokio::test]
async fn the_page_of_metrics_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/METRICS.md");
    let fresh = document().await;
    if std::env::var_os("HUBBUB_UPDATE").is_some() {
        std::fs::write(&path, &fresh).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == fresh, "docs/METRICS.md is stale; run HUBBUB_UPDATE=1 cargo test -p hubbub-server catalogue");
}

#[tokio::test]
async fn names_follow_the_conventions() {
    for family in families().await {
        let name = family.name();
        assert!(name.starts_with("hubbub_") || name.starts_with("process_"), "{name}");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{name}");
        assert_eq!(name.ends_with("_total"), kind(&family) == "counter", "{name} is a {}", kind(&family));
        assert!(!family.help().is_empty() && family.help().ends_with('.'), "{name}: {:?}", family.help());
        assert!(!family.get_metric().is_empty(), "{name} has no sample");
    }
}
