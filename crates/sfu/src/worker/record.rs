//! What crosses between workers, as bytes: one record after the other, so that a queue needs no more room than packets have.
//!
//! Never leaves the process: numbers are in the processor's order. A record is its length (`u16`, itself included), what it
//! is, flags, call and publisher; a packet has its place, time, level and payload besides.

use crate::call::{Crossing, Standing};
use crate::ids::{CallId, PeerId};
use crate::rtp::payload::Audio;
use crate::rtp::slot::Incoming;
use crate::worker_set::WorkerSet;

/// The largest payload that crosses, in bytes. Opus makes at most 1275 a frame; more fits no packet on the internet.
pub(super) const PAYLOAD_MAX: usize = 1500;
/// The bytes of a record before a packet's own.
pub(super) const HEAD: usize = 36;
/// The bytes of a packet before its payload.
const PACKET_HEAD: usize = 36;
/// The largest record, in bytes.
pub(super) const RECORD_MAX: usize = HEAD + PACKET_HEAD + PAYLOAD_MAX;

const PACKET: u8 = 0;
const SILENT: u8 = 1;
const MUTED: u8 = 2;
const GONE: u8 = 3;
const RESTARTED: u8 = 4;

const MARKER: u8 = 1;
const WORDS: u8 = 2;

/// What a worker tells another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Record<'a> {
    /// A publisher's packet, decrypted and decided on.
    Packet { call: CallId, publisher: PeerId, standing: Standing, incoming: Incoming, payload: &'a [u8] },
    /// News of a publisher.
    Crossing { call: CallId, publisher: PeerId, crossing: Crossing },
    /// The worker began anew: nothing it said before holds.
    Restarted,
}

impl<'a> Record<'a> {
    /// Appends the bytes; nothing when the payload is too large to cross.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let (kind, flags, call, publisher) = match self {
            Self::Packet { payload, .. } if payload.len() > PAYLOAD_MAX => return false,
            Self::Packet { call, publisher, standing, incoming, .. } => {
                let marker = if incoming.marker { MARKER } else { 0 };
                let words = if standing.words { WORDS } else { 0 };
                (PACKET, marker | words, call.0, publisher.0)
            }
            Self::Crossing { call, publisher, crossing } => {
                let kind = match crossing {
                    Crossing::Silent => SILENT,
                    Crossing::Muted => MUTED,
                    Crossing::Gone => GONE,
                };
                (kind, 0, call.0, publisher.0)
            }
            Self::Restarted => (RESTARTED, 0, 0, 0),
        };
        out.extend_from_slice(&[0, 0, kind, flags]);
        out.extend_from_slice(&call.to_ne_bytes());
        out.extend_from_slice(&publisher.to_ne_bytes());
        if let Self::Packet { standing, incoming, payload, .. } = self {
            out.extend_from_slice(&incoming.stream.to_ne_bytes());
            out.extend_from_slice(&incoming.number.to_ne_bytes());
            out.extend_from_slice(&incoming.timestamp.to_ne_bytes());
            out.extend_from_slice(&u16::from(incoming.audio.codec).to_ne_bytes());
            out.extend_from_slice(&incoming.audio.primary.to_ne_bytes());
            out.extend_from_slice(&standing.rank.to_ne_bytes());
            out.extend_from_slice(&standing.loudness.to_ne_bytes());
            out.extend_from_slice(&standing.voice_ms_ago.to_ne_bytes());
            out.extend_from_slice(&standing.listed_ms.to_ne_bytes());
            out.extend_from_slice(payload);
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most RECORD_MAX")]
        let len = (out.len() - start) as u16;
        out[start..start + 2].copy_from_slice(&len.to_ne_bytes());
        true
    }

    /// Reads a record; `None` when it is none.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes.get(2..)?;
        let [kind, flags] = take(&mut rest)?;
        let call = CallId(u128::from_ne_bytes(take(&mut rest)?));
        let publisher = PeerId(u128::from_ne_bytes(take(&mut rest)?));
        Some(match kind {
            PACKET => {
                let incoming = Incoming {
                    stream: u64::from_ne_bytes(take(&mut rest)?),
                    number: u64::from_ne_bytes(take(&mut rest)?),
                    timestamp: u32::from_ne_bytes(take(&mut rest)?),
                    marker: flags & MARKER != 0,
                    audio: Audio {
                        codec: u8::try_from(u16::from_ne_bytes(take(&mut rest)?)).ok()?,
                        primary: u16::from_ne_bytes(take(&mut rest)?),
                    },
                };
                let standing = Standing {
                    rank: f32::from_ne_bytes(take(&mut rest)?),
                    loudness: f32::from_ne_bytes(take(&mut rest)?),
                    words: flags & WORDS != 0,
                    voice_ms_ago: u16::from_ne_bytes(take(&mut rest)?),
                    listed_ms: u16::from_ne_bytes(take(&mut rest)?),
                };
                Self::Packet { call, publisher, standing, incoming, payload: rest }
            }
            SILENT => Self::Crossing { call, publisher, crossing: Crossing::Silent },
            MUTED => Self::Crossing { call, publisher, crossing: Crossing::Muted },
            GONE => Self::Crossing { call, publisher, crossing: Crossing::Gone },
            RESTARTED => Self::Restarted,
            _ => return None,
        })
    }

    /// How many bytes the record has that begins with these two.
    pub(super) fn len(head: [u8; 2]) -> usize {
        usize::from(u16::from_ne_bytes(head))
    }

    /// Whether a record may be left out: a packet may, like any packet; news may not.
    pub(super) fn is_packet(bytes: &[u8]) -> bool {
        bytes.get(2) == Some(&PACKET)
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*taken)
}

/// Records on their way out, with whom they are for, in one buffer that is used again and again.
#[derive(Debug, Default)]
pub(crate) struct RelayOutbox {
    bytes: Vec<u8>,
    records: Vec<(WorkerSet, std::ops::Range<usize>)>,
}

impl RelayOutbox {
    /// Adds a record; `false` when it is too large to cross.
    pub(super) fn push(&mut self, to: WorkerSet, record: &Record<'_>) -> bool {
        let start = self.bytes.len();
        if !record.write(&mut self.bytes) {
            return false;
        }
        self.records.push((to, start..self.bytes.len()));
        true
    }

    /// The records, first in, first out.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (WorkerSet, &[u8])> {
        self.records.iter().map(|(to, range)| (*to, &self.bytes[range.clone()]))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Forgets all records and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(record: &Record<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        assert!(record.write(&mut bytes));
        assert_eq!(Record::len([bytes[0], bytes[1]]), bytes.len());
        assert!(bytes.len() <= RECORD_MAX);
        bytes
    }

    fn packet(payload: &[u8]) -> Record<'_> {
        let audio = Audio { codec: 111, primary: 7 };
        let incoming = Incoming { stream: 1, number: 2, timestamp: 3, marker: false, audio };
        let standing =
            Standing { rank: f32::NEG_INFINITY, loudness: -40.0, words: true, voice_ms_ago: 20, listed_ms: 900 };
        Record::Packet { call: CallId(1), publisher: PeerId(2), standing, incoming, payload }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            ids in any::<(u128, u128)>(), place in any::<(u64, u64, u32)>(), flags in any::<(bool, bool)>(),
            levels in (-127.0f32..0.0, -127.0f32..0.0), times in any::<(u16, u16)>(), audio in any::<(u8, u16)>(),
            payload in proptest::collection::vec(any::<u8>(), 0..=PAYLOAD_MAX),
        ) {
            let (call, publisher) = (CallId(ids.0), PeerId(ids.1));
            let (stream, number, timestamp) = place;
            let audio = Audio { codec: audio.0, primary: audio.1 };
            let incoming = Incoming { stream, number, timestamp, marker: flags.0, audio };
            let (rank, loudness) = levels;
            let standing = Standing { rank, loudness, words: flags.1, voice_ms_ago: times.0, listed_ms: times.1 };
            let record = Record::Packet { call, publisher, standing, incoming, payload: &payload };
            let bytes = written(&record);
            prop_assert_eq!(Record::read(&bytes), Some(record));
            for crossing in [Crossing::Silent, Crossing::Muted, Crossing::Gone] {
                let record = Record::Crossing { call, publisher, crossing };
                let bytes = written(&record);
                prop_assert_eq!(Record::read(&bytes), Some(record));
            }
        }
    }

    #[test]
    fn too_large_a_payload_does_not_cross() {
        let payload = [0; PAYLOAD_MAX + 1];
        let mut outbox = RelayOutbox::default();
        assert!(!outbox.push(WorkerSet::NONE, &packet(&payload)) && outbox.is_empty() && outbox.bytes.is_empty());
        assert!(outbox.push(WorkerSet::NONE, &packet(&payload[1..])));
        assert_eq!(outbox.bytes.len(), RECORD_MAX);
        assert_eq!(Record::read(&written(&Record::Restarted)), Some(Record::Restarted));
    }

    #[test]
    fn what_is_no_record_is_not_read() {
        assert_eq!(Record::read(&[]), None);
        assert_eq!(Record::read(&[0; HEAD]), None, "a packet without its place");
        assert_eq!(Record::read(&[9; HEAD]), None);
    }
}
