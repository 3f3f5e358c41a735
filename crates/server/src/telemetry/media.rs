//! The media plane as metrics.

use std::time::Duration;

use hubbub_sfu::{
    AdmitError, DropReason, FORWARD_BOUNDS, GSO_BOUNDS, Histogram, JITTER_BOUNDS, JOIN_TIME_BUCKETS_MS, JoinPhase,
    JoinTimes, LOSS_BOUNDS, LostReason, Metrics, ROUND_TRIP_BOUNDS, Route, SendError, SetupFailure, WorkerMetrics,
};
use prometheus::proto::MetricFamily;

use super::families::{Distribution, Labels, Sample, counter, counter_f64, float, gauge, gauge_f64, histogram, one};

/// Everything the media plane counts.
pub(crate) fn families(now: &Metrics) -> Vec<MetricFamily> {
    let workers = &now.workers;
    let mut families = presence(workers);
    families.extend(traffic(workers));
    families.extend(repair(workers));
    families.extend(work(workers));
    families.extend(reasons(workers));
    families.extend(joining(now));
    families.extend(quality(workers));
    families
}

/// A sample a worker.
fn each<T>(workers: &[WorkerMetrics], value: impl Fn(&WorkerMetrics) -> T) -> Vec<Sample<T>> {
    let labelled = |(index, worker)| (vec![("worker", format!("{index}"))], value(worker));
    workers.iter().enumerate().map(labelled).collect()
}

/// A sample a kind, with its name in `label` and the value that goes with its place among `all`.
fn kinds<K: Copy, T>(
    label: &'static str,
    all: &[K],
    name: fn(K) -> &'static str,
    value: impl Fn(usize) -> T,
) -> Vec<Sample<T>> {
    let labelled = |(index, kind): (usize, &K)| (vec![(label, name(*kind).to_owned())], value(index));
    all.iter().enumerate().map(labelled).collect()
}

fn sum(workers: &[WorkerMetrics], value: impl Fn(&WorkerMetrics) -> u64) -> u64 {
    workers.iter().map(value).sum()
}

fn presence(workers: &[WorkerMetrics]) -> Vec<MetricFamily> {
    let each = |value: fn(&WorkerMetrics) -> u64| each(workers, value);
    let routes = Route::ALL.iter().enumerate().map(|(index, route)| {
        let labels: Labels = vec![
            ("protocol", route.protocol.as_str().to_owned()),
            ("family", route.family.as_str().to_owned()),
            ("relayed", route.relayed.to_string()),
        ];
        (labels, sum(workers, |worker| worker.routes[index]))
    });
    vec![
        gauge("hubbub_sfu_peers", "Peers known, connected or not.", each(|w| w.peers)),
        gauge("hubbub_sfu_peers_connected", "Peers connected.", each(|w| w.connected)),
        gauge(
            "hubbub_sfu_calls",
            "Calls with at least one peer, those of connection tests included.",
            each(|w| w.calls),
        ),
        gauge("hubbub_sfu_publishers", "Connected peers whose microphone has sent packets.", each(|w| w.publishers)),
        gauge("hubbub_sfu_listeners", "Connected peers with slots that may hear others.", each(|w| w.listeners)),
        gauge(
            "hubbub_sfu_routes",
            "Connected peers, by how their packets come and go: protocol, address family, and whether relayed (by a TURN server, as \
             the client says). Whether an address is a host's, server- or peer-reflexive is not seen from here.",
            routes.collect(),
        ),
        gauge("hubbub_sfu_tcp_connections", "Open media connections over TCP.", each(|w| w.tcp_connections)),
    ]
}

fn traffic(workers: &[WorkerMetrics]) -> Vec<MetricFamily> {
    let each = |value: fn(&WorkerMetrics) -> u64| each(workers, value);
    vec![
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
        histogram("hubbub_sfu_gso_batch_datagrams", "Datagrams in a send with UDP GSO.", {
            let sizes = total(workers, |worker| &worker.gso_sizes);
            let bounds = GSO_BOUNDS.iter().copied().map(float);
            one(Distribution::of(bounds, &sizes.buckets, float(sizes.sum)))
        }),
        counter(
            "hubbub_sfu_receive_drops_total",
            "Datagrams that arrived and found no room in the socket's buffer.",
            each(|w| w.receive_drops),
        ),
    ]
}

fn repair(workers: &[WorkerMetrics]) -> Vec<MetricFamily> {
    let each = |value: fn(&WorkerMetrics) -> u64| each(workers, value);
    vec![
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
    ]
}

/// How busy each worker is, and how long packets wait for it.
fn work(workers: &[WorkerMetrics]) -> Vec<MetricFamily> {
    let seconds = |value: fn(&WorkerMetrics) -> Duration| each(workers, |w| value(w).as_secs_f64());
    let share = |value: fn(&WorkerMetrics) -> u32| each(workers, |w| f64::from(value(w)) / 1000.0);
    let forward = total(workers, |worker| &worker.forward_times);
    let forward = millionths(&FORWARD_BOUNDS, &forward);
    vec![
        counter_f64(
            "hubbub_sfu_busy_seconds_total",
            "Time between waiting for packets and waiting for packets, with what others took of the core meanwhile.",
            seconds(|w| w.busy),
        ),
        gauge_f64(
            "hubbub_sfu_busy_ratio",
            "Share of the last second in which a worker did not wait for packets; media.max_busy_percent is about this one.",
            share(|w| w.busy_permille),
        ),
        counter_f64("hubbub_sfu_cpu_seconds_total", "CPU time of the worker's thread.", seconds(|w| w.cpu)),
        gauge_f64(
            "hubbub_sfu_cpu_ratio",
            "CPU time of the last second as a share of a core. Far below the busy share: others take the core away.",
            share(|w| w.cpu_permille),
        ),
        histogram(
            "hubbub_sfu_forward_seconds",
            "From reading a packet to its copies being handed to the system, a value a copy; without the time in the \
             socket's buffer before.",
            one(forward),
        ),
        counter(
            "hubbub_sfu_late_ticks_total",
            "Turns that began more than 20 ms late: the one before took too long, or the thread got no core.",
            each(workers, |w| w.late_ticks),
        ),
        counter(
            "hubbub_sfu_rests_total",
            "Times in which packets were left to gather for up to 2 ms, since the worker would have been woken a thousand times a second.",
            each(workers, |w| w.rests),
        ),
        counter(
            "hubbub_sfu_worker_restarts_total",
            "Workers started again after a panic.",
            each(workers, |w| w.restarts),
        ),
    ]
}

fn reasons(workers: &[WorkerMetrics]) -> Vec<MetricFamily> {
    let drops = kinds("reason", &DropReason::ALL, DropReason::as_str, |i| sum(workers, |w| w.drops[i]));
    let errors = kinds("kind", &SendError::ALL, SendError::as_str, |i| sum(workers, |w| w.send_errors[i]));
    let losts = kinds("reason", &LostReason::ALL, LostReason::as_str, |i| sum(workers, |w| w.losts[i]));
    vec![
        counter("hubbub_sfu_dropped_total", "What arrived and was not passed on, by reason.", drops),
        counter("hubbub_sfu_send_errors_total", "Datagrams the system did not take, by kind.", errors),
        counter("hubbub_sfu_connections_lost_total", "Connections lost, by reason.", losts),
        counter(
            "hubbub_sfu_migrations_total",
            "Connected peers that moved to another address.",
            each(workers, |w| w.migrations),
        ),
    ]
}

/// How joins go: refused, answered, connected, or failed half-way.
fn joining(now: &Metrics) -> Vec<MetricFamily> {
    let workers = &now.workers;
    let refused = kinds("reason", &AdmitError::ALL, AdmitError::as_str, |i| now.joins_refused[i]);
    let failures = kinds("cause", &SetupFailure::ALL, SetupFailure::as_str, |i| sum(workers, |w| w.setup_failures[i]));
    let phases =
        kinds("phase", &JoinPhase::ALL, JoinPhase::as_str, |i| join_times(workers.iter().map(|w| &w.join_phases[i])));
    vec![
        counter("hubbub_sfu_joins_refused_total", "Joins refused because no worker has room, by reason.", refused),
        counter("hubbub_sfu_offers_rejected_total", "Offers that were refused.", each(workers, |w| w.offers_rejected)),
        counter(
            "hubbub_sfu_setup_failures_total",
            "Connections that never came to be, by how far they got: ICE without any check (a firewall, or a wrong announced \
             address), ICE with wrong checks, DTLS not begun or not finished, DTLS failed, another certificate than the \
             offer's.",
            failures,
        ),
        histogram(
            "hubbub_sfu_join_seconds",
            "From the offer to DTLS being done.",
            one(join_times(workers.iter().map(|w| &w.join_times))),
        ),
        histogram(
            "hubbub_sfu_join_phase_seconds",
            "ice: from the offer to the first valid check; dtls: from there to keys; first_packet: from there to the \
             microphone's first packet.",
            phases,
        ),
    ]
}

fn join_times<'a>(all: impl Iterator<Item = &'a JoinTimes>) -> Distribution {
    let mut total = JoinTimes::default();
    for times in all {
        for (bucket, count) in total.buckets.iter_mut().zip(times.buckets) {
            *bucket += count;
        }
        total.sum += times.sum;
    }
    let bounds = JOIN_TIME_BUCKETS_MS.iter().map(|bound| Duration::from_millis(*bound).as_secs_f64());
    Distribution::of(bounds, &total.buckets, total.sum.as_secs_f64())
}

/// What RTCP reports say of the peers' networks. One value a report, so that a peer counts as often as it reports.
fn quality(workers: &[WorkerMetrics]) -> Vec<MetricFamily> {
    let both =
        |bounds: &[u64], uplink: fn(&WorkerMetrics) -> &Histogram, downlink: fn(&WorkerMetrics) -> &Histogram| {
            [("uplink", uplink), ("downlink", downlink)]
                .map(|(name, read)| (vec![("direction", name.to_owned())], millionths(bounds, &total(workers, read))))
                .to_vec()
        };
    let trips = millionths(&ROUND_TRIP_BOUNDS, &total(workers, |w| &w.quality.round_trip));
    let jitter = both(&JITTER_BOUNDS, |w| &w.quality.uplink.jitter, |w| &w.quality.downlink.jitter);
    let loss = both(&LOSS_BOUNDS, |w| &w.quality.uplink.loss, |w| &w.quality.downlink.loss);
    vec![
        histogram("hubbub_sfu_round_trip_seconds", "To listeners and back, as their reports say.", one(trips)),
        histogram("hubbub_sfu_jitter_seconds", "Interarrival jitter (RFC 3550), a value a report.", jitter),
        histogram("hubbub_sfu_loss_ratio", "Share of the packets since the last report that got lost.", loss),
    ]
}

fn total(workers: &[WorkerMetrics], read: impl Fn(&WorkerMetrics) -> &Histogram) -> Histogram {
    let mut total = Histogram::default();
    for histogram in workers.iter().map(read) {
        for (bucket, count) in total.buckets.iter_mut().zip(histogram.buckets) {
            *bucket += count;
        }
        total.sum += histogram.sum;
    }
    total
}

fn millionths(bounds: &[u64], values: &Histogram) -> Distribution {
    let share = |value: u64| float(value) / 1e6;
    Distribution::of(bounds.iter().copied().map(share), &values.buckets, share(values.sum))
}
