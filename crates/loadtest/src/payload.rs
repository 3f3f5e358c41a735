//! Payloads that look like Opus and can be recognised: who sent them, which one it is, and when.

use std::time::{SystemTime, UNIX_EPOCH};

/// Bytes of a payload: what Opus needs for 20 ms of speech at about 32 kbit/s.
pub const LENGTH: usize = 80;

/// The first byte of an Opus packet (RFC 6716, section 3.1): CELT, fullband, 20 ms, mono, one frame.
const TOC: u8 = 0b1111_1000;
const MARK: [u8; 4] = *b"HbLt";

/// What a payload says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload {
    /// Which speaker.
    pub stream: u32,
    /// Which packet of that speaker, from 0.
    pub number: u32,
    /// When it was sent: microseconds since the Unix epoch, by the sender's clock.
    pub sent_at_micros: u64,
}

impl Payload {
    /// A payload sent now.
    #[must_use]
    pub fn now(stream: u32, number: u32) -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { stream, number, sent_at_micros: u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX) }
    }

    /// The bytes on the wire.
    #[must_use]
    pub fn encode(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[0] = TOC;
        bytes[1..5].copy_from_slice(&MARK);
        bytes[5..9].copy_from_slice(&self.stream.to_be_bytes());
        bytes[9..13].copy_from_slice(&self.number.to_be_bytes());
        bytes[13..21].copy_from_slice(&self.sent_at_micros.to_be_bytes());
        bytes
    }

    /// Reads the bytes; `None` when somebody else made them.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; LENGTH] = bytes.try_into().ok()?;
        if bytes[0] != TOC || bytes[1..5] != MARK {
            return None;
        }
        Some(Self {
            stream: u32::from_be_bytes(bytes[5..9].try_into().ok()?),
            number: u32::from_be_bytes(bytes[9..13].try_into().ok()?),
            sent_at_micros: u64::from_be_bytes(bytes[13..21].try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_recognised_and_others_are_not() {
        let payload = Payload::now(7, 123_456);
        let bytes = payload.encode();
        assert_eq!(Payload::decode(&bytes), Some(payload));
        assert_eq!(Payload::decode(&bytes[..LENGTH - 1]), None);
        assert_eq!(Payload::decode(&[TOC; LENGTH]), None);
        assert_eq!(Payload::decode(&[]), None);
    }
}
