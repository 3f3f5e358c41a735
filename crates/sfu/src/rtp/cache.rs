//! The last packets of a stream, kept once for all its listeners, to be sent again to who asks (RFC 4585, section 6.2.1).

use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::payload::Audio;

/// Packets kept: 1.3 s at 20 ms each, more than any jitter buffer waits.
const PACKETS: usize = 64;
/// Packets whose bytes are kept whatever the bit rate, up to [`BYTES_MAX`].
const PACKETS_WANTED: u64 = 32;
/// Bytes to begin with: enough for 40 packets of Opus at 64 kbit/s, with room for small ones.
const BYTES: usize = 8 * 1024;
/// The most bytes of one stream: half a second at 1 Mbit/s.
const BYTES_MAX: usize = 64 * 1024;
/// A stream that stood still for so long is given up: nobody asks for anything of it any more.
const IDLE: Duration = Duration::from_secs(5);

/// What is known of a kept packet besides its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The publisher's.
    pub(crate) timestamp: u32,
    pub(crate) audio: Audio,
}

/// The last packets of one stream.
#[derive(Debug)]
struct Cache {
    entries: Box<[Option<Entry>; PACKETS]>,
    bytes: Box<[u8]>,
    /// Bytes written so far, those left free at the buffer's end included.
    written: u64,
    last: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    number: u64,
    /// Position in all that was ever written.
    start: u64,
    len: usize,
    kept: Kept,
}

impl Cache {
    fn new(now: Instant) -> Self {
        Self { entries: Box::new([None; PACKETS]), bytes: vec![0; BYTES].into(), written: 0, last: now }
    }

    /// Forgets everything, for another stream.
    fn clear(&mut self) {
        *self.entries = [None; PACKETS];
    }

    fn insert(&mut self, now: Instant, number: u64, kept: Kept, payload: &[u8]) {
        let index = index(number);
        // A place of its own may have gone to a later packet.
        if payload.len() > BYTES_MAX || self.entries[index].is_some_and(|entry| entry.number > number) {
            return;
        }
        self.last = now;
        let mut start = self.start(payload.len());
        let end = start + payload.len() as u64;
        let wanted = number.checked_sub(PACKETS_WANTED).and_then(|oldest| self.entries[self::index(oldest)]);
        let crowded = wanted.is_some_and(|entry| {
            entry.number + PACKETS_WANTED == number && entry.start + (self.bytes.len() as u64) < end
        });
        if (crowded || payload.len() > self.bytes.len()) && self.bytes.len() < BYTES_MAX {
            // Happens a few times at the beginning of a stream with a high bit rate; what was kept so far goes.
            let len = (self.bytes.len() * 2).max(payload.len().next_power_of_two()).min(BYTES_MAX);
            self.bytes = vec![0; len].into();
            self.clear();
            (self.written, start) = (0, 0);
        }
        let at = self.offset(start);
        self.bytes[at..at + payload.len()].copy_from_slice(payload);
        self.written = start + payload.len() as u64;
        self.entries[index] = Some(Entry { number, start, len: payload.len(), kept });
    }

    fn get(&self, number: u64) -> Option<(Kept, &[u8])> {
        let entry = self.entry(number)?;
        let at = self.offset(entry.start);
        Some((entry.kept, &self.bytes[at..at + entry.len]))
    }

    /// The entry of a packet whose bytes have not been written over.
    fn entry(&self, number: u64) -> Option<Entry> {
        let entry = self.entries[index(number)].filter(|entry| entry.number == number)?;
        (self.written <= entry.start + self.bytes.len() as u64).then_some(entry)
    }

    /// Where the next bytes go: payloads lie in one piece, so that the buffer's end may stay free.
    fn start(&self, len: usize) -> u64 {
        let left = self.bytes.len() - self.offset(self.written);
        if len <= left { self.written } else { self.written + left as u64 }
    }

    #[expect(clippy::cast_possible_truncation, reason = "less than the buffer's length")]
    const fn offset(&self, position: u64) -> usize {
        (position % self.bytes.len() as u64) as usize
    }
}

#[expect(clippy::cast_possible_truncation, reason = "less than the number of entries")]
const fn index(number: u64) -> usize {
    (number % PACKETS as u64) as usize
}

/// The caches of all streams that are heard now.
#[derive(Debug, Default)]
pub(crate) struct Caches {
    streams: FxHashMap<u64, Cache>,
    pruned: Option<Instant>,
}

impl Caches {
    /// Keeps a packet of a stream, the latest ones only. Allocates nothing once the stream is warm.
    pub(crate) fn insert(&mut self, now: Instant, stream: u64, number: u64, kept: Kept, payload: &[u8]) {
        self.streams.entry(stream).or_insert_with(|| Cache::new(now)).insert(now, number, kept, payload);
    }

    /// A packet that is still kept.
    pub(crate) fn get(&self, stream: u64, number: u64) -> Option<(Kept, &[u8])> {
        self.streams.get(&stream)?.get(number)
    }

    /// Gives up streams that stood still. Looks at them seldom, however often it is called.
    pub(crate) fn prune(&mut self, now: Instant) {
        if self.pruned.is_some_and(|pruned| now.saturating_duration_since(pruned) < IDLE) {
            return;
        }
        self.pruned = Some(now);
        self.streams.retain(|_, cache| now.saturating_duration_since(cache.last) < IDLE);
    }

    /// Streams of which something is kept.
    #[cfg(any(test, feature = "bench"))]
    pub(crate) fn len(&self) -> usize {
        self.streams.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEPT: Kept = Kept { timestamp: 960, audio: Audio { codec: 111, primary: 0 } };

    fn fill(caches: &mut Caches, now: Instant, numbers: std::ops::Range<u64>, len: usize) {
        for number in numbers {
            caches.insert(now, 1, number, KEPT, &vec![number as u8; len]);
        }
    }

    fn held(caches: &Caches, numbers: std::ops::Range<u64>) -> Vec<u64> {
        numbers.filter(|number| caches.get(1, *number).is_some()).collect()
    }

    #[test]
    fn the_last_packets_are_there_with_their_bytes() {
        let (now, mut caches) = (Instant::now(), Caches::default());
        fill(&mut caches, now, 1000..1200, 100);
        assert_eq!(held(&caches, 900..1300), (1136..1200).collect::<Vec<_>>());
        assert_eq!(caches.get(1, 1150), Some((KEPT, &[1150u64 as u8; 100][..])));
        assert_eq!(caches.get(2, 1150), None, "another stream");
    }

    #[test]
    fn high_bit_rates_keep_half_a_second_too() {
        let (now, mut caches) = (Instant::now(), Caches::default());
        fill(&mut caches, now, 1000..1200, 1200);
        let held = held(&caches, 900..1300);
        assert!(held.len() >= 32 && held.last() == Some(&1199), "{held:?}");
        assert!(caches.streams[&1].bytes.len() <= BYTES_MAX);
    }

    #[test]
    fn a_packet_larger_than_all_is_not_kept() {
        let (now, mut caches) = (Instant::now(), Caches::default());
        caches.insert(now, 1, 1, KEPT, &vec![1; BYTES_MAX + 1]);
        assert_eq!(held(&caches, 0..3), [0u64; 0]);
    }

    #[test]
    fn a_late_packet_does_not_take_a_later_ones_place() {
        let (now, mut caches) = (Instant::now(), Caches::default());
        fill(&mut caches, now, 1000..1064, 10);
        caches.insert(now, 1, 990, KEPT, &[7]);
        assert_eq!((caches.get(1, 990), held(&caches, 1000..1064).len()), (None, 64));
    }

    #[test]
    fn streams_that_stand_still_are_given_up() {
        let (start, mut caches) = (Instant::now(), Caches::default());
        fill(&mut caches, start, 1..5, 10);
        caches.prune(start);
        caches.insert(start + IDLE, 2, 1, KEPT, &[1]);
        caches.prune(start + IDLE);
        assert_eq!(caches.len(), 1);
        assert!(caches.get(2, 1).is_some());
    }

    proptest! {
        /// Whatever is kept is what was put in.
        #[test]
        fn bytes_are_never_mixed_up(packets in proptest::collection::vec((0u64..200, 1usize..1500), 1..80)) {
            let (now, mut caches) = (Instant::now(), Caches::default());
            let mut put = std::collections::HashMap::new();
            for (step, (number, len)) in packets.into_iter().enumerate() {
                let number = number + step as u64;
                let payload = vec![step as u8; len];
                caches.insert(now, 1, number, KEPT, &payload);
                if caches.get(1, number).is_some_and(|(_, kept)| kept == payload) {
                    put.insert(number, payload);
                }
                for number in 0..300 {
                    if let Some((_, kept)) = caches.get(1, number) {
                        prop_assert_eq!(Some(kept), put.get(&number).map(Vec::as_slice));
                    }
                }
            }
        }
    }
}
