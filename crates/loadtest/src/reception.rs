//! What one peer received of each speaker: which packets, which of them twice, which out of order.

use std::collections::BTreeMap;
use std::time::Instant;

use parking_lot::Mutex;

use crate::payload::Payload;

/// Packets beyond this number are not counted: 93 hours of speech.
const MAX_NUMBER: u32 = 1 << 24;

/// What came from one speaker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// A bit for each packet number.
    seen: Vec<u64>,
    /// Different packets.
    pub distinct: u64,
    /// Packets that had come before.
    pub duplicates: u64,
    /// Packets that came after one with a higher number.
    pub reordered: u64,
    /// The lowest and highest number.
    pub range: Option<(u32, u32)>,
}

impl Heard {
    /// Takes note of a packet.
    pub fn note(&mut self, number: u32) {
        let (word, bit) = (number as usize / 64, 1_u64 << (number % 64));
        if self.seen.len() <= word {
            self.seen.resize(word + 1, 0);
        }
        if self.seen[word] & bit != 0 {
            self.duplicates += 1;
            return;
        }
        self.seen[word] |= bit;
        self.distinct += 1;
        self.range = Some(match self.range {
            None => (number, number),
            Some((low, high)) => {
                self.reordered += u64::from(number < high);
                (low.min(number), high.max(number))
            }
        });
    }

    /// Packets that are missing between the first that came and the last that was sent, of which there are `sent`.
    #[must_use]
    pub fn lost(&self, sent: u32) -> u64 {
        let first = self.range.map_or(0, |(low, _)| low);
        u64::from(sent.saturating_sub(first)).saturating_sub(self.distinct)
    }
}

/// What one peer received.
#[derive(Debug, Default)]
pub struct Reception(Mutex<Received>);

#[derive(Debug, Default)]
struct Received {
    heard: BTreeMap<u32, Heard>,
    first_at: Option<Instant>,
    foreign: u64,
}

impl Reception {
    /// Takes note of a packet's payload, received at `now`.
    pub fn note(&self, payload: &[u8], now: Instant) {
        let mut received = self.0.lock();
        match Payload::decode(payload) {
            Some(payload) if payload.number < MAX_NUMBER => {
                received.first_at.get_or_insert(now);
                received.heard.entry(payload.stream).or_default().note(payload.number);
            }
            _ => received.foreign += 1,
        }
    }

    /// What came of each speaker until now, by stream.
    #[must_use]
    pub fn heard(&self) -> BTreeMap<u32, Heard> {
        self.0.lock().heard.clone()
    }

    /// How many different packets of a stream came.
    #[must_use]
    pub fn distinct(&self, stream: u32) -> u64 {
        self.0.lock().heard.get(&stream).map_or(0, |heard| heard.distinct)
    }

    /// When the first packet came.
    #[must_use]
    pub fn first_at(&self) -> Option<Instant> {
        self.0.lock().first_at
    }

    /// Packets that no synthetic peer had sent.
    #[must_use]
    pub fn foreign(&self) -> u64 {
        self.0.lock().foreign
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(numbers: &[u32]) -> Heard {
        let mut heard = Heard::default();
        numbers.iter().for_each(|&number| heard.note(number));
        heard
    }

    #[test]
    fn nothing_is_lost_when_all_came_in_order() {
        let all = heard(&[0, 1, 2, 3]);
        assert_eq!((all.distinct, all.duplicates, all.reordered, all.lost(4)), (4, 0, 0, 0));
    }

    #[test]
    fn gaps_and_a_missing_end_are_lost_but_not_what_was_sent_before_the_first() {
        assert_eq!(heard(&[0, 1, 3]).lost(6), 3);
        assert_eq!(heard(&[10, 11, 12]).lost(13), 0);
        assert_eq!(heard(&[]).lost(5), 5);
    }

    #[test]
    fn duplicates_and_late_packets_are_told_apart() {
        let odd = heard(&[5, 6, 6, 9, 8, 8, 4, 700]);
        assert_eq!((odd.distinct, odd.duplicates, odd.reordered), (6, 2, 2));
        assert_eq!(odd.range, Some((4, 700)));
    }

    #[test]
    fn what_is_not_ours_is_counted_apart() {
        let reception = Reception::default();
        reception.note(b"opus", Instant::now());
        assert_eq!((reception.foreign(), reception.first_at()), (1, None));
        reception.note(&Payload::now(3, 0).encode(), Instant::now());
        reception.note(&Payload::now(3, u32::MAX).encode(), Instant::now());
        assert_eq!((reception.foreign(), reception.distinct(3)), (2, 1));
        assert!(reception.first_at().is_some());
    }
}
