//! What came of it, for people and for programs. The JSON form is described in docs/LOADTEST.md; its fields keep their
//! meaning as long as [`SCHEMA`] stays the same.

mod build;
pub(crate) mod completeness;
pub mod html;
mod text;
pub(crate) mod verdict;

use std::time::Duration;

use serde::Serialize;

pub use build::Measurement;
pub use text::describe;

use crate::engine::{Histogram, Repair};
use crate::quality::Quality;
use crate::units::milliseconds;

/// Name and version of the JSON form.
pub const SCHEMA: &str = "hubbub-loadtest-report/1";

/// How a scenario went.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The version of the load tester.
    pub version: &'static str,
    /// The scenario's name; may be empty.
    pub name: String,
    /// The server.
    pub target: String,
    /// When the first peer began to join: RFC 3339, UTC.
    pub started_at: String,
    /// Whether somebody ended the test early.
    pub interrupted: bool,
    /// For how long media was measured, once everybody was there.
    pub measured_seconds: f64,
    /// What was to be done.
    pub scenario: Plan,
    /// Who took part.
    pub peers: Peers,
    /// How long joining took, in milliseconds.
    pub join_milliseconds: Joining,
    /// What was heard.
    pub media: Media,
    /// How it sounds.
    pub quality: Option<Opinion>,
    /// What the server says of itself; `None` when its metrics cannot be read, see `server_missing`.
    pub server: Option<Server>,
    /// Why there is no `server`.
    pub server_missing: Option<String>,
    /// What the load tester itself did.
    pub generator: Generator,
    /// The limits that were given.
    pub limits: Vec<Limit>,
    /// What `--find-max` found.
    pub find_max: Option<Search>,
    /// About a second each, or more in a long test.
    pub timeline: Vec<Moment>,
    /// How measurements are distributed.
    pub distributions: Distributions,
    /// What went wrong on the way.
    pub failures: Vec<Failure>,
}

/// What was to be done.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Rooms.
    pub rooms: usize,
    /// Speakers in each room.
    pub speakers_per_room: usize,
    /// Listeners in each room.
    pub listeners_per_room: usize,
    /// Seconds to measure.
    pub duration_seconds: f64,
    /// `continuous` or `spurts`.
    pub talk: &'static str,
    /// Leaves, and as many joins, a minute.
    pub churn_per_minute: f64,
    /// What packets to the server were made to meet.
    pub uplink: Network,
    /// What packets from the server were made to meet.
    pub downlink: Network,
    /// What peers offered to do about lost packets.
    pub repair: Repair,
    /// For everything random.
    pub seed: u64,
}

/// What packets are made to meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    /// Packets dropped.
    pub loss_percent: f64,
    /// Delay of every packet.
    pub delay_milliseconds: f64,
    /// Delay beyond that, at most.
    pub jitter_milliseconds: f64,
    /// Packets put behind the next one.
    pub reordering_percent: f64,
}

/// Who took part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Peers {
    /// Joins that were begun.
    pub joins: usize,
    /// Joins that ended in a media connection.
    pub connected: usize,
    /// Joins that failed.
    pub failed: usize,
    /// Peers whose connection was lost.
    pub lost: usize,
    /// Peers that left during the measurement because of churn.
    pub churned: usize,
    /// Peers that were connected in the end and had heard nothing although others spoke.
    pub silent: usize,
    /// Peers that were connected in the end and to which less came than they should have heard, silent ones among them; `None`
    /// where nobody can tell.
    pub starved: Option<usize>,
}

/// How long joining took: from before the WebSocket is opened to each step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Joining {
    /// The WebSocket is open.
    pub socket: Quantiles,
    /// The seat is taken.
    pub seat: Quantiles,
    /// The offer is answered.
    pub answer: Quantiles,
    /// The first ICE check is answered.
    pub ice: Quantiles,
    /// DTLS is done: media can flow. This is the time to join.
    pub connected: Quantiles,
    /// The first packet is heard.
    pub first_packet: Quantiles,
}

/// The middle and the upper end of some measurements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Quantiles {
    /// How many measurements; the others are 0 when there is none.
    pub count: u64,
    /// Half are not above it.
    pub p50: f64,
    /// 95 of 100 are not above it.
    pub p95: f64,
    /// 99 of 100 are not above it.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

/// What was heard by all peers together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Media {
    /// RTP packets that the speakers sent.
    pub packets_sent: u64,
    /// Different RTP packets that came to listeners.
    pub packets_received: u64,
    /// Packets between the first and the last of a stream that did not come.
    pub packets_lost: u64,
    /// The same, in percent of those that should have come.
    pub loss_percent: f64,
    /// Packets that came after a later one of the same stream.
    pub reordered: u64,
    /// Packets that came again.
    pub duplicates: u64,
    /// Packets that were missing and came when they had been asked for: among those received.
    pub repaired_by_nack: u64,
    /// Packets that were missing and came inside a later one, and not by themselves: among those received.
    pub repaired_by_red: u64,
    /// Packets that speakers sent again because the server asked for them: not among those sent.
    pub sent_again: u64,
    /// Packets of people in the same room, of which no latency is known.
    pub foreign_packets: u64,
    /// Packets that did not authenticate.
    pub undecryptable: u64,
    /// From the speaker's sending to the listener's socket, in milliseconds.
    pub latency_milliseconds: Quantiles,
    /// Interarrival jitter of each stream (RFC 3550, section 6.4.1 and appendix A.8), in milliseconds.
    pub jitter_milliseconds: Quantiles,
}

/// How it sounds, by the E-model; see [`crate::quality`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Opinion {
    /// The listener in the middle.
    pub median: Quality,
    /// The listener of whom 5 of 100 hear worse.
    pub p5: Quality,
    /// The listener who hears worst.
    pub worst: Quality,
    /// From mouth to ear for the listener in the middle, in milliseconds.
    pub mouth_to_ear_milliseconds: f64,
    /// Ie of Opus.
    pub equipment_impairment: f64,
    /// Bpl of Opus.
    pub packet_loss_robustness: f64,
}

/// What the server says of itself, for the time that was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    /// User and system time.
    pub cpu_seconds: f64,
    /// Of one processor core: 150 are one and a half.
    pub cpu_percent: f64,
    /// RTP packets sent to listeners.
    pub packets_forwarded: f64,
    /// CPU time for each of them; `None` when there are too few to tell.
    pub cpu_microseconds_per_packet: Option<f64>,
    /// Resident memory in the end.
    pub memory_bytes: f64,
    /// By how much it grew from after the logins, before the first join, to the end, for each peer connected in the end;
    /// `None` when it did not grow.
    pub memory_bytes_per_peer: Option<f64>,
    /// Packets that arrived and were not passed on.
    pub packets_dropped: f64,
}

/// What the load tester itself did, so that nobody takes its limit for the server's.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Generator {
    /// Threads that carry media.
    pub media_threads: usize,
    /// CPU time of the media threads while media was measured.
    pub media_cpu_seconds: f64,
    /// The same in percent of what these threads could have had.
    pub media_cpu_percent: f64,
    /// CPU time of the whole program while media was measured.
    pub cpu_seconds: f64,
    /// How much later than planned packets were sent, in milliseconds.
    pub send_lateness_milliseconds: Quantiles,
    /// How much later than planned sockets were read, in milliseconds.
    pub receive_lag_milliseconds: Quantiles,
    /// Packets lost here because sockets were not read in time.
    pub socket_drops: u64,
    /// Packets that could not be sent because the socket was full.
    pub send_errors: u64,
    /// `kernel`: latencies end when the packet came; `program`: when it was read.
    pub arrival_times: &'static str,
    /// Why the load tester and not the server may be what limits the result; empty when there is no reason to think so.
    pub overloaded: Vec<String>,
}

/// A limit that was given.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limit {
    /// Of what, with its unit.
    pub what: &'static str,
    /// The limit.
    pub limit: f64,
    /// What was measured; `None` when there was nothing to measure, which fails.
    pub measured: Option<f64>,
    /// Whether it was kept.
    pub kept: bool,
}

/// What `--find-max` found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Search {
    /// `listeners` (of each room) or `rooms`.
    pub vary: &'static str,
    /// The largest load at which the limits were kept; `None` when even the first was too much.
    pub found: Option<usize>,
    /// What ended the search: `server`, `generator`, `accounts`, `at-most`, `interrupted`.
    pub limited_by: &'static str,
    /// The same in a sentence.
    pub because: String,
    /// Packets lost at which it is too much.
    pub max_loss_percent: f64,
    /// Latency (p99) at which it is too much.
    pub max_latency_p99_milliseconds: f64,
    /// Every load that was tried, in order.
    pub trials: Vec<Trial>,
}

/// One load that `--find-max` tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trial {
    /// The number of listeners or rooms.
    pub load: usize,
    /// Peers connected.
    pub peers: usize,
    /// Packets lost.
    pub loss_percent: f64,
    /// One-way latency.
    pub latency_milliseconds: Quantiles,
    /// Packets that came, a second.
    pub packets_per_second: f64,
    /// Of what the load tester's media threads could have had.
    pub generator_cpu_percent: f64,
    /// Of one processor core, when the server's metrics can be read.
    pub server_cpu_percent: Option<f64>,
    /// Whether the limits were kept.
    pub kept: bool,
    /// What was too much; empty when nothing was.
    pub exceeded: String,
}

/// What was going on at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Moment {
    /// Since the first peer began to join; the end of the time it is about.
    pub seconds: f64,
    /// Whether everybody was there and media was measured.
    pub measuring: bool,
    /// Peers connected.
    pub connected: usize,
    /// Packets sent, a second.
    pub sent_per_second: f64,
    /// Packets received, a second.
    pub received_per_second: f64,
    /// Packets lost, in percent of those that should have come.
    pub loss_percent: f64,
    /// One-way latency; `None` when nothing came.
    pub latency_p50: Option<f64>,
    /// See `latency_p50`.
    pub latency_p95: Option<f64>,
    /// See `latency_p50`.
    pub latency_p99: Option<f64>,
}

/// How measurements are distributed: buckets in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Distributions {
    /// One-way latency of packets, in milliseconds.
    pub latency_milliseconds: Vec<Bucket>,
    /// Time to join, in milliseconds.
    pub join_milliseconds: Vec<Bucket>,
    /// MOS of listeners.
    pub mos: Vec<Bucket>,
}

/// So many measurements between the end of the bucket before and this one's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bucket {
    /// Above this.
    pub from: f64,
    /// Up to this.
    pub to: f64,
    /// How many.
    pub count: u64,
}

/// Something that went wrong, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// In one line.
    pub what: String,
    /// How often.
    pub count: u64,
}

impl Report {
    /// The JSON form.
    ///
    /// # Panics
    /// Never: everything in it is valid JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report is valid JSON")
    }
}

impl Quantiles {
    /// Of numbers, by nearest rank.
    #[must_use]
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = numbers.into_iter().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |percent: usize| nearest_rank(&sorted, percent);
        Self { count: sorted.len() as u64, p50: at(50), p95: at(95), p99: at(99), max: at(100) }
    }

    /// Of durations, in milliseconds.
    #[must_use]
    pub fn of_durations(durations: impl IntoIterator<Item = Duration>) -> Self {
        Self::of(durations.into_iter().map(milliseconds))
    }

    /// Of a histogram, in milliseconds.
    #[must_use]
    pub fn of_histogram(histogram: &Histogram) -> Self {
        let at = |share| milliseconds(histogram.quantile(share));
        Self {
            count: histogram.count(),
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
            max: milliseconds(histogram.max()),
        }
    }
}

/// The number at a percentile of sorted ones; 0 when there is none.
fn nearest_rank(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

/// The share of `part` in `part` and `rest`, in percent; 0 of nothing.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a percentage")]
pub fn percent_of(part: u64, rest: u64) -> f64 {
    if part == 0 { 0.0 } else { 100.0 * part as f64 / (part + rest) as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_nearest_ranks() {
        let q = Quantiles::of_durations((1..=100).rev().map(Duration::from_millis));
        assert_eq!(q, Quantiles { count: 100, p50: 50.0, p95: 95.0, p99: 99.0, max: 100.0 });
        let one = Quantiles::of([7.0]);
        assert_eq!(one, Quantiles { count: 1, p50: 7.0, p95: 7.0, p99: 7.0, max: 7.0 });
        assert_eq!(Quantiles::of([]), Quantiles::default());
    }

    proptest::proptest! {
        #[test]
        fn a_histogram_tells_quantiles_to_a_sixteenth(micros in proptest::collection::vec(1..10_000_000_u64, 1..400)) {
            let mut histogram = Histogram::default();
            micros.iter().for_each(|&micros| histogram.note(micros));
            let told = Quantiles::of_histogram(&histogram);
            let exact = Quantiles::of_durations(micros.into_iter().map(Duration::from_micros));
            proptest::prop_assert_eq!((told.count, told.max), (exact.count, exact.max));
            for (told, exact) in [(told.p50, exact.p50), (told.p95, exact.p95), (told.p99, exact.p99)] {
                proptest::prop_assert!(told >= exact && told <= exact * 17.0 / 16.0, "{told} for {exact}");
            }
        }
    }

    #[test]
    fn shares_of_nothing_are_nothing() {
        assert_eq!((percent_of(0, 0), percent_of(1, 3), percent_of(5, 0)), (0.0, 25.0, 100.0));
    }
}
