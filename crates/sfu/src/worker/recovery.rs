//! What a publisher's stream misses, and what redundant audio gives back of it (RFC 2198).

use std::time::Instant;

use super::connection::Stream;
use crate::rtp::nack::MISSING_MAX;
use crate::rtp::packet::Header;
use crate::rtp::payload::Audio;
use crate::rtp::red::{BLOCKS_MAX, Block, Red};
use crate::rtp::slot::Incoming;

/// A packet that was lost and came inside a later one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recovered {
    sequence: u16,
    /// Under its own number.
    pub(super) incoming: Incoming,
    /// Where its payload is in the later one's.
    pub(super) block: Block,
}

/// What one packet gives back, oldest first.
pub(super) type AllRecovered = [Option<Recovered>; BLOCKS_MAX];

/// Older than any redundant block can be, in clock units: ages have 14 bits (RFC 2198, section 3).
const AGE_MAX: u32 = 1 << 14;

impl Stream {
    /// Notes whether a packet is forwarded, and from which timestamp on its stream is, should it begin to be now.
    pub(super) fn hear(&mut self, heard: bool, from: u32, timestamp: u32) {
        let from = self.heard_from.unwrap_or(from);
        // Kept near the present, as timestamps are told apart only within half of their range.
        let near = if (AGE_MAX..1 << 31).contains(&timestamp.wrapping_sub(from)) {
            timestamp.wrapping_sub(AGE_MAX)
        } else {
            from
        };
        self.heard_from = heard.then_some(near);
    }

    /// Whether everything in a packet of redundant audio may be heard. What was left out, because its publisher was not allowed to
    /// speak, must not come in by the redundancy of the first packet after it.
    pub(super) fn may_hear(&self, header: &Header, red: &Red) -> bool {
        let Some(from) = self.heard_from else { return false };
        let since = header.timestamp.wrapping_sub(from).cast_signed();
        red.blocks().iter().all(|block| i32::from(block.age) <= since)
    }

    /// What a packet of redundant audio gives back of the gap right before it. To be called before [`Self::note`] and before the
    /// packet itself gets its place, so that listeners get all in order.
    pub(super) fn recover(&mut self, header: &Header, audio: Audio, red: &Red) -> AllRecovered {
        let mut all = AllRecovered::default();
        let Some(highest) = self.missing.highest() else { return all };
        let missing = header.sequence.wrapping_sub(highest).wrapping_sub(1);
        if missing == 0 || usize::from(missing) > MISSING_MAX {
            return all;
        }
        let apart = header.timestamp.wrapping_sub(self.newest_timestamp);
        let mut count = 0;
        for back in (1..=missing).rev() {
            let Some(block) = red.find(u32::from(back), u32::from(missing), apart) else { continue };
            let sequence = header.sequence.wrapping_sub(back);
            let Some(free) = all.get_mut(count) else { break };
            let Ok(place) = self.source.place(sequence) else { continue };
            let incoming = Incoming {
                stream: self.id,
                number: place.number,
                timestamp: header.timestamp.wrapping_sub(u32::from(block.age)),
                marker: place.spurt,
                audio: Audio { primary: 0, ..audio },
            };
            *free = Some(Recovered { sequence, incoming, block });
            count += 1;
        }
        all
    }

    /// Notes that a packet has come, whether it is forwarded, and what it gave back; `true` when it is one that was asked for.
    pub(super) fn note(&mut self, now: Instant, header: &Header, heard: bool, recovered: &AllRecovered) -> bool {
        let before = self.missing.highest();
        let asked = heard && self.missing.on_packet(now, header.sequence);
        if !heard {
            self.missing.skip(header.sequence);
        }
        if self.missing.highest() != before {
            self.newest_timestamp = header.timestamp;
        }
        for packet in recovered.iter().flatten() {
            self.missing.on_recovered(packet.sequence);
        }
        asked
    }
}
