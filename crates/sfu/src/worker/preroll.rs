//! The last packets that were dropped as silence: the soft beginning of a word, should the next one open the gate.

use std::time::Instant;

use super::connection::Stream;
use crate::call::PREROLL;
use crate::metrics::DropReason;
use crate::rtp::packet::Header;
use crate::rtp::payload::Audio;
use crate::rtp::slot::Incoming;

/// A packet that waits, or is heard after all.
#[derive(Debug)]
pub(super) struct Held {
    sequence: u16,
    /// When it arrived.
    pub(super) at: Instant,
    /// Its number counts only once it is heard.
    pub(super) incoming: Incoming,
    pub(super) payload: Vec<u8>,
}

impl Stream {
    /// A packet that nobody hears, at least not yet.
    pub(super) fn leave_out(
        &mut self,
        now: Instant,
        header: &Header,
        (audio, payload): (Audio, &[u8]),
        reason: DropReason,
    ) {
        if reason != DropReason::Silence {
            self.open(0);
            self.source.skip(header.sequence);
            return;
        }
        let mut buffer = Vec::new();
        if self.held.len() == PREROLL {
            let oldest = self.held.remove(0);
            self.source.skip(oldest.sequence);
            buffer = oldest.payload;
        }
        buffer.clear();
        buffer.extend_from_slice(payload);
        let Header { sequence, timestamp, marker, .. } = *header;
        let incoming = Incoming { stream: self.id, number: 0, timestamp, marker, audio };
        self.held.push(Held { sequence, at: now, incoming, payload: buffer });
    }

    /// The gate is open: of the packets that wait, the last `count` are heard and returned, in order.
    pub(super) fn open(&mut self, count: usize) -> Vec<Held> {
        let mut held = std::mem::take(&mut self.held);
        let left_out = held.len().saturating_sub(count);
        for packet in held.drain(..left_out) {
            self.source.skip(packet.sequence);
        }
        held.retain_mut(|packet| {
            let Ok(place) = self.source.place(packet.sequence) else { return false };
            packet.incoming.number = place.number;
            packet.incoming.marker |= place.spurt;
            true
        });
        held
    }
}
