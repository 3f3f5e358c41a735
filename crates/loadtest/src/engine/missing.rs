//! What of a stream has not come, and when to ask for it (generic NACK, RFC 4585, section 6.2.1).

use std::time::{Duration, Instant};

/// How long a packet may be late before it is asked for.
const REORDERING: Duration = Duration::from_millis(10);
/// How long after its gap was seen a packet can still be played: what a browser's jitter buffer grows to on a bad network.
const USEFUL: Duration = Duration::from_millis(400);
/// How much longer than a round trip an answer may take before the packet is asked for again.
const SLACK: Duration = Duration::from_millis(20);
/// The round trip until one was measured.
const ROUND_TRIP: Duration = Duration::from_millis(100);
/// A larger gap is no loss: the stream was away.
const MISSING_MAX: usize = 64;

/// Without losses it takes no memory.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// At most [`MISSING_MAX`], oldest first.
    packets: Vec<Packet>,
}

#[derive(Debug)]
struct Packet {
    number: u64,
    until: Instant,
    ask_at: Instant,
    asked: bool,
}

impl Missing {
    /// Nothing came between these two numbers.
    pub(super) fn gap(&mut self, now: Instant, after: u64, before: u64) {
        if before - after > 1 + MISSING_MAX as u64 {
            self.packets.clear();
            return;
        }
        let (until, ask_at) = (now + USEFUL, now + REORDERING);
        let gap = (after + 1..before).map(|number| Packet { number, until, ask_at, asked: false });
        self.packets.extend(gap);
        let too_many = self.packets.len().saturating_sub(MISSING_MAX);
        self.packets.drain(..too_many);
    }

    /// A packet came after all. Whether it had been asked for.
    pub(super) fn came(&mut self, number: u64) -> bool {
        let index = self.packets.iter().position(|packet| packet.number == number);
        index.is_some_and(|index| self.packets.remove(index).asked)
    }

    /// When [`Self::poll`] is wanted.
    pub(super) fn next(&self) -> Option<Instant> {
        self.packets.iter().map(|packet| packet.ask_at).min()
    }

    /// The sequence numbers to ask for now. Nothing is asked for that would come too late.
    pub(super) fn poll(&mut self, now: Instant, round_trip: Option<Duration>) -> Vec<u16> {
        let round_trip = round_trip.unwrap_or(ROUND_TRIP);
        let mut wanted = Vec::new();
        for packet in self.packets.iter_mut().filter(|packet| packet.ask_at <= now) {
            if now + round_trip <= packet.until {
                #[expect(clippy::cast_possible_truncation, reason = "the low 16 bits are meant")]
                wanted.push(packet.number as u16);
                packet.asked = true;
            }
            packet.ask_at = (now + round_trip + SLACK).min(packet.until);
        }
        self.packets.retain(|packet| now < packet.until);
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_gap_is_asked_for_until_it_is_filled() {
        let start = Instant::now();
        let mut missing = Missing::default();
        missing.gap(start, 65_534, 65_538);
        assert_eq!(missing.next(), Some(start + ms(10)));
        assert!(!missing.came(65_535), "it was only late");
        assert_eq!(missing.poll(start + ms(9), None), [0; 0]);
        assert_eq!(missing.poll(start + ms(10), Some(ms(100))), [0, 1]);
        assert_eq!(missing.next(), Some(start + ms(130)), "a round trip and a little later");
        assert!(missing.came(65_536) && !missing.came(65_536));
        assert_eq!(missing.poll(start + ms(130), Some(ms(100))), [1]);
        assert!(missing.came(65_537));
        assert_eq!(missing.next(), None);
    }

    #[test]
    fn what_would_come_too_late_is_not_asked_for() {
        let start = Instant::now();
        for (round_trip, times) in [(1, 19), (100, 3), (300, 1), (500, 0)] {
            let (mut missing, mut asked) = (Missing::default(), 0);
            missing.gap(start, 1, 3);
            while let Some(at) = missing.next() {
                asked += missing.poll(at, Some(ms(round_trip))).len();
            }
            assert_eq!(asked, times, "{round_trip} ms");
        }
    }

    #[test]
    fn a_stream_that_was_away_misses_nothing_and_memory_is_bounded() {
        let start = Instant::now();
        let mut missing = Missing::default();
        missing.gap(start, 1, 3);
        missing.gap(start, 3, 3 + 1 + MISSING_MAX as u64);
        assert_eq!(missing.packets.len(), MISSING_MAX);
        missing.gap(start, 100, 100 + 2 + MISSING_MAX as u64);
        assert_eq!(missing.next(), None);
        (0..1000).for_each(|gap| missing.gap(start, 10 * gap, 10 * gap + 10));
        assert_eq!(missing.packets.len(), MISSING_MAX);
        assert_eq!(missing.packets.last().map(|packet| packet.number), Some(9_999), "the newest ones are kept");
    }
}
