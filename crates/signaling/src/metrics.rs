//! What signaling counts. The server's telemetry turns a [`MetricsSnapshot`] into Prometheus' words.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hubbub_protocol::{ClientMessage, ErrorCode, MediaStep, ServerMessage};

/// Upper bounds of the buckets of a [`Histogram`], in seconds; one more bucket holds what is longer.
pub const TIME_BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// Signaling's numbers at one moment. Counters count from the start of the process.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricsSnapshot {
    /// Open sockets.
    pub sockets: u64,
    /// Taken seats, those that wait for their socket to come back included.
    pub participants: u64,
    /// Rooms with somebody in them.
    pub rooms: u64,
    /// Messages received, by type.
    pub messages_in: Vec<(&'static str, u64)>,
    /// Messages queued for clients, by type; a broadcast counts once a receiver.
    pub messages_out: Vec<(&'static str, u64)>,
    /// Errors sent, by code.
    pub errors: Vec<(&'static str, u64)>,
    /// Handshakes refused because of their origin, their credentials or too many sockets.
    pub handshakes_refused: u64,
    /// Seats that got their socket back.
    pub resumes: u64,
    /// Joins with a resume token that did not find the seat.
    pub resumes_failed: u64,
    /// Seats whose socket did not come back in time.
    pub seats_timed_out: u64,
    /// Sockets closed because the client read too slowly.
    pub slow_readers: u64,
    /// Sockets closed because the client ignored the rate limit.
    pub floods: u64,
    /// Media connections that did not come about, as clients tell, by the step that failed.
    pub media_problems: Vec<(&'static str, u64)>,
    /// From `join` to `joined`.
    pub join_time: Histogram,
    /// From an offer to audio that flows.
    pub media_setup_time: Histogram,
}

/// How long something took, as a Prometheus histogram wants it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// How often it was measured.
    pub count: u64,
    /// All times together, in seconds.
    pub sum: f64,
    /// How many were at most as long as each of [`TIME_BUCKETS`] (cumulative).
    pub buckets: [u64; TIME_BUCKETS.len()],
}

#[derive(Debug, Default)]
pub(crate) struct Metrics {
    messages_in: [AtomicU64; ClientMessage::TYPES.len()],
    messages_out: [AtomicU64; ServerMessage::TYPES.len()],
    errors: [AtomicU64; ErrorCode::ALL.len()],
    media_problems: [AtomicU64; MediaStep::ALL.len()],
    pub(crate) handshakes_refused: Counter,
    pub(crate) resumes: Counter,
    pub(crate) resumes_failed: Counter,
    pub(crate) seats_timed_out: Counter,
    pub(crate) slow_readers: Counter,
    pub(crate) floods: Counter,
    pub(crate) join_time: Times,
    pub(crate) media_setup_time: Times,
}

impl Metrics {
    pub(crate) fn received(&self, message: &ClientMessage) {
        self.messages_in[message.type_index()].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts `message` as queued for `receivers` clients.
    pub(crate) fn sent(&self, message: &ServerMessage, receivers: u64) {
        self.messages_out[message.type_index()].fetch_add(receivers, Ordering::Relaxed);
        if let ServerMessage::Error { code, .. } = message {
            self.errors[*code as usize].fetch_add(receivers, Ordering::Relaxed);
        }
    }

    pub(crate) fn media_problem(&self, step: MediaStep) {
        self.media_problems[step as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Everything counted, together with the three numbers that others keep.
    pub(crate) fn snapshot(&self, sockets: u64, participants: u64, rooms: u64) -> MetricsSnapshot {
        let named = |names: &[&'static str], counts: &[AtomicU64]| {
            names.iter().zip(counts).map(|(&name, count)| (name, count.load(Ordering::Relaxed))).collect()
        };
        MetricsSnapshot {
            sockets,
            participants,
            rooms,
            messages_in: named(&ClientMessage::TYPES, &self.messages_in),
            messages_out: named(&ServerMessage::TYPES, &self.messages_out),
            errors: named(&ErrorCode::ALL.map(ErrorCode::as_str), &self.errors),
            handshakes_refused: self.handshakes_refused.get(),
            resumes: self.resumes.get(),
            resumes_failed: self.resumes_failed.get(),
            seats_timed_out: self.seats_timed_out.get(),
            slow_readers: self.slow_readers.get(),
            floods: self.floods.get(),
            media_problems: named(&MediaStep::ALL.map(MediaStep::as_str), &self.media_problems),
            join_time: self.join_time.snapshot(),
            media_setup_time: self.media_setup_time.snapshot(),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Times {
    count: AtomicU64,
    micros: AtomicU64,
    buckets: [AtomicU64; TIME_BUCKETS.len()],
}

impl Times {
    pub(crate) fn observe(&self, time: Duration) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        if let Some(bucket) = TIME_BUCKETS.iter().position(|&bound| time.as_secs_f64() <= bound) {
            self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        }
    }

    fn snapshot(&self) -> Histogram {
        let mut sum = 0;
        let buckets = std::array::from_fn(|i| {
            sum += self.buckets[i].load(Ordering::Relaxed);
            sum
        });
        let micros = Duration::from_micros(self.micros.load(Ordering::Relaxed));
        Histogram { count: self.count.load(Ordering::Relaxed), sum: micros.as_secs_f64(), buckets }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_the_longest_times_count_in_none() {
        let times = Times::default();
        for millis in [0, 3, 3, 400, 60_000] {
            times.observe(Duration::from_millis(millis));
        }
        let histogram = times.snapshot();
        assert_eq!(histogram.count, 5);
        assert!((histogram.sum - 60.406).abs() < 1e-9);
        assert_eq!(histogram.buckets, [1, 1, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4]);
    }

    #[test]
    fn errors_are_counted_by_code() {
        let metrics = Metrics::default();
        let error = ServerMessage::Error { reply_to: None, code: ErrorCode::RoomFull, message: String::new() };
        metrics.sent(&error, 1);
        let snapshot = metrics.snapshot(1, 2, 3);
        assert!(snapshot.errors.contains(&("room-full", 1)));
        assert!(snapshot.messages_out.contains(&("error", 1)));
        assert_eq!((snapshot.sockets, snapshot.participants, snapshot.rooms), (1, 2, 3));
    }
}
