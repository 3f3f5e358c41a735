//! The RTP header (RFC 3550, section 5.1), read with strict bounds and written without options.

use std::ops::Range;

/// The fixed part of a header.
pub(crate) const FIXED_HEADER: usize = 12;

/// A header as it stood in a packet. Offsets count from the packet's first byte and lie within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    padded: bool,
    extension: Option<Extension>,
    /// Where the payload begins: behind the fixed part, the CSRCs and the extension.
    pub(crate) len: usize,
}

/// Where a header extension is and of which profile (RFC 3550, section 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extension {
    profile: u16,
    start: usize,
    end: usize,
}

impl Header {
    /// Reads the header of a packet, encrypted or not. `None` when it is not RTP version 2 or does not fit the packet.
    pub(crate) fn parse(packet: &[u8]) -> Option<Self> {
        let fixed: &[u8; FIXED_HEADER] = packet.first_chunk()?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let csrcs = usize::from(fixed[0] & 0x0f) * 4;
        let mut len = FIXED_HEADER + csrcs;
        let mut extension = None;
        if fixed[0] & 0x10 != 0 {
            let head: &[u8; 4] = packet.get(len..)?.first_chunk()?;
            let profile = u16::from_be_bytes([head[0], head[1]]);
            let start = len + 4;
            let end = start + usize::from(u16::from_be_bytes([head[2], head[3]])) * 4;
            extension = Some(Extension { profile, start, end });
            len = end;
        }
        (len <= packet.len()).then_some(Self {
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7f,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            padded: fixed[0] & 0x20 != 0,
            extension,
            len,
        })
    }

    /// The payload of the decrypted packet this header was read from, without padding. `None` when the padding's length
    /// is 0 or more than there is (RFC 3550, section 5.1), or nothing is left.
    pub(crate) fn payload(&self, packet: &[u8]) -> Option<Range<usize>> {
        let mut end = packet.len();
        if self.padded {
            let padding = usize::from(*packet.get(self.len..)?.last()?);
            if padding == 0 || padding > end - self.len {
                return None;
            }
            end -= padding;
        }
        (self.len < end).then_some(self.len..end)
    }

    /// The profile and the elements of the header extension.
    pub(crate) fn extension<'a>(&self, packet: &'a [u8]) -> Option<(u16, &'a [u8])> {
        let extension = self.extension?;
        Some((extension.profile, packet.get(extension.start..extension.end)?))
    }
}

/// The header of a packet on its way out: no CSRCs, no extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutHeader {
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    /// How often the sequence number has wrapped (RFC 3711, section 3.3.1). Not in the header, but in the packet's encryption.
    pub(crate) rollovers: u32,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    /// Bytes behind the payload, the last of which tells how many there are (RFC 3550, section 5.1).
    pub(crate) padding: u8,
}

impl OutHeader {
    /// The packet index (RFC 3711, section 3.3.1): rollovers × 2^16 + sequence number.
    pub(crate) fn index(self) -> u64 {
        (u64::from(self.rollovers) << 16) | u64::from(self.sequence)
    }

    /// Appends the packet, not encrypted yet.
    pub(crate) fn write(self, payload: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_bytes());
        out.extend_from_slice(payload);
        if self.padding > 0 {
            out.resize(out.len() + usize::from(self.padding) - 1, 0);
            out.push(self.padding);
        }
    }

    const fn to_bytes(self) -> [u8; FIXED_HEADER] {
        let [s0, s1] = self.sequence.to_be_bytes();
        let [t0, t1, t2, t3] = self.timestamp.to_be_bytes();
        let [i0, i1, i2, i3] = self.ssrc.to_be_bytes();
        let padded = if self.padding > 0 { 0x20 } else { 0 };
        let marker = if self.marker { 0x80 } else { 0 };
        [0x80 | padded, marker | (self.payload_type & 0x7f), s0, s1, t0, t1, t2, t3, i0, i1, i2, i3]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: [u8; 13] = [0x80, 0x80 | 111, 0x12, 0x34, 0, 0, 0, 9, 0xde, 0xad, 0xbe, 0xef, 7];

    #[test]
    fn a_plain_packet() {
        let header = Header::parse(&PLAIN).expect("RTP");
        assert!(header.marker);
        assert_eq!(
            (header.payload_type, header.sequence, header.timestamp, header.ssrc),
            (111, 0x1234, 9, 0xdead_beef)
        );
        assert_eq!(header.payload(&PLAIN), Some(12..13));
        assert_eq!(header.extension(&PLAIN), None);
    }

    #[test]
    fn csrcs_and_extension_are_skipped() {
        let mut packet = PLAIN[..12].to_vec();
        packet[0] = 0x92;
        packet.extend([1; 8]);
        packet.extend([0xbe, 0xde, 0, 1, 0x10, 0x85, 0, 0]);
        packet.extend([5, 6]);
        let header = Header::parse(&packet).expect("RTP");
        assert_eq!(header.extension(&packet), Some((0xbede, &[0x10, 0x85, 0, 0][..])));
        assert_eq!(header.payload(&packet), Some(28..30));
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        let mut csrcs = PLAIN;
        csrcs[0] = 0x8f;
        assert_eq!(Header::parse(&csrcs), None);
        let mut extension = PLAIN.to_vec();
        extension[0] = 0x90;
        assert_eq!(Header::parse(&extension), None, "no room for the extension's head");
        extension.extend([0xbe, 0xde, 0xff, 0xff, 0, 0]);
        assert_eq!(Header::parse(&extension), None, "more extension than packet");
        assert_eq!(Header::parse(&PLAIN[..11]), None);
        let mut version = PLAIN;
        version[0] = 0x40;
        assert_eq!(Header::parse(&version), None);
    }

    #[test]
    fn padding_of_zero_or_more_than_the_payload_is_refused() {
        let mut packet = PLAIN.to_vec();
        packet[0] |= 0x20;
        packet.extend([1, 2, 2]);
        let header = Header::parse(&packet).expect("RTP");
        assert_eq!(header.payload(&packet), Some(12..14));
        for (padding, why) in
            [(0, "zero"), (5, "more than the payload"), (255, "more than the packet"), (4, "no payload left")]
        {
            *packet.last_mut().expect("a byte") = padding;
            assert_eq!(header.payload(&packet), None, "{why}");
        }
        assert_eq!(header.payload(&packet[..12]), None, "padding without a payload");
    }

    #[test]
    fn what_is_written_is_read_again() {
        for padding in [0, 1, 2, 255] {
            let out = OutHeader {
                marker: true,
                payload_type: 96,
                rollovers: 3,
                sequence: 65_535,
                timestamp: u32::MAX,
                ssrc: 1,
                padding,
            };
            let mut packet = Vec::new();
            out.write(b"opus", &mut packet);
            assert_eq!(packet.len(), FIXED_HEADER + 4 + usize::from(padding));
            let header = Header::parse(&packet).expect("RTP");
            assert_eq!((header.marker, header.payload_type, header.sequence), (true, 96, 65_535));
            assert_eq!((header.timestamp, header.ssrc, header.len), (u32::MAX, 1, FIXED_HEADER));
            assert_eq!(header.payload(&packet), Some(12..16));
        }
    }

    proptest! {
        #[test]
        fn nothing_points_outside_the_packet(packet in proptest::collection::vec(any::<u8>(), 0..120)) {
            if let Some(header) = Header::parse(&packet) {
                prop_assert!(header.len <= packet.len());
                if let Some(payload) = header.payload(&packet) {
                    prop_assert!(payload.start < payload.end && payload.end <= packet.len());
                }
                if header.extension.is_some() {
                    prop_assert!(header.extension(&packet).is_some());
                }
            }
        }
    }
}
