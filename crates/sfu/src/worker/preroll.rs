//! The last packets that were dropped as silence: the soft beginning of a word, should the next one open the gate.
//!
//! Somebody who talks and pauses all day needs memory for the first pause only.

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

/// The packets that wait, and memory for those to come: together at most [`PREROLL`].
#[derive(Debug, Default)]
pub(super) struct Preroll {
    /// Oldest first.
    waiting: Vec<Held>,
    /// The payloads' buffers of those that waited before.
    spare: Vec<Vec<u8>>,
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
            let none = self.open(0);
            self.take_back(none);
            self.source.skip(header.sequence);
            return;
        }
        let mut buffer = if self.preroll.waiting.len() == PREROLL {
            let oldest = self.preroll.waiting.remove(0);
            self.source.skip(oldest.sequence);
            oldest.payload
        } else {
            self.preroll.spare.pop().unwrap_or_default()
        };
        buffer.clear();
        buffer.extend_from_slice(payload);
        let Header { sequence, timestamp, marker, .. } = *header;
        let incoming = Incoming { stream: self.id, number: 0, timestamp, marker, audio };
        self.preroll.waiting.push(Held { sequence, at: now, incoming, payload: buffer });
    }

    /// The gate is open: of the packets that wait, the last `count` are heard and returned, in order. Once they are sent
    /// [`Self::take_back`] gets them.
    pub(super) fn open(&mut self, count: usize) -> Vec<Held> {
        if self.preroll.waiting.is_empty() {
            return Vec::new();
        }
        let mut opening = std::mem::take(&mut self.preroll.waiting);
        let left_out = opening.len().saturating_sub(count);
        for packet in opening.drain(..left_out) {
            self.source.skip(packet.sequence);
            self.preroll.spare.push(packet.payload);
        }
        opening.retain_mut(|packet| {
            let Ok(place) = self.source.place(packet.sequence) else {
                self.preroll.spare.push(std::mem::take(&mut packet.payload));
                return false;
            };
            packet.incoming.number = place.number;
            packet.incoming.marker |= place.spurt;
            true
        });
        opening
    }

    /// Keeps the memory of packets that waited, for the next pause.
    pub(super) fn take_back(&mut self, mut opened: Vec<Held>) {
        self.preroll.spare.extend(opened.drain(..).map(|packet| packet.payload));
        if self.preroll.waiting.capacity() == 0 {
            self.preroll.waiting = opened;
        }
    }
}
