//! Numbers that other crates keep as plain integers, turned into metrics when Prometheus asks.

use std::collections::HashMap;

use hubbub_sfu::{
    AdmitError, DropReason, JITTER_BOUNDS, JOIN_TIME_BUCKETS_MS, LOSS_BOUNDS, LostReason, Quality, ROUND_TRIP_BOUNDS,
    SendError, Sfu, WorkerMetrics,
};
use hubbub_signaling::{MetricsSnapshot, Signaling, TIME_BUCKETS};
use prometheus::core::{Collector, Desc};
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};

/// Reads the media plane and the signaling at every scrape.
pub(crate) struct Snapshots {
    sfu: Sfu,
    signaling: Signaling,
    desc: Desc,
}

impl Snapshots {
    /// A collector for both.
    ///
    /// # Errors
    /// Never in practice: the name and help text are ours.
    pub(crate) fn new(sfu: Sfu, signaling: Signaling) -> prometheus::Result<Self> {
        let name = "hubbub_sfu_peers".to_owned();
        let desc = Desc::new(name, "Everything read from the other crates.".to_owned(), Vec::new(), HashMap::new())?;
        Ok(Self { sfu, signaling, desc })
    }
}

impl Collector for Snapshots {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let media = self.sfu.metrics();
        let mut families = sfu(&media.workers);
        families.push(joins_refused(&media));
        families.extend(signaling(&self.signaling.metrics()));
        families
    }
}

fn sfu(workers: &[WorkerMetrics]) -> Vec<MetricFamily> {
    let each = |value: fn(&WorkerMetrics) -> u64| -> Vec<Sample> {
        let labelled = |(index, worker)| (vec![("worker", format!("{index}"))], value(worker));
        workers.iter().enumerate().map(labelled).collect()
    };
    let mut families = vec![
        gauge("hubbub_sfu_peers", "Peers known, connected or not.", each(|w| w.peers)),
        gauge("hubbub_sfu_peers_connected", "Peers connected.", each(|w| w.connected)),
        gauge("hubbub_sfu_calls", "Calls with at least one peer.", each(|w| w.calls)),
        gauge("hubbub_sfu_tcp_connections", "Open media connections over TCP.", each(|w| w.tcp_connections)),
        counter("hubbub_sfu_packets_in_total", "Datagrams and frames received.", each(|w| w.packets_in)),
        counter("hubbub_sfu_packets_out_total", "Datagrams and frames sent.", each(|w| w.packets_out)),
        counter("hubbub_sfu_bytes_in_total", "Bytes received, without UDP, TCP and IP headers.", each(|w| w.bytes_in)),
        counter("hubbub_sfu_bytes_out_total", "Bytes sent, without UDP, TCP and IP headers.", each(|w| w.bytes_out)),
        counter("hubbub_sfu_rtp_in_total", "Authentic RTP packets received.", each(|w| w.rtp_in)),
        counter("hubbub_sfu_rtp_out_total", "RTP packets sent to listeners.", each(|w| w.rtp_out)),
        counter(
            "hubbub_sfu_relayed_out_total",
            "RTP packets passed on to other workers, one for each of them.",
            each(|w| w.relayed_out),
        ),
        counter("hubbub_sfu_relayed_in_total", "RTP packets that came from other workers.", each(|w| w.relayed_in)),
        counter(
            "hubbub_sfu_red_stripped_total",
            "RTP packets sent without their redundant audio, to listeners who do not have it.",
            each(|w| w.red_stripped),
        ),
        counter(
            "hubbub_sfu_red_recovered_total",
            "Packets lost on the way here that came inside a later one's redundancy.",
            each(|w| w.red_recovered),
        ),
        counter("hubbub_sfu_nacks_in_total", "Packets that listeners asked for again.", each(|w| w.nacks_in)),
        counter(
            "hubbub_sfu_retransmitted_total",
            "Packets sent again to listeners who asked.",
            each(|w| w.retransmitted),
        ),
        counter("hubbub_sfu_nacks_out_total", "Packets that publishers were asked for again.", each(|w| w.nacks_out)),
        counter(
            "hubbub_sfu_nacks_answered_total",
            "Packets that came after a publisher had been asked for them again.",
            each(|w| w.nacks_answered),
        ),
        counter(
            "hubbub_sfu_lost_uplink_total",
            "Packets that got lost from a publisher to here, as their sequence numbers say.",
            each(|w| w.lost_uplink),
        ),
        counter(
            "hubbub_sfu_lost_downlink_total",
            "Packets that got lost from here to a listener, as listeners report.",
            each(|w| w.lost_downlink),
        ),
        counter("hubbub_sfu_offers_rejected_total", "Offers that were refused.", each(|w| w.offers_rejected)),
        counter(
            "hubbub_sfu_migrations_total",
            "Connected peers that moved to another address.",
            each(|w| w.migrations),
        ),
        counter(
            "hubbub_sfu_gso_sends_total",
            "Sends of several datagrams at once, cut apart by the system (UDP GSO).",
            each(|w| w.gso_sends),
        ),
        counter("hubbub_sfu_gso_segments_total", "Datagrams in those sends.", each(|w| w.gso_segments)),
        counter(
            "hubbub_sfu_gso_fallbacks_total",
            "Sends of several datagrams that the system refused, so that each went by itself.",
            each(|w| w.gso_fallbacks),
        ),
        counter(
            "hubbub_sfu_receive_drops_total",
            "Datagrams that arrived and found no room in the socket's buffer.",
            each(|w| w.receive_drops),
        ),
        counter(
            "hubbub_sfu_late_ticks_total",
            "Times that something was due and got its turn more than 20 ms late.",
            each(|w| w.late_ticks),
        ),
        counter("hubbub_sfu_worker_restarts_total", "Workers started again after a panic.", each(|w| w.restarts)),
    ];
    families.extend(work(workers));
    let sum = |value: &dyn Fn(&WorkerMetrics) -> u64| workers.iter().map(value).sum::<u64>();
    let drops = DropReason::ALL.iter().map(|&r| (vec![("reason", r.as_str().to_owned())], sum(&|w| w.dropped(r))));
    families.push(counter(
        "hubbub_sfu_dropped_total",
        "What arrived and was not passed on, by reason.",
        drops.collect(),
    ));
    let errors = SendError::ALL.iter().enumerate();
    let errors = errors.map(|(i, e)| (vec![("kind", e.as_str().to_owned())], sum(&|w| w.send_errors[i])));
    families.push(counter(
        "hubbub_sfu_send_errors_total",
        "Datagrams the system did not take, by kind.",
        errors.collect(),
    ));
    let losts = LostReason::ALL.iter().enumerate();
    let losts = losts.map(|(i, r)| (vec![("reason", r.as_str().to_owned())], sum(&|w| w.losts[i])));
    families.push(counter("hubbub_sfu_connections_lost_total", "Connections lost, by reason.", losts.collect()));
    families.push(join_times(workers));
    families.extend(quality(workers));
    families
}

/// How busy each worker is.
fn work(workers: &[WorkerMetrics]) -> [MetricFamily; 2] {
    let each = |value: fn(&WorkerMetrics) -> f64| -> Vec<Sample<f64>> {
        let labelled = |(index, worker)| (vec![("worker", format!("{index}"))], value(worker));
        workers.iter().enumerate().map(labelled).collect()
    };
    let seconds = each(|worker| worker.busy.as_secs_f64());
    let share = each(|worker| f64::from(worker.busy_permille) / 1000.0);
    [
        counter_f64("hubbub_sfu_busy_seconds_total", "Time spent working, not waiting.", seconds),
        gauge_f64("hubbub_sfu_busy_ratio", "The share of the last second spent working.", share),
    ]
}

fn joins_refused(media: &hubbub_sfu::Metrics) -> MetricFamily {
    let reasons = AdmitError::ALL.iter().zip(media.joins_refused);
    let samples = reasons.map(|(reason, count)| (vec![("reason", reason.as_str().to_owned())], count));
    counter("hubbub_sfu_joins_refused_total", "Joins refused because no worker has room, by reason.", samples.collect())
}

fn signaling(now: &MetricsSnapshot) -> Vec<MetricFamily> {
    let one = |value: u64| vec![(Vec::new(), value)];
    let by = |label: &'static str, counts: &[(&'static str, u64)]| -> Vec<Sample> {
        counts.iter().map(|(name, count)| (vec![(label, (*name).to_owned())], *count)).collect()
    };
    let prefix = |name: &str| format!("hubbub_signaling_{name}");
    vec![
        gauge(&prefix("sockets"), "Open WebSockets.", one(now.sockets)),
        gauge(&prefix("participants"), "Taken seats, those waiting for their socket included.", one(now.participants)),
        gauge(&prefix("rooms"), "Rooms with somebody in them.", one(now.rooms)),
        counter(&prefix("messages_received_total"), "Messages received, by type.", by("type", &now.messages_in)),
        counter(&prefix("messages_sent_total"), "Messages queued for clients, by type.", by("type", &now.messages_out)),
        counter(&prefix("errors_total"), "Errors sent, by code.", by("code", &now.errors)),
        counter(
            &prefix("media_problems_total"),
            "Media connections that did not come about, as clients tell, by the step that failed.",
            by("step", &now.media_problems),
        ),
        counter(&prefix("handshakes_refused_total"), "WebSocket handshakes refused.", one(now.handshakes_refused)),
        counter(&prefix("resumes_total"), "Seats that got their socket back.", one(now.resumes)),
        counter(&prefix("resumes_failed_total"), "Resume tokens that found no seat.", one(now.resumes_failed)),
        counter(&prefix("seats_timed_out_total"), "Seats whose socket did not come back.", one(now.seats_timed_out)),
        counter(&prefix("slow_readers_total"), "Sockets closed for reading too slowly.", one(now.slow_readers)),
        counter(&prefix("floods_total"), "Sockets closed for ignoring the rate limit.", one(now.floods)),
        times(&prefix("join_seconds"), "From join to joined.", &now.join_time),
        times(&prefix("media_setup_seconds"), "From an offer to audio flowing.", &now.media_setup_time),
    ]
}

fn times(name: &str, help: &str, times: &hubbub_signaling::Histogram) -> MetricFamily {
    let buckets = TIME_BUCKETS.iter().copied().zip(times.buckets.iter().copied());
    histogram(name, help, buckets, times.count, times.sum)
}

fn join_times(workers: &[WorkerMetrics]) -> MetricFamily {
    let mut cumulative = 0;
    let buckets = JOIN_TIME_BUCKETS_MS.iter().enumerate().map(|(index, bound)| {
        cumulative += workers.iter().map(|w| w.join_times.buckets[index]).sum::<u64>();
        (std::time::Duration::from_millis(*bound).as_secs_f64(), cumulative)
    });
    let count = workers.iter().map(|w| w.join_times.count()).sum();
    let sum = workers.iter().map(|w| w.join_times.sum.as_secs_f64()).sum();
    histogram("hubbub_sfu_join_seconds", "From the offer to DTLS being done.", buckets, count, sum)
}

/// What RTCP reports say of the peers' networks. One value a report, so that a peer counts as often as it reports.
fn quality(workers: &[WorkerMetrics]) -> [MetricFamily; 3] {
    let each = |bounds: &[u64; 8], direction: Option<&str>, read: fn(&Quality) -> &hubbub_sfu::Histogram| {
        let all = || workers.iter().map(|worker| read(&worker.quality));
        let mut cumulative = 0;
        let buckets = bounds.iter().enumerate().map(|(index, bound)| {
            cumulative += all().map(|histogram| histogram.buckets[index]).sum::<u64>();
            (millionths(*bound), cumulative)
        });
        let count = all().flat_map(|histogram| histogram.buckets).sum();
        let sum = millionths(all().map(|histogram| histogram.sum).sum());
        let labels = direction.map(|direction| ("direction", direction.to_owned()));
        histogram_metric(labels.into_iter().collect(), buckets, count, sum)
    };
    let trips = vec![each(&ROUND_TRIP_BOUNDS, None, |q| &q.round_trip)];
    let jitter = vec![
        each(&JITTER_BOUNDS, Some("uplink"), |q| &q.uplink.jitter),
        each(&JITTER_BOUNDS, Some("downlink"), |q| &q.downlink.jitter),
    ];
    let loss = vec![
        each(&LOSS_BOUNDS, Some("uplink"), |q| &q.uplink.loss),
        each(&LOSS_BOUNDS, Some("downlink"), |q| &q.downlink.loss),
    ];
    let family = |name: &str, help: &str, metrics| family(name, help, MetricType::HISTOGRAM, metrics);
    [
        family("hubbub_sfu_round_trip_seconds", "To listeners and back, as their reports say.", trips),
        family("hubbub_sfu_jitter_seconds", "Interarrival jitter (RFC 3550), a value a report.", jitter),
        family("hubbub_sfu_loss_ratio", "Share of the packets since the last report that got lost.", loss),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus has no integers; exact up to 2^53")]
fn millionths(value: u64) -> f64 {
    value as f64 / 1e6
}

/// `buckets` are upper bounds and cumulative counts.
fn histogram(name: &str, help: &str, buckets: impl Iterator<Item = (f64, u64)>, count: u64, sum: f64) -> MetricFamily {
    family(name, help, MetricType::HISTOGRAM, vec![histogram_metric(Vec::new(), buckets, count, sum)])
}

fn histogram_metric(
    names: Vec<(&'static str, String)>,
    buckets: impl Iterator<Item = (f64, u64)>,
    count: u64,
    sum: f64,
) -> Metric {
    let bucket = |(bound, cumulative)| {
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(bound);
        bucket.set_cumulative_count(cumulative);
        bucket
    };
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets.map(bucket).collect());
    histogram.set_sample_count(count);
    histogram.set_sample_sum(sum);
    let mut metric = Metric::from_label(labels(names));
    metric.set_histogram(histogram);
    metric
}

/// Labels and a value.
type Sample<T = u64> = (Vec<(&'static str, String)>, T);

#[expect(clippy::cast_precision_loss, reason = "Prometheus has no integers; exact up to 2^53")]
fn float(samples: Vec<Sample>) -> Vec<Sample<f64>> {
    samples.into_iter().map(|(labels, value)| (labels, value as f64)).collect()
}

fn gauge(name: &str, help: &str, samples: Vec<Sample>) -> MetricFamily {
    gauge_f64(name, help, float(samples))
}

fn gauge_f64(name: &str, help: &str, samples: Vec<Sample<f64>>) -> MetricFamily {
    let metrics = samples.into_iter().map(|(names, value)| {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        let mut metric = Metric::from_label(labels(names));
        metric.set_gauge(gauge);
        metric
    });
    family(name, help, MetricType::GAUGE, metrics.collect())
}

fn counter(name: &str, help: &str, samples: Vec<Sample>) -> MetricFamily {
    counter_f64(name, help, float(samples))
}

fn counter_f64(name: &str, help: &str, samples: Vec<Sample<f64>>) -> MetricFamily {
    let metrics = samples.into_iter().map(|(names, value)| {
        let mut counter = Counter::default();
        counter.set_value(value);
        let mut metric = Metric::from_label(labels(names));
        metric.set_counter(counter);
        metric
    });
    family(name, help, MetricType::COUNTER, metrics.collect())
}

fn labels(names: Vec<(&'static str, String)>) -> Vec<LabelPair> {
    let pair = |(name, value): (&str, String)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value);
        pair
    };
    names.into_iter().map(pair).collect()
}

fn family(name: &str, help: &str, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}
