//! What a newcomer hears at once: the last packet of everybody who speaks, instead of silence until their next ones.

use std::time::{Duration, Instant};

use super::core::WorkerCore;
use crate::call::Speaker;
use crate::rtp::slot::Incoming;

/// How old a packet may be: its successor is due after 20 ms as a rule, after 60 at most. An older one is the end of a spurt.
const AGE_MAX: Duration = Duration::from_millis(60);

impl WorkerCore {
    /// Sends a peer that has just been connected what the others in the call heard last. Nothing has been sent in its slots before,
    /// and they were given away only now, so that no packet goes out twice.
    pub(super) fn catch_up(&mut self, now: Instant, key: usize) {
        let peer = &self.peers[key];
        let Some((call, _)) = self.calls.get(peer.call) else { return };
        for (speaker, ear) in call.speakers_heard_by(peer.member) {
            let stream = match speaker {
                Speaker::Here(peer) => {
                    let stream = self.peers.get(peer).and_then(|peer| peer.stream());
                    // What is kept is not the last thing it said when that was left out.
                    stream.filter(|stream| !stream.source.is_paused()).map(|stream| stream.id)
                }
                Speaker::Elsewhere(stream) => Some(stream),
            };
            let latest = stream.and_then(|stream| Some((stream, self.caches.latest(stream)?)));
            let Some((stream, (at, number, kept, payload))) = latest else { continue };
            if now.saturating_duration_since(at) > AGE_MAX {
                continue;
            }
            let incoming = Incoming { stream, number, timestamp: kept.timestamp, marker: false, audio: kept.audio };
            self.batch.accept(at, incoming, payload, &[ear]);
        }
    }
}
