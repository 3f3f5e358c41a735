//! The RTP a test client sends and receives.

use std::time::Instant;

use super::ClientOptions;

/// The payload type of redundant audio in the client's offers.
pub(crate) const RED: u8 = 63;
/// The id of the audio level extension there.
const AUDIO_LEVEL: u8 = 1;

/// A source of Opus packets.
pub(super) struct Microphone {
    pub(super) ssrc: u32,
    sequence: u16,
    timestamp: u32,
    audio_level: bool,
    opus: u8,
    /// The payload before, when each packet carries it too.
    redundant: Option<Vec<u8>>,
}

impl Microphone {
    pub(super) fn new(options: &ClientOptions) -> Self {
        Self {
            ssrc: rand::random(),
            sequence: rand::random::<u16>() >> 1,
            timestamp: rand::random(),
            audio_level: options.audio_level,
            opus: options.opus,
            redundant: options.red.then(Vec::new),
        }
    }

    /// Leaves out this many packets.
    pub(super) fn skip(&mut self, count: u16) {
        self.sequence = self.sequence.wrapping_add(count);
        self.timestamp = self.timestamp.wrapping_add(960 * u32::from(count));
    }

    /// The next packet of 20 ms.
    pub(super) fn packet(&mut self, level: u8, payload: &[u8]) -> Vec<u8> {
        let payload_type = if self.redundant.is_some() { RED } else { self.opus };
        let mut packet = vec![if self.audio_level { 0x90 } else { 0x80 }, payload_type];
        packet.extend_from_slice(&self.sequence.to_be_bytes());
        packet.extend_from_slice(&self.timestamp.to_be_bytes());
        packet.extend_from_slice(&self.ssrc.to_be_bytes());
        if self.audio_level {
            let voice = u8::from(level < 60) << 7;
            packet.extend_from_slice(&[0xBE, 0xDE, 0, 1, AUDIO_LEVEL << 4, voice | level & 0x7F, 0, 0]);
        }
        if let Some(before) = &mut self.redundant {
            if !before.is_empty() {
                let len = u32::try_from(before.len()).expect("short");
                packet.extend((u32::from(self.opus | 0x80) << 24 | 960 << 10 | len).to_be_bytes());
            }
            packet.push(self.opus);
            packet.append(before);
            before.extend_from_slice(payload);
        }
        packet.extend_from_slice(payload);
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(960);
        packet
    }
}

/// An RTP packet that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    /// When.
    pub(crate) at: Instant,
    /// Header fields.
    pub(crate) payload_type: u8,
    /// Marker bit.
    pub(crate) marker: bool,
    /// Sequence number.
    pub(crate) sequence: u16,
    /// Timestamp.
    pub(crate) timestamp: u32,
    /// Synchronization source.
    pub(crate) ssrc: u32,
    /// The payload without padding.
    pub(crate) payload: Vec<u8>,
}

impl Received {
    /// Reads a decrypted packet.
    pub(super) fn parse(at: Instant, packet: &[u8]) -> Option<Self> {
        let word = |i: usize| packet.get(i..i + 4)?.try_into().ok().map(u32::from_be_bytes);
        let mut start = 12 + 4 * usize::from(packet.first()? & 0x0F);
        if packet[0] & 0x10 != 0 {
            start += 4 + 4 * (word(start)? & 0xFFFF) as usize;
        }
        let padding = if packet[0] & 0x20 != 0 { usize::from(*packet.last()?) } else { 0 };
        Some(Self {
            at,
            payload_type: packet[1] & 0x7F,
            marker: packet[1] & 0x80 != 0,
            sequence: u16::from_be_bytes([packet[2], packet[3]]),
            timestamp: word(4)?,
            ssrc: word(8)?,
            payload: packet.get(start..packet.len().checked_sub(padding)?)?.to_vec(),
        })
    }
}
