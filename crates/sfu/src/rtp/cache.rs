//! The last packets of a stream, kept once for all its listeners, to be sent again to who asks (RFC 4585, section 6.2.1).

use std::ops::Range;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::payload::Audio;
use crate::prefetch::prefetch;

/// Packets kept: 1.3 s at 20 ms each, more than any jitter buffer waits.
const PACKETS: usize = 64;
/// The least a packet gets, header included: room for Opus at 32 kbit/s with header extensions inside.
const PLACE_MIN: usize = 128;
/// The most, which is a whole datagram.
const PLACE_MAX: usize = 2048;
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

/// The last packets of one stream, in places of the same size, each found by its number alone: what is known of a packet lies
/// before its bytes, so that both come from memory at once.
#[derive(Debug)]
struct Cache {
    /// As many as a power of two.
    bytes: Box<[u8]>,
    /// Bytes of a place, a power of two.
    place: usize,
    last: Instant,
    /// The highest number kept.
    newest: u64,
    /// When it came.
    newest_at: Instant,
}

/// What lies before a packet's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    number: u64,
    kept: Kept,
    len: u16,
}

impl Entry {
    const SIZE: usize = 18;

    fn write(self, place: &mut [u8; Self::SIZE]) {
        let Self { number, kept: Kept { timestamp, audio: Audio { codec, primary } }, len } = self;
        place[..8].copy_from_slice(&number.to_ne_bytes());
        place[8..12].copy_from_slice(&timestamp.to_ne_bytes());
        place[12..14].copy_from_slice(&primary.to_ne_bytes());
        place[14..16].copy_from_slice(&len.to_ne_bytes());
        // Empty places are 0.
        place[16..].copy_from_slice(&[codec, 1]);
    }

    /// `None` when nothing was written.
    fn read(place: &[u8; Self::SIZE]) -> Option<Self> {
        let [a, b, c, d, e, f, g, h, t0, t1, t2, t3, p0, p1, l0, l1, codec, written] = *place;
        (written == 1).then(|| Self {
            number: u64::from_ne_bytes([a, b, c, d, e, f, g, h]),
            kept: Kept {
                timestamp: u32::from_ne_bytes([t0, t1, t2, t3]),
                audio: Audio { codec, primary: u16::from_ne_bytes([p0, p1]) },
            },
            len: u16::from_ne_bytes([l0, l1]),
        })
    }
}

impl Cache {
    fn new(now: Instant, payload: usize) -> Self {
        let place = (payload + Entry::SIZE).next_power_of_two().max(PLACE_MIN);
        let bytes = vec![0; place * PACKETS.min(BYTES_MAX / place)].into();
        Self { bytes, place, last: now, newest: 0, newest_at: now }
    }

    fn insert(&mut self, now: Instant, number: u64, kept: Kept, payload: &[u8]) {
        let Ok(len) = u16::try_from(payload.len()) else { return };
        if payload.len() + Entry::SIZE > self.place {
            if payload.len() + Entry::SIZE > PLACE_MAX {
                return;
            }
            // Happens a few times at the beginning of a stream with a high bit rate; what was kept so far goes.
            *self = Self::new(now, payload.len());
        }
        self.last = now;
        let range = self.range(number);
        let Some((entry, bytes)) = self.bytes[range].split_first_chunk_mut() else { return };
        // The place of a packet that is late may have gone to a later one. Others need not look, which is a wait for memory.
        if number > self.newest || Entry::read(entry).is_none_or(|there| there.number <= number) {
            if number > self.newest {
                (self.newest, self.newest_at) = (number, now);
            }
            Entry { number, kept, len }.write(entry);
            bytes[..payload.len()].copy_from_slice(payload);
        }
    }

    fn get(&self, number: u64) -> Option<(Kept, &[u8])> {
        let (entry, bytes) = self.bytes[self.range(number)].split_first_chunk()?;
        let entry = Entry::read(entry).filter(|entry| entry.number == number)?;
        Some((entry.kept, &bytes[..usize::from(entry.len)]))
    }

    /// The place of a packet, without dividing.
    #[expect(clippy::cast_possible_truncation, reason = "only the lowest bits count")]
    fn range(&self, number: u64) -> Range<usize> {
        let start = (number as usize).wrapping_mul(self.place) & (self.bytes.len() - 1);
        start..start + self.place
    }
}

/// The caches of all streams that are heard now.
#[derive(Debug, Default)]
pub(crate) struct Caches {
    streams: FxHashMap<u64, Cache>,
    pruned: Option<Instant>,
}

impl Caches {
    /// Asks for what [`Self::insert`] needs of a stream. Where the packet is to lie is not waited for, as it is only written.
    pub(crate) fn prefetch(&self, stream: u64) {
        if let Some(cache) = self.streams.get(&stream) {
            prefetch(cache);
        }
    }

    /// Keeps a packet of a stream, the latest ones only. Allocates nothing once the stream is warm.
    pub(crate) fn insert(&mut self, now: Instant, stream: u64, number: u64, kept: Kept, payload: &[u8]) {
        self.streams
            .entry(stream)
            .or_insert_with(|| Cache::new(now, payload.len().min(PLACE_MAX - Entry::SIZE)))
            .insert(now, number, kept, payload);
    }

    /// A packet that is still kept.
    pub(crate) fn get(&self, stream: u64, number: u64) -> Option<(Kept, &[u8])> {
        self.streams.get(&stream)?.get(number)
    }

    /// The packet of a stream with the highest number that is kept: when it came, and its number.
    pub(crate) fn latest(&self, stream: u64) -> Option<(Instant, u64, Kept, &[u8])> {
        let cache = self.streams.get(&stream)?;
        let (kept, payload) = cache.get(cache.newest)?;
        Some((cache.newest_at, cache.newest, kept, payload))
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
    fn a_packet_larger_than_a_datagram_is_not_kept() {
        let (now, mut caches) = (Instant::now(), Caches::default());
        for len in [PLACE_MAX - Entry::SIZE + 1, BYTES_MAX, 100_000] {
            caches.insert(now, 1, 1, KEPT, &vec![1; len]);
            assert_eq!(held(&caches, 0..3), [0u64; 0], "{len}");
        }
        caches.insert(now, 1, 1, KEPT, &[1; PLACE_MAX - Entry::SIZE]);
        assert_eq!(held(&caches, 0..3), [1]);
    }

    #[test]
    fn a_late_packet_does_not_take_a_later_ones_place() {
        let (now, mut caches) = (Instant::now(), Caches::default());
        fill(&mut caches, now, 1000..1064, 10);
        caches.insert(now, 1, 990, KEPT, &[7]);
        assert_eq!((caches.get(1, 990), held(&caches, 1000..1064).len()), (None, 64));
    }

    #[test]
    fn the_latest_is_as_old_as_it_is_whatever_comes_late() {
        let (start, mut caches) = (Instant::now(), Caches::default());
        let later = |milliseconds| start + Duration::from_millis(milliseconds);
        assert_eq!(caches.latest(1), None);
        for (at, number) in [(0, 1000), (40, 1002), (200, 1001)] {
            caches.insert(later(at), 1, number, KEPT, &[7]);
        }
        assert_eq!(caches.latest(1), Some((later(40), 1002, KEPT, &[7][..])));
        caches.insert(later(300), 1, 1003, KEPT, &vec![8; 1000]);
        assert_eq!(caches.latest(1), Some((later(300), 1003, KEPT, &[8; 1000][..])), "in a larger place");
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
