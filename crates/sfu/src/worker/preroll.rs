//! The last packets that were dropped as silence: the beginning of a word, should the next one open the gate.

use std::time::Instant;

use crate::call::PREROLL;
use crate::rtp::packet::Header;

/// An authentic packet that waits.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    /// When it arrived.
    pub(super) at: Instant,
    pub(super) payload: Vec<u8>,
}

/// The last packets of one stream, in order of arrival. Its memory is used again, so that holding allocates nothing once a
/// stream is under way.
#[derive(Debug, Default)]
pub(super) struct Preroll {
    held: Vec<Held>,
}

impl Preroll {
    /// Keeps a packet; returns the sequence number of the one that made room for it.
    pub(super) fn hold(&mut self, now: Instant, header: &Header, payload: &[u8]) -> Option<u16> {
        let (dropped, mut buffer) = if self.held.len() < PREROLL {
            (None, Vec::with_capacity(payload.len()))
        } else {
            let oldest = self.held.remove(0);
            (Some(oldest.sequence), oldest.payload)
        };
        buffer.clear();
        buffer.extend_from_slice(payload);
        let Header { sequence, timestamp, marker, .. } = *header;
        self.held.push(Held { sequence, timestamp, marker, at: now, payload: buffer });
        dropped
    }

    /// Splits what is held into what is not to be heard and the last `count` packets, which are.
    pub(super) fn split(&self, count: usize) -> (&[Held], &[Held]) {
        self.held.split_at(self.held.len().saturating_sub(count))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.held.clear();
    }
}
