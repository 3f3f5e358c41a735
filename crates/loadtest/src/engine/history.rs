//! What a speaker has sent last, for a server that asks for some of it again (generic NACK, RFC 4585, section 6.2.1).

use std::time::{Duration, Instant};

use bytes::BytesMut;

/// Packets that are kept: 640 ms.
const KEPT: usize = 32;
/// The least time between two repetitions of a packet. Otherwise it is a round trip: what was sent again before may have come by then.
const SPACING_MIN: Duration = Duration::from_millis(20);

/// Encrypted packets by sequence number: the same packet again is the same bytes (RFC 3711, section 3.3.1, has an index for each
/// packet, and one key stream an index).
#[derive(Debug, Default)]
pub(super) struct History(Vec<Kept>);

#[derive(Debug, Default)]
struct Kept {
    sequence: u16,
    packet: BytesMut,
    sent_again: Option<Instant>,
}

impl History {
    /// Keeps a packet in place of the one that was sent [`KEPT`] before it.
    pub(super) fn keep(&mut self, sequence: u16, packet: BytesMut) {
        if self.0.is_empty() {
            self.0.resize_with(KEPT, Kept::default);
        }
        self.0[usize::from(sequence) % KEPT] = Kept { sequence, packet, sent_again: None };
    }

    /// The packet of a number, to be sent again now; `None` when it is too old, was never sent, or was sent again within the last round trip.
    pub(super) fn again(&mut self, now: Instant, round_trip: Option<Duration>, sequence: u16) -> Option<&[u8]> {
        let spacing = round_trip.unwrap_or_default().max(SPACING_MIN);
        let kept = self.0.get_mut(usize::from(sequence) % KEPT)?;
        let is_it = kept.sequence == sequence && !kept.packet.is_empty();
        if !is_it || kept.sent_again.is_some_and(|before| now < before + spacing) {
            return None;
        }
        kept.sent_again = Some(now);
        Some(&kept.packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_there_over_the_end_of_the_numbers() {
        let mut history = History::default();
        let now = Instant::now();
        assert_eq!(history.again(now, None, 0), None);
        for number in 65_500..65_600_u32 {
            history.keep(number as u16, BytesMut::from(&number.to_be_bytes()[..]));
        }
        for number in 65_500..65_610_u32 {
            let kept = (65_568..65_600).contains(&number).then(|| number.to_be_bytes());
            assert_eq!(history.again(now, None, number as u16), kept.as_ref().map(|bytes| &bytes[..]), "{number}");
        }
    }

    #[test]
    fn a_packet_is_sent_again_once_a_round_trip_however_often_it_is_asked_for() {
        let (mut history, begin) = (History::default(), Instant::now());
        history.keep(7, BytesMut::from(&[1][..]));
        let mut times = |seconds: u64, round_trip: Option<Duration>| {
            let at = |millis| begin + Duration::from_millis(1_000 * seconds + millis);
            (0..200).filter(|&millis| history.again(at(millis), round_trip, 7).is_some()).count()
        };
        assert_eq!((times(1, None), times(2, Some(Duration::from_millis(50)))), (10, 4));
    }
}
