//! Which packets of one SSRC have been received: rollovers (RFC 3711, section 3.3.1) and the replay list (section 3.3.2).

/// Packets that may be late: 2.5 s of audio. What is older is dropped like a replay.
const WINDOW: u64 = u128::BITS as u64;

/// One more than the largest packet index, rollovers being a number of 32 bits.
const INDEX_END: u64 = 1 << 48;

/// The received packets of one SSRC.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Window {
    highest: Option<u64>,
    /// Bit n: the packet n before the highest one was received.
    seen: u128,
}

impl Window {
    /// The packet index a sequence number most likely stands for; `None` when it would be the first one after 2^48 packets.
    #[expect(clippy::cast_possible_truncation, reason = "the lower bits are meant")]
    pub(crate) fn index(&self, sequence: u16) -> Option<u64> {
        const MEDIAN: u16 = 1 << 15;
        let Some(highest) = self.highest else { return Some(u64::from(sequence)) };
        let (rollovers, last) = (highest >> 16, highest as u16);
        let rollovers = if last < MEDIAN {
            // Before the first packet there is nothing: a leap ahead is the only way to read it then.
            if sequence.saturating_sub(last) > MEDIAN { rollovers.saturating_sub(1) } else { rollovers }
        } else {
            rollovers + u64::from(last - MEDIAN > sequence)
        };
        Some(rollovers << 16 | u64::from(sequence)).filter(|index| *index < INDEX_END)
    }

    /// Whether a packet index has not been received and is not too old to tell.
    pub(crate) fn is_new(&self, index: u64) -> bool {
        match self.highest {
            Some(highest) if index <= highest => {
                let back = highest - index;
                back < WINDOW && self.seen & (1 << back) == 0
            }
            _ => true,
        }
    }

    /// Notes a packet that is authentic and new.
    pub(crate) fn receive(&mut self, index: u64) {
        match self.highest {
            Some(highest) if index <= highest => {
                if highest - index < WINDOW {
                    self.seen |= 1 << (highest - index);
                }
            }
            before => {
                let step = before.map_or(WINDOW, |highest| index - highest);
                self.seen = if step < WINDOW { self.seen << step } else { 0 } | 1;
                self.highest = Some(index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rollovers_are_guessed_within_half_of_the_numbers() {
        let mut window = Window::default();
        assert_eq!(window.index(65_535), Some(65_535), "the first one has rolled over never");
        window.receive(65_535);
        assert_eq!(window.index(0), Some(65_536));
        assert_eq!(window.index(65_000), Some(65_000));
        window.receive(65_536 + 10);
        assert_eq!(window.index(65_530), Some(65_530), "late");
        assert_eq!(window.index(10 + 0x8000), Some(65_536 + 10 + 0x8000), "as far ahead as can be");
        assert_eq!(window.index(11 + 0x8000), Some(11 + 0x8000));
    }

    #[test]
    fn before_the_first_packet_there_is_nothing() {
        let mut window = Window::default();
        window.receive(5);
        assert_eq!(window.index(65_530), Some(65_530));
    }

    #[test]
    fn the_numbers_end() {
        let mut window = Window::default();
        window.receive(INDEX_END - 1);
        assert_eq!(window.index(65_534), Some(INDEX_END - 2));
        assert_eq!(window.index(0), None, "keys may not be used any longer");
    }

    proptest! {
        /// Against a set that forgets nothing, with steps that roll over many times.
        #[test]
        fn nothing_is_new_twice_and_nothing_recent_is_lost(
            steps in proptest::collection::vec(prop_oneof![-150i64..=1, 1i64..20_000], 1..300),
        ) {
            let (mut window, mut seen, mut highest) = (Window::default(), HashSet::from([300]), 300u64);
            window.receive(300);
            for step in steps {
                let index = highest.saturating_add_signed(step);
                prop_assert_eq!(window.index((index & 0xffff) as u16), Some(index));
                let recent = highest.saturating_sub(index) < WINDOW;
                prop_assert_eq!(window.is_new(index), recent && !seen.contains(&index));
                if window.is_new(index) {
                    window.receive(index);
                    seen.insert(index);
                    highest = highest.max(index);
                }
            }
        }
    }
}
