//! A publisher's stream as it is forwarded: which packets have a place in it, and which place.
//!
//! Packets left out on purpose (silence, no grant) leave no gap; packets that were lost on the way keep their place, so
//! that listeners conceal and count them, and late ones still find it.

use crate::prefetch::prefetch;

/// How many places back a late packet may still come. More costs memory; a jitter buffer gives up long before this.
const WINDOW: u64 = 128;
/// How many runs late packets are looked up in: one spurt's end and the next one's start can overtake each other.
const RUNS: usize = 4;
/// The first packet's extended sequence number and place, high enough for late packets below it.
const BASE: u64 = 1 << 32;

/// A stretch of sequence numbers forwarded without leaving anything out: place = extended sequence number - shift.
#[derive(Clone, Copy, Debug)]
struct Run {
    start: u64,
    end: u64,
    shift: u64,
}

/// A place in the forwarded stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Counts up without gaps but those of loss.
    pub(crate) number: u64,
    /// The first one after a pause.
    pub(crate) spurt: bool,
}

/// Why a packet has no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// It has been placed before.
    Duplicate,
    /// It belongs to a stretch that was left out, or its place is too far back.
    TooLate,
}

/// The state of one stream.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// Newest last.
    runs: [Option<Run>; RUNS],
    /// The highest extended sequence number seen, forwarded or not.
    highest: Option<u64>,
    /// Something newer than the last run was left out.
    paused: bool,
    /// Bit n: the place n before the highest one is taken.
    taken: u128,
}

impl Source {
    /// Asks for what [`Self::place`] needs.
    pub(crate) fn prefetch(&self) {
        prefetch(&self.taken);
        prefetch(&self.runs[RUNS - 1]);
    }

    /// Gives the packet its place.
    pub(crate) fn place(&mut self, sequence: u16) -> Result<Place, NoPlace> {
        let extended = self.extend(sequence);
        let newest = self.highest.is_none_or(|highest| extended > highest);
        if newest { Ok(self.append(extended)) } else { self.insert(extended) }
    }

    /// Leaves the packet out of the stream.
    pub(crate) fn skip(&mut self, sequence: u16) {
        let extended = self.extend(sequence);
        if self.highest.is_none_or(|highest| extended > highest) {
            self.highest = Some(extended);
            self.paused = true;
        }
    }

    /// Whether something newer than all that has a place was left out.
    pub(crate) const fn is_paused(&self) -> bool {
        self.paused
    }

    /// Begins to count anew: what was sent before this has no place any more.
    pub(crate) fn begin_anew(&mut self) {
        *self = Self { highest: self.highest, ..Self::default() };
    }

    /// The number without its wrap-arounds (RFC 3711, appendix A: within 2^15 of the highest one).
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "the distance modulo 2^16 is meant"
    )]
    fn extend(&self, sequence: u16) -> u64 {
        let Some(highest) = self.highest else { return BASE + u64::from(sequence) };
        let distance = sequence.wrapping_sub(highest as u16) as i16;
        highest.wrapping_add_signed(i64::from(distance))
    }

    fn append(&mut self, extended: u64) -> Place {
        let previous_highest = self.highest.replace(extended);
        let last = self.runs[RUNS - 1];
        let (run, spurt) = match (last, previous_highest) {
            (Some(run), _) if !self.paused => (Run { end: extended, ..run }, false),
            (Some(run), Some(highest)) => {
                let next = run.end - run.shift + 1;
                (Run { start: highest + 1, end: extended, shift: highest + 1 - next }, true)
            }
            _ => (Run { start: extended, end: extended, shift: extended - BASE }, true),
        };
        let before = last.map_or(0, |run| run.end - run.shift);
        let number = extended - run.shift;
        self.taken = match number - before {
            step if step < WINDOW => (self.taken << step) | 1,
            _ => 1,
        };
        if spurt {
            self.runs.rotate_left(1);
        }
        self.runs[RUNS - 1] = Some(run);
        self.paused = false;
        Place { number, spurt }
    }

    fn insert(&mut self, extended: u64) -> Result<Place, NoPlace> {
        let highest = self.runs[RUNS - 1].map(|run| run.end - run.shift).ok_or(NoPlace::TooLate)?;
        let run = self.runs.iter().flatten().find(|run| (run.start..=run.end).contains(&extended));
        let number = extended - run.ok_or(NoPlace::TooLate)?.shift;
        let back = highest - number;
        if back >= WINDOW {
            return Err(NoPlace::TooLate);
        }
        if self.taken & (1 << back) != 0 {
            return Err(NoPlace::Duplicate);
        }
        self.taken |= 1 << back;
        Ok(Place { number, spurt: false })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(source: &mut Source, sequence: u16) -> u64 {
        source.place(sequence).expect("a place").number - BASE
    }

    #[test]
    fn numbers_follow_through_the_wrap_around() {
        let mut source = Source::default();
        assert_eq!([65_534, 65_535, 0, 1].map(|sequence| number(&mut source, sequence)), [0, 1, 2, 3]);
    }

    #[test]
    fn loss_keeps_its_place_and_the_late_find_it_once() {
        let mut source = Source::default();
        assert_eq!([10, 13, 11].map(|sequence| number(&mut source, sequence)), [0, 3, 1]);
        assert_eq!(source.place(11), Err(NoPlace::Duplicate));
        assert_eq!(source.place(13), Err(NoPlace::Duplicate));
        assert_eq!(number(&mut source, 12), 2);
    }

    #[test]
    fn what_is_left_out_leaves_no_gap() {
        let mut source = Source::default();
        assert!(source.place(1).expect("a place").spurt);
        for sequence in 2..=90 {
            source.skip(sequence);
        }
        let spurt = source.place(91).expect("a place");
        assert_eq!((spurt.number - BASE, spurt.spurt), (1, true));
        assert_eq!(number(&mut source, 92), 2);
        assert_eq!(source.place(50), Err(NoPlace::TooLate), "it was left out, and stays out");
    }

    #[test]
    fn who_begins_anew_has_no_place_for_what_was_before() {
        let mut source = Source::default();
        assert_eq!([10, 11, 13].map(|sequence| number(&mut source, sequence)), [0, 1, 3]);
        source.begin_anew();
        assert_eq!([12, 13].map(|sequence| source.place(sequence)), [Err(NoPlace::TooLate); 2]);
        assert_eq!(source.place(15).map(|place| place.spurt), Ok(true));
        assert_eq!(source.place(12), Err(NoPlace::TooLate));
        assert_eq!(source.place(15), Err(NoPlace::Duplicate));
        assert_eq!(number(&mut source, 16), 1);
    }

    #[test]
    fn a_spurts_first_packet_may_be_overtaken() {
        let mut source = Source::default();
        number(&mut source, 1);
        source.skip(2);
        assert_eq!([4, 3, 5].map(|sequence| number(&mut source, sequence)), [2, 1, 3]);
    }

    #[test]
    fn a_spurts_last_packet_may_be_late() {
        let mut source = Source::default();
        assert_eq!([1, 3].map(|sequence| number(&mut source, sequence)), [0, 2]);
        source.skip(4);
        assert_eq!([5, 2].map(|sequence| number(&mut source, sequence)), [3, 1]);
    }

    #[test]
    fn far_back_is_too_late() {
        let mut source = Source::default();
        number(&mut source, 0);
        number(&mut source, 2);
        number(&mut source, 500);
        assert_eq!(source.place(1), Err(NoPlace::TooLate));
        assert_eq!(source.place(0), Err(NoPlace::TooLate));
    }

    proptest! {
        /// Whatever arrives in whatever order: no place is given twice, and places are in the order of the numbers.
        #[test]
        fn places_are_unique_and_ordered(packets in proptest::collection::vec((0u16..400, any::<bool>()), 1..300)) {
            let mut source = Source::default();
            let mut placed = std::collections::BTreeMap::new();
            for (sequence, forward) in packets {
                if !forward {
                    source.skip(sequence);
                } else if let Ok(place) = source.place(sequence) {
                    prop_assert_eq!(placed.insert(place.number, sequence), None);
                }
            }
            let in_order: Vec<u16> = placed.into_values().collect();
            prop_assert!(in_order.is_sorted(), "{:?}", in_order);
        }
    }
}
