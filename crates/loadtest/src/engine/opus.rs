//! Opus packets (RFC 6716, section 3) with a stamp in their padding: a decoder hears the same as without.

use std::time::{SystemTime, UNIX_EPOCH};

/// Bytes of a stamp on the wire.
pub const STAMP: usize = 21;
/// An extension that lasts to the end of the padding, with a number that is free for experiments
/// (draft-ietf-mlcodec-opus-extension, section 3): decoders that look into the padding pass it over.
const EXTENSION: u8 = 124 << 1;
const MARK: [u8; 4] = *b"HbL2";
/// The longest padding that one length byte tells; 255 stands for 254 and another length byte.
const PADDING_STEP: usize = 254;

/// What a packet says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Which speaker.
    pub stream: u32,
    /// Which packet of that speaker, from 0.
    pub number: u32,
    /// When it was sent: microseconds since the Unix epoch, by the sender's clock.
    pub sent_at_micros: u64,
}

impl Stamp {
    /// Writes it over the end of a packet that [`with_room`] made.
    pub fn write(&self, packet: &mut [u8]) {
        if let Some((_, stamp)) = packet.split_last_chunk_mut::<STAMP>() {
            stamp[0] = EXTENSION;
            stamp[1..5].copy_from_slice(&MARK);
            stamp[5..9].copy_from_slice(&self.stream.to_be_bytes());
            stamp[9..13].copy_from_slice(&self.number.to_be_bytes());
            stamp[13..].copy_from_slice(&self.sent_at_micros.to_be_bytes());
        }
    }

    /// Reads it off the end of a packet; `None` when nobody stamped it.
    #[must_use]
    pub fn read(packet: &[u8]) -> Option<Self> {
        let (_, stamp) = packet.split_last_chunk::<STAMP>()?;
        if stamp[0] != EXTENSION || stamp[1..5] != MARK {
            return None;
        }
        Some(Self {
            stream: u32::from_be_bytes(stamp[5..9].try_into().ok()?),
            number: u32::from_be_bytes(stamp[9..13].try_into().ok()?),
            sent_at_micros: u64::from_be_bytes(stamp[13..].try_into().ok()?),
        })
    }
}

/// Microseconds since the Unix epoch.
#[must_use]
pub fn wall_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// How long a packet lasts in RTP ticks of 48 kHz (RFC 6716, section 3.1); `None` when it is empty or breaks off.
#[must_use]
pub fn ticks(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let frame = match toc >> 3 {
        config @ 0..=11 => [480, 960, 1920, 2880][usize::from(config & 3)],
        config @ 12..=15 => [480, 960][usize::from(config & 1)],
        config => [120, 240, 480, 960][usize::from(config & 3)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3F),
    };
    Some(frame * frames)
}

/// The same packet with [`STAMP`] bytes more padding at its end (RFC 6716, section 3.2.5: code 3). `None` when it is malformed.
#[must_use]
pub fn with_room(packet: &[u8]) -> Option<Vec<u8>> {
    let (&toc, rest) = packet.split_first()?;
    let mut out = Vec::with_capacity(packet.len() + STAMP + 4);
    out.push(toc | 3);
    match toc & 3 {
        // One frame, or two of the same size: constant bit rate, and the decoder knows the sizes from the packet's.
        code @ (0 | 1) => {
            out.extend([PADDED | (code + 1)]);
            put_padding_length(&mut out, STAMP);
            out.extend_from_slice(rest);
        }
        // Two frames, the first with its length in front.
        2 => {
            out.extend([PADDED | VARIABLE | 2]);
            put_padding_length(&mut out, STAMP);
            out.extend_from_slice(rest);
        }
        _ => {
            let (&count, rest) = rest.split_first()?;
            let (padding, rest) = if count & PADDED == 0 { (0, rest) } else { padding_length(rest)? };
            (padding <= rest.len()).then_some(())?;
            out.push(count | PADDED);
            put_padding_length(&mut out, padding + STAMP);
            out.extend_from_slice(rest);
        }
    }
    out.extend([0; STAMP]);
    Some(out)
}

/// The flags of the frame count byte.
const PADDED: u8 = 0x40;
const VARIABLE: u8 = 0x80;

fn put_padding_length(out: &mut Vec<u8>, mut length: usize) {
    while length > PADDING_STEP {
        out.push(255);
        length -= PADDING_STEP;
    }
    out.push(u8::try_from(length).unwrap_or(0));
}

fn padding_length(mut bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut length = 0;
    loop {
        let (&byte, rest) = bytes.split_first()?;
        bytes = rest;
        if byte < 255 {
            return Some((length + usize::from(byte), bytes));
        }
        length += PADDING_STEP;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMPED: Stamp = Stamp { stream: 7, number: 123_456, sent_at_micros: 1 << 50 };

    #[test]
    fn a_stamp_is_read_as_it_was_written_and_nothing_else_is_one() {
        let mut packet = with_room(&[0x78, 1, 2, 3]).unwrap();
        assert_eq!(Stamp::read(&packet), None);
        STAMPED.write(&mut packet);
        assert_eq!(Stamp::read(&packet), Some(STAMPED));
        assert_eq!(Stamp::read(&packet[..packet.len() - 1]), None);
        assert_eq!(Stamp::read(&[]), None);
    }

    #[test]
    fn one_frame_becomes_code_3_with_padding() {
        let packet = with_room(&[0x78, 1, 2, 3]).unwrap();
        assert_eq!(packet[..6], [0x7B, 0x41, 21, 1, 2, 3]);
        assert_eq!(packet.len(), 6 + STAMP);
        assert_eq!((ticks(&[0x78, 1]), ticks(&packet)), (Some(960), Some(960)));
    }

    #[test]
    fn two_frames_and_padding_that_was_there_stay() {
        assert_eq!(with_room(&[0x79, 1, 2]).unwrap()[..5], [0x7B, 0x42, 21, 1, 2]);
        assert_eq!(with_room(&[0x7A, 1, 9, 2]).unwrap()[..6], [0x7B, 0xC2, 21, 1, 9, 2]);
        let padded = with_room(&[0x7B, 0x41, 2, 9, 0, 0]).unwrap();
        assert_eq!(padded[..6], [0x7B, 0x41, 23, 9, 0, 0]);
        let long: Vec<u8> = [0x7B, 0x41, 250, 9].into_iter().chain([0; 250]).collect();
        let padded = with_room(&long).unwrap();
        assert_eq!(padded[..5], [0x7B, 0x41, 255, 17, 9]);
        assert_eq!(padding_length(&padded[2..]).unwrap().0, 271);
    }

    #[test]
    fn what_breaks_off_is_no_packet() {
        for bad in [&[][..], &[0x7B], &[0x7B, 0x41], &[0x7B, 0x41, 255], &[0x7B, 0x41, 9, 1]] {
            assert_eq!(with_room(bad), None, "{bad:?}");
        }
        assert_eq!((ticks(&[]), ticks(&[0x7B])), (None, None));
    }

    #[test]
    fn durations_are_those_of_the_standard() {
        for (config, expected) in [(0, 480), (1, 960), (3, 2880), (12, 480), (13, 960), (16, 120), (19, 960), (31, 960)]
        {
            assert_eq!(ticks(&[config << 3]), Some(expected), "configuration {config}");
        }
    }
}
