//! What a speaker has sent last, for a server that asks for some of it again (generic NACK, RFC 4585, section 6.2.1).

use bytes::BytesMut;

/// Packets that are kept: 640 ms.
const KEPT: usize = 32;

/// Encrypted packets by sequence number: the same packet again is the same bytes (RFC 3711, section 3.3.1, has an index for each
/// packet, and one key stream an index).
#[derive(Debug, Default)]
pub(super) struct History(Vec<(u16, BytesMut)>);

impl History {
    /// Keeps a packet in place of the one that was sent [`KEPT`] before it.
    pub(super) fn keep(&mut self, sequence: u16, packet: BytesMut) {
        if self.0.is_empty() {
            self.0.resize_with(KEPT, || (0, BytesMut::new()));
        }
        self.0[usize::from(sequence) % KEPT] = (sequence, packet);
    }

    /// The packet of a number; `None` when it is too old, or was never sent.
    pub(super) fn packet(&self, sequence: u16) -> Option<&[u8]> {
        let (kept, packet) = self.0.get(usize::from(sequence) % KEPT)?;
        (*kept == sequence && !packet.is_empty()).then_some(packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_there_over_the_end_of_the_numbers() {
        let mut history = History::default();
        assert_eq!(history.packet(0), None);
        for number in 65_500..65_600_u32 {
            history.keep(number as u16, BytesMut::from(&number.to_be_bytes()[..]));
        }
        for number in 65_500..65_610_u32 {
            let kept = (65_568..65_600).contains(&number).then(|| number.to_be_bytes());
            assert_eq!(history.packet(number as u16), kept.as_ref().map(|bytes| &bytes[..]), "{number}");
        }
    }
}
