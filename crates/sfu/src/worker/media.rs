//! The packet path: RTP from a publisher to its listeners, RTCP both ways.

use std::time::Instant;

use super::connection::Connection;
use super::core::WorkerCore;
use super::forward::Packet;
use super::timers::Due;
use crate::metrics::DropReason;
use crate::rtp::packet::Header;
use crate::rtp::rtcp::{self, Report, Sent};
use crate::rtp::slot::Incoming;
use crate::rtp::source::NoPlace;
use crate::transport::{Dropped, Path};

impl WorkerCore {
    pub(super) fn on_rtp(&mut self, now: Instant, path: Path, datagram: &mut [u8]) -> Result<(), DropReason> {
        let key = *self.paths.get(&path).ok_or(DropReason::MediaUnvalidated)?;
        let peer = &mut self.peers[key];
        if !peer.bucket.take(now) {
            return Err(DropReason::RateLimit);
        }
        let header = Header::parse(datagram).ok_or(DropReason::BadRtp)?;
        let connection = peer.connection.as_mut().ok_or(DropReason::MediaUnvalidated)?;
        let microphone = connection.microphone.as_mut().ok_or(DropReason::UnknownSource)?;
        let admits = microphone.admits(&header, datagram);
        let unprotected = connection.transport.unprotect_rtp(path, datagram, |_| admits);
        let plain = &*unprotected.map_err(|dropped| refused(dropped, DropReason::BadRtp))?;
        self.metrics.rtp_in += 1;

        // Header and extension were authenticated with the packet, so that what was read before still stands.
        let payload = &plain[header.payload(plain).ok_or(DropReason::BadRtp)?];
        let (audio, _) = microphone.audio(&header, payload)?;
        let level = microphone.level(&header, plain);
        let stream = microphone.bind(now, &header, &mut self.next_stream);
        let (call, alarm) = &mut self.calls[peer.call];
        let decision = call.on_packet(now, peer.member, level, &mut self.changes);
        self.timers.set(alarm, Due::Call(peer.call), call.next_tick());
        // Counted even when nobody hears it: numbers are told apart only within half of their range.
        let opening = match decision {
            Ok(()) => stream.open(call.preroll(peer.member)),
            Err(reason) => {
                stream.leave_out(now, &header, (audio, payload), reason);
                Vec::new()
            }
        };
        let placed = decision.and_then(|()| stream.source.place(header.sequence).map_err(misplaced));
        let incoming = placed.map(|place| Incoming {
            stream: stream.id,
            number: place.number,
            timestamp: header.timestamp,
            marker: header.marker || place.spurt,
            audio,
        });
        let (call, member) = (peer.call, peer.member);
        if !self.changes.is_empty() {
            self.report_slots();
        }
        for held in &opening {
            let packet = Packet { call, publisher: member, incoming: held.incoming, payload: &held.payload };
            self.forward(held.at, &packet);
        }
        let packet = Packet { call, publisher: member, incoming: incoming?, payload };
        self.forward(now, &packet);
        Ok(())
    }

    pub(super) fn on_rtcp(&mut self, now: Instant, path: Path, datagram: &mut [u8]) -> Result<(), DropReason> {
        let key = *self.paths.get(&path).ok_or(DropReason::MediaUnvalidated)?;
        let peer = &mut self.peers[key];
        if !peer.bucket.take(now) {
            return Err(DropReason::RateLimit);
        }
        let connection = peer.connection.as_mut().ok_or(DropReason::MediaUnvalidated)?;
        let unprotected = connection.transport.unprotect_rtcp(path, datagram);
        let plain = &*unprotected.map_err(|dropped| refused(dropped, DropReason::BadRtcp))?;
        for report in rtcp::read(plain).ok_or(DropReason::BadRtcp)? {
            self.metrics.lost_downlink += take(now, connection, &report);
        }
        Ok(())
    }

    /// Sends the peer what it should know of its slots and its own stream.
    pub(super) fn send_reports(&mut self, now: Instant, key: usize) {
        let Some(connection) = &mut self.peers[key].connection else { return };
        let ntp = self.ntp.ntp(now);
        let mut sent = Vec::new();
        for slot in &mut connection.slots {
            let Some(timestamp) = slot.rewriter.timestamp_at(now).filter(|_| slot.sent.packets != slot.reported) else {
                continue;
            };
            slot.reported = slot.sent.packets;
            let (packets, octets) = (slot.sent.packets, slot.sent.octets);
            sent.push(Sent { ssrc: slot.rewriter.ssrc(), ntp, timestamp, packets, octets });
        }
        let own = connection.slots.first().map_or(1, |slot| slot.rewriter.ssrc());
        let stream = connection.microphone.as_mut().and_then(|microphone| microphone.stream.as_mut());
        let received = stream.map(|stream| {
            let before = stream.stats.lost();
            let reception = stream.stats.report(now);
            self.metrics.lost_uplink += u64::from(reception.total_lost.saturating_sub(before));
            (stream.ssrc, reception)
        });
        if sent.is_empty() && received.is_none() {
            return;
        }
        let Some(compound) = rtcp::compound(own, &self.cname, &sent, received.as_slice()) else { return };
        let Some(path) = connection.transport.selected() else { return };
        self.outbox.append(path, usize::MAX, |out| {
            // Without keys there is nothing to report.
            let _ = connection.transport.protect_rtcp(&compound, out);
        });
    }
}

/// Notes a report; returns how many more packets the listener has lost.
fn take(now: Instant, connection: &mut Connection, report: &Report) -> u64 {
    match report {
        Report::Sender { ssrc, ntp } => {
            let stream = connection.microphone.as_mut().and_then(|microphone| microphone.stream.as_mut());
            if let Some(stream) = stream.filter(|stream| stream.ssrc == *ssrc) {
                stream.stats.on_sender_report(now, *ntp);
            }
            0
        }
        Report::Reception { ssrc, block } => {
            let slot = connection.slots.iter_mut().find(|slot| slot.rewriter.ssrc() == *ssrc);
            slot.map_or(0, |slot| u64::from(slot.on_reception(block)))
        }
        Report::Nack { .. } => 0,
    }
}

fn misplaced(no: NoPlace) -> DropReason {
    match no {
        NoPlace::Duplicate => DropReason::Duplicate,
        NoPlace::TooLate => DropReason::TooLate,
    }
}

fn refused(dropped: Dropped, malformed: DropReason) -> DropReason {
    match dropped {
        Dropped::UnvalidatedPath => DropReason::MediaUnvalidated,
        Dropped::NotConnected | Dropped::Closed => DropReason::NotConnected,
        Dropped::Replayed => DropReason::SrtpReplay,
        Dropped::BadTag => DropReason::SrtpAuth,
        Dropped::UnknownSsrc => DropReason::UnknownSource,
        _ => malformed,
    }
}
