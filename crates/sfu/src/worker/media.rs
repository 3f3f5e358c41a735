//! The packet path: RTP from a publisher to its listeners.

use std::time::Instant;

use super::core::WorkerCore;
use super::forward::Packet;
use super::recovery::{AllRecovered, Recovered};
use super::timers::Due;
use crate::event::Event;
use crate::metrics::{DropReason, JoinPhase};
use crate::rtp::packet::Header;
use crate::rtp::payload::Audio;
use crate::rtp::slot::Incoming;
use crate::rtp::source::NoPlace;
use crate::transport::{Dropped, Path};

impl WorkerCore {
    pub(super) fn on_rtp(&mut self, now: Instant, path: Path, datagram: &mut [u8]) -> Result<(), DropReason> {
        let key = *self.paths.get(&path).ok_or(DropReason::MediaUnvalidated)?;
        let peer = &mut self.peers[key];
        peer.allowance.take(now, datagram.len())?;
        let header = Header::parse(datagram).ok_or(DropReason::BadRtp)?;
        let connection = peer.connection.as_mut().ok_or(DropReason::MediaUnvalidated)?;
        let microphone = connection.microphone.as_mut().ok_or(DropReason::UnknownSource)?;
        let admits = microphone.admits(&header, datagram);
        let unprotected = connection.transport.unprotect_rtp(path, datagram, |_| admits);
        let plain = &*unprotected.map_err(|dropped| refused(dropped, DropReason::BadRtp))?;
        self.metrics.rtp_in += 1;

        // Header and extension were authenticated with the packet, so that what was read before still stands.
        let payload = &plain[header.payload(plain).ok_or(DropReason::BadRtp)?];
        let (mut audio, red) = microphone.audio(&header, payload)?;
        let primary = &payload[usize::from(audio.primary)..];
        let level = microphone.level(&header, plain);
        let asks = microphone.nack;
        connection.feedback.received.on_packet(payload.len());
        let fresh = microphone.stream.as_ref().is_none_or(|stream| stream.ssrc != header.ssrc);
        if fresh && !connection.feedback.streams.take(now) {
            return Err(DropReason::RateLimit);
        }
        if microphone.stream.is_none() {
            let after = now.saturating_duration_since(connection.offered_at);
            self.events.push(Event::FirstPacket { peer: peer.id, after });
        }
        if fresh && let Some(since) = connection.silent_since.take() {
            let phase = now.saturating_duration_since(since);
            self.metrics.join_phases[JoinPhase::FirstPacket as usize].observe(phase);
        }
        let stream = microphone.bind(now, &header, &mut self.next_stream);
        let (call, alarm) = &mut self.calls[peer.call];
        let decision = call.on_packet(now, peer.member, level, &mut self.changes);
        self.timers.set(alarm, Due::Call(peer.call), call.next_tick());
        // Counted even when nobody hears it: numbers are told apart only within half of their range.
        let opening = match decision {
            Ok(()) => stream.open(call.preroll(peer.member)),
            Err(reason) => {
                stream.leave_out(now, &header, (Audio { primary: 0, ..audio }, primary), reason);
                Vec::new()
            }
        };
        let heard = decision.is_ok();
        stream.hear(heard, opening.first().map_or(header.timestamp, |held| held.incoming.timestamp), header.timestamp);
        let mut recovered = AllRecovered::default();
        let mut carried = payload;
        match red {
            Some(red) if heard && stream.may_hear(&header, &red) => recovered = stream.recover(&header, audio, &red),
            // What is inside was not to be heard when it was sent by itself.
            _ => (audio.primary, carried) = (0, primary),
        }
        let answered = stream.note(now, &header, heard, &recovered);
        self.metrics.nacks_answered += u64::from(answered);
        if asks {
            self.timers.set(&mut peer.alarm, Due::Peer(key), stream.missing.next());
        }
        let placed = decision.and_then(|()| stream.source.place(header.sequence).map_err(misplaced));
        let incoming = placed.map(|place| Incoming {
            stream: stream.id,
            number: place.number,
            timestamp: header.timestamp,
            marker: header.marker || place.spurt,
            audio,
        });
        let (call, member) = (peer.call, peer.member);
        if fresh {
            self.count(key);
        }
        if !self.changes.is_empty() {
            self.report_slots();
        }
        self.relay_crossings(call);
        for held in &opening {
            let packet = Packet { call, publisher: member, incoming: held.incoming, payload: &held.payload };
            self.publish(held.at, &packet);
        }
        if opening.capacity() > 0
            && let Some(connection) = &mut self.peers[key].connection
            && let Some(stream) = connection.microphone.as_mut().and_then(|microphone| microphone.stream.as_mut())
        {
            stream.take_back(opening);
        }
        for Recovered { incoming, block, .. } in recovered.into_iter().flatten() {
            self.metrics.red_recovered += 1;
            let payload = &payload[block.start..block.end];
            self.publish(now, &Packet { call, publisher: member, incoming, payload });
        }
        let packet = Packet { call, publisher: member, incoming: incoming?, payload: carried };
        self.publish(now, &packet);
        Ok(())
    }
}

fn misplaced(no: NoPlace) -> DropReason {
    match no {
        NoPlace::Duplicate => DropReason::Duplicate,
        NoPlace::TooLate => DropReason::TooLate,
    }
}

pub(super) fn refused(dropped: Dropped, malformed: DropReason) -> DropReason {
    match dropped {
        Dropped::UnvalidatedPath => DropReason::MediaUnvalidated,
        Dropped::NotConnected | Dropped::Closed => DropReason::NotConnected,
        Dropped::Replayed => DropReason::SrtpReplay,
        Dropped::BadTag => DropReason::SrtpAuth,
        Dropped::UnknownSsrc => DropReason::UnknownSource,
        _ => malformed,
    }
}
