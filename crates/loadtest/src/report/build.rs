//! From what was measured to what is reported.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{
    Bucket, Distributions, Failure, Generator, Joining, Media, Moment, Network, Opinion, Peers, Plan, Quantiles,
    Report, SCHEMA, Search, Server, completeness, percent_of, verdict,
};
use crate::engine::{
    GeneratorCost, Histogram, Impairment, JoinTimes, PeerResult, PeerState, Role, Snapshot, TalkPattern, Timestamps,
};
use crate::quality::{OPUS_BPL, OPUS_IE, Path, Quality};
use crate::scenario::Scenario;
use crate::units::milliseconds;

/// Moments in a report at most: more make a plot no better.
const MOST_MOMENTS: usize = 240;
/// Buckets of a distribution of durations, for each doubling.
const BUCKETS_PER_OCTAVE: f64 = 4.0;

/// What was measured.
pub struct Measurement {
    /// What was to be done.
    pub scenario: Scenario,
    /// The server.
    pub target: String,
    /// When the first peer began to join.
    pub started_at: SystemTime,
    /// Whether somebody ended the test early.
    pub interrupted: bool,
    /// For how long media was measured.
    pub measured: Duration,
    /// Joins begun.
    pub joins: usize,
    /// Peers that left because of churn.
    pub churned: usize,
    /// What every peer did and heard.
    pub results: Vec<PeerResult>,
    /// All peers together.
    pub total: Snapshot,
    /// What was going on when, in order.
    pub timeline: Vec<Moment>,
    /// What went wrong, and how often; joins that failed are among it.
    pub failures: BTreeMap<String, u64>,
    /// Joins that failed.
    pub failed_joins: usize,
    /// What the server says of itself, or why that is unknown.
    pub server: Result<Server, String>,
    /// Threads that carried media.
    pub media_threads: usize,
    /// CPU time of this program while media was measured.
    pub process_cpu: Duration,
    /// Whether there is silence in what speakers repeat.
    pub pauses: bool,
    /// What `--find-max` found.
    pub search: Option<Search>,
}

impl Report {
    /// Of a measurement.
    #[must_use]
    pub fn of(measurement: &Measurement) -> Self {
        let Measurement { scenario, target, started_at, interrupted, measured, .. } = measurement;
        let Measurement { joins: begun, churned, results, total, timeline, failures, failed_joins, .. } = measurement;
        let Measurement { server, media_threads, process_cpu, pauses, search, .. } = measurement;
        // Before everybody was there nobody could hear everybody.
        let all_were_there = timeline.last().is_some_and(|moment| moment.measuring);
        let opinions: Vec<(Path, Quality)> = results.iter().filter_map(opinion).collect();
        let joins = || results.iter().map(|result| &result.join);
        let media = media(total, results);
        let mut report = Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            name: scenario.name.clone(),
            target: target.clone(),
            started_at: rfc3339(*started_at),
            interrupted: *interrupted,
            measured_seconds: measured.as_secs_f64(),
            scenario: plan(scenario),
            peers: Peers {
                joins: *begun,
                connected: joins().filter(|join| join.dtls.is_some()).count(),
                failed: *failed_joins,
                lost: results.iter().filter(|result| matches!(result.state, PeerState::Lost(_))).count(),
                churned: *churned,
                silent: results.iter().filter(|result| is_silent(result, scenario.speakers)).count(),
                starved: completeness::starved(scenario, *pauses, results, *measured).filter(|_| all_were_there),
            },
            join_milliseconds: joining(&joins().copied().collect::<Vec<_>>()),
            media,
            quality: opinion_of_all(&opinions),
            generator: generator(&total.generator, results, *media_threads, *measured, *process_cpu),
            limits: Vec::new(),
            find_max: search.clone(),
            timeline: thin(timeline),
            distributions: Distributions {
                latency_milliseconds: by_order_of_magnitude(
                    total.latency.buckets().map(|(upper, count)| (milliseconds(upper), u64::from(count))),
                ),
                join_milliseconds: by_order_of_magnitude(
                    joins().filter_map(|join| join.dtls).map(|time| (milliseconds(time), 1)),
                ),
                mos: by_tenths(opinions.iter().map(|(_, quality)| quality.mos)),
            },
            failures: failures.iter().map(|(what, &count)| Failure { what: what.clone(), count }).collect(),
            server: server.as_ref().ok().copied(),
            server_missing: server.as_ref().err().cloned(),
        };
        report.limits = verdict::limits(&report, &scenario.limits);
        report
    }
}

fn rfc3339(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}

pub(super) fn plan(scenario: &Scenario) -> Plan {
    let network = |impairment: &Impairment| Network {
        loss_percent: impairment.loss * 100.0,
        delay_milliseconds: milliseconds(impairment.delay),
        jitter_milliseconds: milliseconds(impairment.jitter),
        reordering_percent: impairment.reordering * 100.0,
    };
    Plan {
        rooms: scenario.rooms.count(),
        speakers_per_room: scenario.speakers,
        listeners_per_room: scenario.listeners,
        duration_seconds: scenario.duration.as_secs_f64(),
        talk: match scenario.talk {
            TalkPattern::Continuous => "continuous",
            TalkPattern::Spurts { .. } => "spurts",
        },
        churn_per_minute: scenario.churn_per_minute,
        uplink: network(&scenario.uplink),
        downlink: network(&scenario.downlink),
        repair: scenario.repair,
        seed: scenario.seed,
    }
}

/// A peer that is there, has others to hear, and hears none of them.
fn is_silent(result: &PeerResult, speakers: usize) -> bool {
    let others = match result.role {
        Role::Listener => speakers,
        Role::Speaker { .. } => speakers.saturating_sub(1),
    };
    others > 0 && result.state == PeerState::Connected && result.streams.iter().all(|stream| stream.received == 0)
}

fn joining(joins: &[JoinTimes]) -> Joining {
    let of = |step: fn(&JoinTimes) -> Option<Duration>| Quantiles::of_durations(joins.iter().filter_map(step));
    Joining {
        socket: of(|join| Some(join.socket)),
        seat: of(|join| Some(join.joined)),
        answer: of(|join| Some(join.answered)),
        ice: of(|join| join.ice),
        connected: of(|join| join.dtls),
        first_packet: of(|join| join.first_packet),
    }
}

fn media(total: &Snapshot, results: &[PeerResult]) -> Media {
    let streams = || results.iter().flat_map(|result| &result.streams);
    Media {
        packets_sent: total.sent,
        packets_received: total.received,
        packets_lost: total.lost,
        loss_percent: percent_of(total.lost, total.received),
        reordered: total.reordered,
        duplicates: total.duplicates,
        repaired_by_nack: total.repaired_by_nack,
        repaired_by_red: total.repaired_by_red,
        sent_again: total.sent_again,
        foreign_packets: streams().map(|stream| stream.foreign).sum(),
        undecryptable: results.iter().map(|result| result.undecryptable).sum(),
        latency_milliseconds: Quantiles::of_histogram(&total.latency),
        jitter_milliseconds: Quantiles::of_durations(
            streams().filter(|stream| stream.received > 1).map(|stream| stream.jitter),
        ),
    }
}

/// How it sounds to one peer; `None` when it heard nothing.
fn opinion(result: &PeerResult) -> Option<(Path, Quality)> {
    let mut latency = Histogram::default();
    let (mut received, mut lost) = (0, 0);
    for stream in &result.streams {
        latency.add(&stream.latency);
        received += stream.received;
        lost += stream.lost;
    }
    if latency.count() == 0 {
        return None;
    }
    let path = Path::of(milliseconds(latency.quantile(0.99)), percent_of(lost, received));
    Some((path, path.rate()))
}

fn opinion_of_all(opinions: &[(Path, Quality)]) -> Option<Opinion> {
    let mut sorted = opinions.to_vec();
    sorted.sort_unstable_by(|a, b| a.1.r.total_cmp(&b.1.r));
    let at = |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).max(1) - 1);
    Some(Opinion {
        median: at(50)?.1,
        p5: at(5)?.1,
        worst: sorted.first()?.1,
        mouth_to_ear_milliseconds: at(50)?.0.mouth_to_ear,
        equipment_impairment: OPUS_IE,
        packet_loss_robustness: OPUS_BPL,
    })
}

fn generator(
    cost: &GeneratorCost,
    results: &[PeerResult],
    threads: usize,
    measured: Duration,
    process_cpu: Duration,
) -> Generator {
    let media_cpu_percent = verdict::cpu_percent(cost, threads, measured);
    Generator {
        media_threads: threads,
        media_cpu_seconds: cost.cpu.as_secs_f64(),
        media_cpu_percent,
        cpu_seconds: process_cpu.as_secs_f64(),
        send_lateness_milliseconds: Quantiles::of_histogram(&cost.send_lateness),
        receive_lag_milliseconds: Quantiles::of_histogram(&cost.receive_lag),
        socket_drops: cost.socket_drops,
        send_errors: results.iter().map(|result| result.send_errors).sum(),
        arrival_times: match cost.timestamps {
            Timestamps::Kernel => "kernel",
            Timestamps::Tick => "program",
        },
        overloaded: verdict::overloaded(cost, media_cpu_percent),
    }
}

/// Puts neighbours together until there are few enough: rates and losses of their time are averaged, latencies are the
/// worst of theirs.
fn thin(timeline: &[Moment]) -> Vec<Moment> {
    let worst = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    };
    let together = timeline.len().div_ceil(MOST_MOMENTS).max(1);
    let mut began = 0.0;
    let mut thinned = Vec::with_capacity(timeline.len().div_ceil(together));
    for neighbours in timeline.chunks(together) {
        let Some((first, rest)) = neighbours.split_first() else { continue };
        let mut all = *first;
        for moment in rest {
            let (before, after) = (all.seconds - began, moment.seconds - all.seconds);
            let mean = |a: f64, b: f64| {
                if before + after > 0.0 { (a * before + b * after) / (before + after) } else { a }
            };
            all = Moment {
                seconds: moment.seconds,
                measuring: moment.measuring,
                connected: moment.connected,
                sent_per_second: mean(all.sent_per_second, moment.sent_per_second),
                received_per_second: mean(all.received_per_second, moment.received_per_second),
                loss_percent: mean(all.loss_percent, moment.loss_percent),
                latency_p50: worst(all.latency_p50, moment.latency_p50),
                latency_p95: worst(all.latency_p95, moment.latency_p95),
                latency_p99: worst(all.latency_p99, moment.latency_p99),
            };
        }
        began = all.seconds;
        thinned.push(all);
    }
    thinned
}

/// Buckets whose ends are powers of the fourth root of 2.
fn by_order_of_magnitude(counts: impl Iterator<Item = (f64, u64)>) -> Vec<Bucket> {
    let mut buckets = BTreeMap::new();
    for (value, count) in counts {
        #[expect(clippy::cast_possible_truncation, reason = "logarithms of durations are small")]
        let index = (value.max(0.001).log2() * BUCKETS_PER_OCTAVE).ceil() as i32;
        *buckets.entry(index).or_insert(0) += count;
    }
    let end = |index: i32| 2_f64.powf(f64::from(index) / BUCKETS_PER_OCTAVE);
    contiguous(&buckets, |index| (end(index - 1), end(index)))
}

/// Buckets as wide as 0.1.
fn by_tenths(values: impl Iterator<Item = f64>) -> Vec<Bucket> {
    let mut buckets = BTreeMap::new();
    for value in values {
        #[expect(clippy::cast_possible_truncation, reason = "opinions are from 1 to 4.5")]
        let index = (value * 10.0).ceil() as i32;
        *buckets.entry(index).or_insert(0) += 1;
    }
    contiguous(&buckets, |index| (f64::from(index - 1) / 10.0, f64::from(index) / 10.0))
}

/// With the empty ones between.
fn contiguous(counts: &BTreeMap<i32, u64>, ends: impl Fn(i32) -> (f64, f64)) -> Vec<Bucket> {
    let (Some((&first, _)), Some((&last, _))) = (counts.first_key_value(), counts.last_key_value()) else {
        return Vec::new();
    };
    (first..=last)
        .map(|index| {
            let (from, to) = ends(index);
            Bucket { from, to, count: counts.get(&index).copied().unwrap_or_default() }
        })
        .collect()
}

#[cfg(test)]
#[path = "build_tests.rs"]
pub(super) mod tests;
