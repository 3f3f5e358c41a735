//! What signaling counts. The server's telemetry turns a [`MetricsSnapshot`] into Prometheus' words.

use std::sync::atomic::{AtomicU64, Ordering};

use hubbub_domain::measure::{Counter, Histogram, Times};
use hubbub_protocol::{ClientMessage, ErrorCode, MediaStep, ServerMessage};

use crate::seats::Totals;

/// Signaling's numbers at one moment. Counters count from the start of the process.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricsSnapshot {
    /// Open sockets.
    pub sockets: u64,
    /// Messages that wait for clients to take them.
    pub queued: u64,
    /// Those of the client with the most.
    pub longest_queue: u64,
    /// Taken seats in rooms, those that wait for their socket to come back included.
    pub participants: u64,
    /// Rooms with somebody in them.
    pub rooms: u64,
    /// Connection tests under way. They are neither participants nor rooms.
    pub connection_tests: u64,
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

impl Default for MetricsSnapshot {
    /// Everything, at 0.
    fn default() -> Self {
        Metrics::default().snapshot(Queues::default(), Totals::default())
    }
}

/// What waits for clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Queues {
    pub(crate) sockets: u64,
    pub(crate) messages: u64,
    pub(crate) longest: u64,
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

    /// Everything counted, together with what others keep: the sockets' queues, seats and rooms.
    pub(crate) fn snapshot(&self, queues: Queues, taken: Totals) -> MetricsSnapshot {
        let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let named = |names: &[&'static str], counts: &[AtomicU64]| {
            names.iter().zip(counts).map(|(&name, count)| (name, count.load(Ordering::Relaxed))).collect()
        };
        MetricsSnapshot {
            sockets: queues.sockets,
            queued: queues.messages,
            longest_queue: queues.longest,
            participants: number(taken.seats),
            rooms: number(taken.rooms),
            connection_tests: number(taken.tests),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted_by_code() {
        let metrics = Metrics::default();
        let error = ServerMessage::Error { reply_to: None, code: ErrorCode::RoomFull, message: String::new() };
        metrics.sent(&error, 1);
        let taken = Totals { seats: 2, rooms: 3, tests: 4 };
        let snapshot = metrics.snapshot(Queues { sockets: 1, messages: 5, longest: 4 }, taken);
        assert!(snapshot.errors.contains(&("room-full", 1)));
        assert!(snapshot.messages_out.contains(&("error", 1)));
        assert_eq!((snapshot.sockets, snapshot.participants, snapshot.rooms), (1, 2, 3));
        assert_eq!(snapshot.connection_tests, 4);
        assert_eq!((snapshot.queued, snapshot.longest_queue), (5, 4));
    }
}
