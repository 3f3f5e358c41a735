//! Asking a publisher for packets that got lost (generic NACK, RFC 4585, section 6.2.1).
//!
//! A packet that is missing is asked for as long as it can still be played: listeners' jitter buffers hold a few hundred
//! milliseconds at most, and a packet that comes later only costs bandwidth.

use std::time::{Duration, Instant};

/// How long a packet is given that others have overtaken. Longer asks for less in vain; shorter leaves more time for the answer.
const REORDERING: Duration = Duration::from_millis(10);
/// How long after its gap was seen a packet is worth having: about what a browser's jitter buffer grows to on a bad network.
const USEFUL: Duration = Duration::from_millis(400);
/// How often one packet is asked for. Together with the spacing of half a round trip this fills [`USEFUL`] on usual networks.
const TRIES: u8 = 4;
/// The least time between two requests for the same packet.
const SPACING_MIN: Duration = Duration::from_millis(20);
/// Until a round trip has been measured.
const ROUND_TRIP: Duration = Duration::from_millis(100);
/// Packets that are missed at once. A larger gap is no loss that could be mended in time: the publisher paused or began anew.
pub(crate) const MISSING_MAX: usize = 32;

/// A packet that has not come.
#[derive(Clone, Copy, Debug)]
struct Missing {
    sequence: u16,
    /// Later than this it is of no use.
    until: Instant,
    ask_at: Instant,
    asked: u8,
}

/// What is missing of one stream.
#[derive(Debug, Default)]
pub(crate) struct NackGenerator {
    highest: Option<u16>,
    /// At most [`MISSING_MAX`], oldest first. Without loss it takes no memory.
    missing: Vec<Missing>,
    next: Option<Instant>,
}

impl NackGenerator {
    /// Notes a packet; packets that were left out before it are missing from now on. `true` when this one had been asked for.
    pub(crate) fn on_packet(&mut self, now: Instant, sequence: u16) -> bool {
        let Some(distance) = self.ahead(sequence) else { return self.on_late(sequence) };
        let first = self.highest.unwrap_or(sequence).wrapping_add(1);
        self.highest = Some(sequence);
        if usize::from(distance) > MISSING_MAX {
            self.missing.clear();
            self.next = None;
        }
        if (2..=MISSING_MAX).contains(&usize::from(distance)) {
            let too_many = (self.missing.len() + usize::from(distance) - 1).saturating_sub(MISSING_MAX);
            self.missing.drain(..too_many);
            let (until, ask_at) = (now + USEFUL, now + REORDERING);
            let gap = (0..distance - 1).map(|n| first.wrapping_add(n));
            self.missing.extend(gap.map(|sequence| Missing { sequence, until, ask_at, asked: 0 }));
            self.plan();
        }
        false
    }

    /// Notes a packet that is not forwarded: what is missing before it is not missed.
    pub(crate) fn skip(&mut self, sequence: u16) {
        if self.ahead(sequence).is_some() {
            self.highest = Some(sequence);
            self.missing.clear();
            self.next = None;
        }
    }

    /// A packet was recovered otherwise: nothing is asked any more.
    pub(crate) fn on_recovered(&mut self, sequence: u16) {
        self.on_late(sequence);
    }

    /// The highest number noted.
    pub(crate) const fn highest(&self) -> Option<u16> {
        self.highest
    }

    /// When [`Self::poll`] is due.
    pub(crate) const fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Adds what is to be asked for now to `wanted`, in the order of sequence numbers. `round_trip` is the publisher's, when known.
    ///
    /// Requests for the same packet are half a round trip apart, so that a lost request is made up for before its answer
    /// could have come, and none is sent whose answer would come too late.
    pub(crate) fn poll(&mut self, now: Instant, round_trip: Option<Duration>, wanted: &mut Vec<u16>) {
        let round_trip = round_trip.unwrap_or(ROUND_TRIP).min(USEFUL);
        let spacing = (round_trip / 2).max(SPACING_MIN);
        for missing in self.missing.iter_mut().filter(|missing| missing.ask_at <= now) {
            if missing.asked < TRIES && now + round_trip <= missing.until {
                wanted.push(missing.sequence);
                missing.asked += 1;
            }
            let again = now + spacing;
            let worth_it = missing.asked < TRIES && again + round_trip <= missing.until;
            missing.ask_at = if worth_it { again } else { missing.until };
        }
        self.missing.retain(|missing| now < missing.until);
        self.plan();
    }

    /// How far ahead of the highest number this one is; `None` when it is behind.
    fn ahead(&self, sequence: u16) -> Option<u16> {
        let distance = self.highest.map_or(1, |highest| sequence.wrapping_sub(highest));
        (1..0x8000).contains(&distance).then_some(distance)
    }

    fn on_late(&mut self, sequence: u16) -> bool {
        let Some(index) = self.missing.iter().position(|missing| missing.sequence == sequence) else { return false };
        let asked = self.missing.remove(index).asked > 0;
        self.plan();
        asked
    }

    fn plan(&mut self) {
        self.next = self.missing.iter().map(|missing| missing.ask_at).min();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// What is asked for at this time, with a round trip of 100 ms.
    fn asked(nack: &mut NackGenerator, now: Instant) -> Vec<u16> {
        let mut wanted = Vec::new();
        nack.poll(now, Some(ms(100)), &mut wanted);
        wanted
    }

    #[test]
    fn a_gap_is_asked_for_after_a_moment_and_until_the_answer_comes() {
        let start = Instant::now();
        let mut nack = NackGenerator::default();
        for (millis, sequence) in [(0, 65_533), (20, 65_534), (80, 1)] {
            assert!(!nack.on_packet(start + ms(millis), sequence));
        }
        assert_eq!(nack.next(), Some(start + ms(90)));
        assert_eq!(asked(&mut nack, start + ms(89)), [0u16; 0], "it may only be late");
        assert_eq!(asked(&mut nack, start + ms(90)), [65_535, 0]);
        assert_eq!(nack.next(), Some(start + ms(140)), "half a round trip later");
        assert!(nack.on_packet(start + ms(120), 65_535), "it had been asked for");
        assert_eq!(asked(&mut nack, start + ms(140)), [0]);
        assert!(nack.on_packet(start + ms(150), 0));
        assert_eq!(nack.next(), None);
    }

    #[test]
    fn what_is_only_late_is_not_asked_for() {
        let start = Instant::now();
        let mut nack = NackGenerator::default();
        nack.on_packet(start, 1);
        nack.on_packet(start + ms(20), 3);
        assert!(!nack.on_packet(start + ms(25), 2));
        assert_eq!(nack.next(), None);
    }

    #[test]
    fn requests_end_after_some_and_before_the_answer_would_be_too_late() {
        let start = Instant::now();
        for (round_trip, count) in [(10, 4), (100, 4), (300, 1), (5000, 0)] {
            let mut nack = NackGenerator::default();
            nack.on_packet(start, 1);
            nack.on_packet(start, 3);
            let mut wanted = Vec::new();
            let mut last = start;
            while let Some(at) = nack.next() {
                let before = wanted.len();
                nack.poll(at, Some(ms(round_trip)), &mut wanted);
                if wanted.len() > before {
                    last = at;
                }
            }
            assert_eq!(wanted, vec![2; count], "{round_trip} ms");
            assert!(count == 0 || last + ms(round_trip) <= start + USEFUL, "{round_trip} ms: {:?}", last - start);
        }
    }

    #[test]
    fn silence_and_recovery_end_the_asking() {
        let start = Instant::now();
        let mut nack = NackGenerator::default();
        nack.on_packet(start, 1);
        nack.on_packet(start, 4);
        nack.on_recovered(3);
        assert_eq!(asked(&mut nack, start + ms(10)), [2]);
        nack.skip(6);
        assert_eq!(nack.next(), None, "nobody would hear it");
        nack.on_packet(start + ms(20), 8);
        assert_eq!(asked(&mut nack, start + ms(30)), [7], "the spurt's first packet");
    }

    #[test]
    fn leaps_are_no_loss() {
        let start = Instant::now();
        let mut nack = NackGenerator::default();
        nack.on_packet(start, 1);
        nack.on_packet(start, 3);
        nack.on_packet(start, 3 + MISSING_MAX as u16 + 1);
        assert_eq!(nack.next(), None);
        nack.on_packet(start, 20_000);
        assert_eq!((nack.next(), nack.missing.capacity() <= MISSING_MAX), (None, true));
    }

    proptest! {
        #[test]
        fn whatever_comes_memory_and_requests_are_bounded(packets in proptest::collection::vec((any::<u16>(), 0u8..4), 1..400)) {
            let mut now = Instant::now();
            let (mut nack, mut wanted) = (NackGenerator::default(), Vec::new());
            let mut sequence = 0u16;
            for (leap, kind) in packets {
                now += ms(5);
                sequence = sequence.wrapping_add(if kind == 0 { leap } else { leap % 40 });
                if kind == 1 { nack.skip(sequence) } else { nack.on_packet(now, sequence); }
                prop_assert!(nack.missing.len() <= MISSING_MAX);
                wanted.clear();
                nack.poll(now, None, &mut wanted);
                prop_assert!(wanted.len() <= MISSING_MAX);
                prop_assert!(nack.next().is_none_or(|at| at > now), "never at once again");
            }
        }
    }
}
