use uuid::Uuid;

use super::*;
use crate::engine::{PeerId, Repair, StreamResult};
use crate::report::Trial;
use crate::scenario::{FindMax, Limits, Rooms};

pub(in crate::report) fn cost() -> GeneratorCost {
    let mut send_lateness = Histogram::default();
    let mut receive_lag = Histogram::default();
    (0..1000).for_each(|i| send_lateness.note(i % 90));
    (0..1000).for_each(|i| receive_lag.note(i % 400));
    GeneratorCost {
        cpu: Duration::from_millis(2_340),
        packets_received: 36_000,
        packets_sent: 1_500,
        send_lateness,
        receive_lag,
        socket_drops: 0,
        timestamps: Timestamps::Kernel,
    }
}

/// Latencies of one listener, in microseconds: most near 800, some far above.
fn latencies(listener: u64) -> Histogram {
    let mut histogram = Histogram::default();
    for n in 0..1500_u64 {
        let slow = if n % 97 == 0 { 3_000 } else { 0 };
        histogram.note(600 + (n * 37 + listener * 11) % 500 + slow);
    }
    histogram
}

fn peer(index: u32) -> PeerResult {
    let ms = |n: u64| Duration::from_micros(n * 1000 + u64::from(index) * 130);
    let role = if index < 3 { Role::Speaker { stream: index, talk: TalkPattern::Continuous } } else { Role::Listener };
    let heard = |speaker: u32| StreamResult {
        ssrc: 1000 + speaker,
        stream: Some(speaker),
        received: 1_498,
        lost: u64::from(index.is_multiple_of(7)) * 2,
        reordered: 1,
        duplicates: 0,
        repaired_by_nack: 0,
        repaired_by_red: 0,
        foreign: 0,
        jitter: Duration::from_micros(200 + u64::from(index) * 9),
        latency: latencies(index.into()),
    };
    PeerResult {
        id: PeerId(index),
        room: Uuid::nil(),
        role,
        state: if index == 11 { PeerState::Lost("timed out".to_owned()) } else { PeerState::Connected },
        join: JoinTimes {
            socket: ms(3),
            joined: ms(5),
            answered: ms(8),
            ice: Some(ms(9)),
            dtls: Some(ms(14)),
            first_packet: Some(ms(20)),
        },
        slots: 8,
        packets_sent: if index < 3 { 1_500 } else { 0 },
        send_errors: 0,
        undecryptable: 0,
        streams: if index == 12 { Vec::new() } else { (0..3).filter(|&s| s != index).map(heard).collect() },
    }
}

/// A test of 30 s with 3 speakers and 20 listeners, one of which was lost, and one of which hears nothing.
pub(in crate::report) fn measurement() -> Measurement {
    let results: Vec<PeerResult> = (0..23).map(peer).collect();
    let mut latency = Histogram::default();
    results.iter().flat_map(|result| &result.streams).for_each(|stream| latency.add(&stream.latency));
    let sum = |of: fn(&StreamResult) -> u64| results.iter().flat_map(|result| &result.streams).map(of).sum();
    let total = Snapshot {
        elapsed: Duration::from_secs(30),
        connected: 22,
        connecting: 0,
        lost_peers: 1,
        sent: 4_500,
        received: sum(|s| s.received),
        lost: sum(|s| s.lost),
        reordered: sum(|s| s.reordered),
        duplicates: 0,
        repaired_by_nack: 0,
        repaired_by_red: 0,
        sent_again: 0,
        latency,
        generator: cost(),
    };
    let moment = |second: u32| {
        let joined = f64::from(second.min(5)) / 5.0;
        let wave = f64::from(second * 7 % 11) / 11.0;
        Moment {
            seconds: second.into(),
            measuring: second > 5,
            connected: (second.min(5) * 23 / 5) as usize,
            sent_per_second: 150.0 * joined,
            received_per_second: 3_300.0 * joined,
            loss_percent: if second == 17 { 0.4 } else { 0.0 },
            latency_p50: (second > 1).then_some(0.7 + 0.2 * wave),
            latency_p95: (second > 1).then_some(1.2 + 0.6 * wave),
            latency_p99: (second > 1).then_some(2.9 + 1.8 * wave),
        }
    };
    Measurement {
        scenario: Scenario {
            name: "A small lecture".to_owned(),
            rooms: Rooms::New(1),
            limits: Limits {
                loss_percent: Some(0.1),
                starved: None,
                latency_p99: Some(Duration::from_millis(50)),
                join_p95: Some(Duration::from_millis(10)),
                mos: None,
            },
            ..Scenario::default()
        },
        target: "http://127.0.0.1:8080".to_owned(),
        started_at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000),
        interrupted: false,
        measured: Duration::from_secs(30),
        joins: 24,
        churned: 0,
        results,
        total,
        timeline: (1..=35).map(moment).collect(),
        failures: BTreeMap::from([("the server refused join: room-full (<no seat> & \"none\" left)".to_owned(), 1)]),
        failed_joins: 1,
        server: Ok(Server {
            cpu_seconds: 0.62,
            cpu_percent: 2.07,
            packets_forwarded: 99_000.0,
            cpu_microseconds_per_packet: Some(6.26),
            memory_bytes: 48_234_496.0,
            memory_bytes_per_peer: Some(23_552.0),
            packets_dropped: 0.0,
        }),
        media_threads: 1,
        process_cpu: Duration::from_millis(2_910),
        pauses: false,
        search: None,
    }
}

pub(in crate::report) fn report() -> Report {
    Report::of(&measurement())
}

/// The same, but of a search for the most listeners, which the load tester ended.
pub(in crate::report) fn report_of_a_search() -> Report {
    let mut measurement = measurement();
    let search = FindMax::default();
    let trial = |load: usize, p99: f64, exceeded: &str| Trial {
        load,
        peers: load + 3,
        loss_percent: if exceeded.is_empty() { 0.0 } else { 0.35 },
        latency_milliseconds: Quantiles { count: 1000, p50: p99 / 4.0, p95: p99 / 2.0, p99, max: p99 * 2.0 },
        packets_per_second: 150.0 * f64::from(u32::try_from(load).unwrap()),
        generator_cpu_percent: f64::from(u32::try_from(load).unwrap()) / 15.0,
        server_cpu_percent: Some(f64::from(u32::try_from(load).unwrap()) / 17.0),
        kept: exceeded.is_empty(),
        exceeded: exceeded.to_owned(),
    };
    measurement.search = Some(Search {
        vary: search.vary.name(),
        found: Some(1_200),
        limited_by: "generator",
        because: "the load tester itself: its media threads were busy for 97 % of the time".to_owned(),
        max_loss_percent: search.max_loss_percent,
        max_latency_p99_milliseconds: milliseconds(search.max_latency_p99),
        trials: vec![
            trial(400, 3.0, ""),
            trial(800, 5.0, ""),
            trial(1600, 80.0, "loss 0.350 %, latency p99 80.0 ms"),
            trial(1200, 9.0, ""),
        ],
    });
    Report::of(&measurement)
}

/// The same with figures that are all different, so that none can stand for another.
pub(in crate::report) fn report_with_figures_apart() -> Report {
    let quantiles = |p50: f64| Quantiles { count: 9, p50, p95: p50 + 0.1, p99: p50 + 0.2, max: p50 + 0.3 };
    let mut report = report();
    report.join_milliseconds.connected = quantiles(21.0);
    report.join_milliseconds.first_packet = quantiles(31.0);
    (report.media.reordered, report.media.duplicates) = (12, 34);
    report.scenario.repair = Repair { nack: true, red: true };
    let media = &mut report.media;
    (media.repaired_by_nack, media.repaired_by_red, media.sent_again) = (56, 67, 89);
    report.media.latency_milliseconds = quantiles(1.0);
    report.media.jitter_milliseconds = quantiles(2.0);
    report.quality = report.quality.map(|quality| Opinion {
        median: Quality { r: 87.0, mos: 4.21 },
        worst: Quality { r: 60.0, mos: 3.12 },
        mouth_to_ear_milliseconds: 71.0,
        ..quality
    });
    report.generator.media_cpu_percent = 56.0;
    report.generator.send_lateness_milliseconds = quantiles(3.0);
    report.generator.socket_drops = 78;
    report
}

#[test]
fn who_is_starved_is_told_only_of_a_time_when_everybody_was_there() {
    let mut measurement = measurement();
    let starved = |measurement: &Measurement| Report::of(measurement).peers.starved;
    assert_eq!(starved(&measurement), Some(1), "one of them hears nothing");
    // One of three speakers is never forwarded to another one, without any loss.
    measurement.results[20].streams.pop();
    assert_eq!((starved(&measurement), Report::of(&measurement).peers.silent), (Some(2), 1));
    measurement.pauses = true;
    assert_eq!(starved(&measurement), None);
    measurement.pauses = false;
    measurement.timeline.truncate(3);
    assert_eq!(starved(&measurement), None, "ended while they were joining");
}

#[test]
fn a_report_counts_what_was_measured() {
    let report = report();
    assert_eq!((report.schema, report.started_at.as_str()), (SCHEMA, "2026-09-21T14:13:20Z"));
    assert_eq!(
        report.peers,
        Peers { joins: 24, connected: 23, failed: 1, lost: 1, churned: 0, silent: 1, starved: Some(1) },
        "the one that was lost is neither called silent nor starved"
    );
    let media = &report.media;
    // Speakers 0, 1 and 2 hear two others; 20 listeners but one (which hears nobody) hear three.
    let streams = 3 * 2 + 19 * 3;
    assert_eq!((media.packets_sent, media.packets_received), (4_500, streams * 1_498));
    // Peers 0 (two streams), 7, 14 and 21 (three) lost two packets a stream.
    assert_eq!((media.packets_lost, media.reordered), (2 * 2 + 3 * 3 * 2, streams));
    assert!((media.loss_percent - 100.0 * 22.0 / f64::from(63 * 1_498 + 22)).abs() < 1e-9);
    assert_eq!(media.latency_milliseconds.count, streams * 1_500);
    let latency = media.latency_milliseconds;
    assert!(latency.p50 > 0.6 && latency.p50 < 1.1 && latency.p99 > 3.5 && latency.p99 <= latency.max);
    assert_eq!(report.join_milliseconds.connected.max, 14.0 + 22.0 * 0.13);
    assert_eq!(report.join_milliseconds.connected.count, 23);
    assert_eq!(report.media.jitter_milliseconds.max, 0.2 + 22.0 * 0.009);
    assert_eq!(report.limits.iter().map(|limit| limit.kept).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!(report.failures[0].count, 1);
    assert_eq!(report.generator.overloaded, Vec::<String>::new());
}

#[test]
fn opinions_are_those_of_listeners() {
    let quality = report().quality.unwrap();
    // p99 of every listener is near 4 ms, so that mouth to ear is 66.5 ms and that.
    assert!((quality.mouth_to_ear_milliseconds - 70.5).abs() < 0.6, "{quality:?}");
    let lossless = Path { mouth_to_ear: quality.mouth_to_ear_milliseconds, loss_percent: 0.0 }.rate();
    assert_eq!(quality.median, lossless);
    assert!(quality.worst.mos < quality.median.mos && quality.worst.mos <= quality.p5.mos);
    assert_eq!(opinion_of_all(&[]), None);
}

#[test]
fn long_timelines_are_thinned_and_lose_nothing() {
    let moments: Vec<Moment> = (1..=3600_u32)
        .map(|second| Moment {
            seconds: second.into(),
            received_per_second: f64::from(second % 2) * 10.0,
            latency_p99: (second == 1000).then_some(99.0),
            ..Moment::default()
        })
        .collect();
    let thinned = thin(&moments);
    assert!(thinned.len() <= MOST_MOMENTS);
    assert_eq!(thinned.last().unwrap().seconds, 3600.0);
    assert_eq!(thinned.iter().filter(|moment| moment.latency_p99 == Some(99.0)).count(), 1);
    let mean = thinned.iter().map(|moment| moment.received_per_second).sum::<f64>() / 240.0;
    assert!((mean - 5.0).abs() < 0.5, "{mean}");
    assert_eq!(thin(&moments[..5]), moments[..5]);
    assert_eq!(thin(&[]), []);
}

#[test]
fn distributions_have_no_gaps_and_lose_nothing() {
    let report = report();
    for buckets in
        [&report.distributions.latency_milliseconds, &report.distributions.join_milliseconds, &report.distributions.mos]
    {
        assert!(buckets.windows(2).all(|pair| (pair[0].to - pair[1].from).abs() < 1e-9 && pair[0].to > pair[0].from));
    }
    let count = |buckets: &[Bucket]| buckets.iter().map(|bucket| bucket.count).sum::<u64>();
    assert_eq!(count(&report.distributions.latency_milliseconds), report.media.latency_milliseconds.count);
    assert_eq!(count(&report.distributions.join_milliseconds), 23);
    assert_eq!(count(&report.distributions.mos), 22);
    assert_eq!(by_tenths(std::iter::empty()), []);
}
