//! What a slot has sent lately, so that a packet can be sent again exactly as it was.

use crate::prefetch::prefetch;

/// How often one packet is sent again. Browsers ask once in 1.5 round trips, so that more would come too late.
const ANSWERS_MAX: u8 = 3;

/// Packets remembered a slot: 1.28 s at 20 ms. A listener's jitter buffer has given a packet up long before.
const KEPT: u64 = 64;

/// How a packet differed from what its publisher sent, the numbers apart.
///
/// A packet that is sent again must be the same to the bit: AES-GCM with the same SSRC, rollovers and sequence number, hence the
/// same nonce, but another header or payload gives the keys away (RFC 7714, section 8.4; RFC 3711, section 9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SentPacket {
    pub(crate) marker: bool,
    /// At the time; a later offer may have changed the slot's.
    pub(crate) payload_type: u8,
    /// As [`super::packet::OutHeader::padding`].
    pub(crate) padding: u8,
}

/// The marker bit and the payload type, as in a header; and the padding.
#[derive(Clone, Copy, Debug)]
struct Kept {
    kind: u8,
    padding: u8,
    /// How often it was sent again, or [`NEVER_SENT`].
    answers: u8,
}

const NEVER_SENT: u8 = u8::MAX;
const UNUSED: Kept = Kept { kind: 0, padding: 0, answers: NEVER_SENT };

/// A ring of the last [`KEPT`] sequence numbers of one slot; those that were never sent are holes. Most slots never send anything.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// The highest packet index (rollovers and sequence number) sent.
    highest: u64,
    ring: Option<Box<[Kept; KEPT as usize]>>,
}

impl History {
    /// Asks for where the next packet is to be noted.
    pub(crate) fn prefetch(&self) {
        if let Some(ring) = &self.ring {
            prefetch(&ring[place(self.highest + 1)]);
        }
    }

    /// Remembers a packet that was sent under a packet index: rollovers × 2^16 + sequence number (RFC 3711, section 3.3.1).
    pub(crate) fn note(&mut self, index: u64, packet: SentPacket) {
        let ring = self.ring.get_or_insert_with(|| {
            self.highest = index;
            Box::new([UNUSED; KEPT as usize])
        });
        if index > self.highest {
            for skipped in (self.highest + 1..index).rev().take(KEPT as usize) {
                ring[place(skipped)] = UNUSED;
            }
            self.highest = index;
        } else if self.highest - index >= KEPT {
            return;
        }
        let kind = u8::from(packet.marker) << 7 | (packet.payload_type & 0x7f);
        ring[place(index)] = Kept { kind, padding: packet.padding, answers: 0 };
    }

    /// The packet with a sequence number, and its packet index; `None` when none was sent or it is too long ago.
    pub(crate) fn get(&self, sequence: u16) -> Option<(u64, SentPacket)> {
        let index = self.find(sequence)?;
        let Kept { kind, padding, answers } = self.ring.as_ref()?[place(index)];
        (answers != NEVER_SENT)
            .then_some((index, SentPacket { marker: kind & 0x80 != 0, payload_type: kind & 0x7f, padding }))
    }

    /// Counts that a packet is sent again; `false` when it was so often enough.
    pub(crate) fn answer(&mut self, index: u64) -> bool {
        let Some(ring) = &mut self.ring else { return false };
        let answers = &mut ring[place(index)].answers;
        let allowed = *answers < ANSWERS_MAX;
        *answers += u8::from(allowed);
        allowed
    }

    /// The packet index that a sequence number stands for.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "the distance modulo 2^16 is meant"
    )]
    fn find(&self, sequence: u16) -> Option<u64> {
        let back = (self.highest as u16).wrapping_sub(sequence) as i16;
        let back = u64::try_from(back).ok().filter(|back| *back < KEPT)?;
        self.highest.checked_sub(back)
    }
}

const fn place(index: u64) -> usize {
    (index % KEPT) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_was_sent_at_first() {
        let history = History::default();
        assert!((0..=u16::MAX).all(|sequence| history.get(sequence).is_none()));
    }

    #[test]
    fn a_leap_forgets_what_it_passes() {
        let mut history = History::default();
        let packet = SentPacket { marker: true, payload_type: 111, padding: 9 };
        history.note(10, packet);
        history.note(74, packet);
        assert_eq!(history.get(10), None, "its place is somebody else's");
        history.note(10, packet);
        assert_eq!(history.get(10), None, "too late to be remembered");
        history.note(11, packet);
        assert_eq!(history.get(11), Some((11, packet)), "late, but not too late");
        history.note(74 + 65_536, packet);
        assert_eq!(history.get(11), None);
        assert_eq!(history.get(74), Some((74 + 65_536, packet)));
    }

    #[test]
    fn a_packet_is_sent_again_a_few_times() {
        let mut history = History::default();
        history.note(10, SentPacket { marker: false, payload_type: 111, padding: 0 });
        assert_eq!([(); 5].map(|()| history.answer(10)), [true, true, true, false, false]);
        history.note(10 + KEPT, SentPacket { marker: false, payload_type: 111, padding: 0 });
        assert!(history.answer(10 + KEPT), "another packet in its place");
    }

    proptest! {
        /// Against a map that forgets nothing: whatever is found is what was noted last under that index, the last ones are found.
        #[test]
        fn it_is_the_end_of_all_that_was_sent(steps in proptest::collection::vec((-70i64..3000, any::<u8>()), 1..200)) {
            let (mut history, mut all) = (History::default(), std::collections::BTreeMap::new());
            let mut highest = 65_500u64;
            for (step, byte) in steps {
                let index = highest.saturating_add_signed(step.min(200));
                highest = highest.max(index);
                let packet = SentPacket { marker: byte & 1 == 0, payload_type: byte >> 1, padding: byte };
                history.note(index, packet);
                if highest - index < KEPT {
                    all.insert(index, packet);
                }
            }
            for sequence in 0..=u16::MAX {
                if let Some((index, packet)) = history.get(sequence) {
                    prop_assert_eq!(index & 0xffff, u64::from(sequence));
                    prop_assert_eq!(all.get(&index), Some(&packet));
                }
            }
            for (index, packet) in all.range(highest + 1 - KEPT..) {
                prop_assert_eq!(history.get((index & 0xffff) as u16), Some((*index, *packet)));
            }
        }
    }
}
