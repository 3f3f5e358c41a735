//! RTCP both ways: reports, and packets that are asked for again.

use std::time::{Duration, Instant};

use super::bucket::Bucket;
use super::connection::Connection;
use super::core::WorkerCore;
use super::media::refused;
use super::meter::Meter;
use crate::metrics::DropReason;
use crate::rtp::packet::OutHeader;
use crate::rtp::rtcp::{self, Report, Sent};
use crate::rtp::stats::{Reception, round_trip};
use crate::transport::Path;

/// Packets a second that one listener gets again, and at once. It takes a fifth of five streams being lost to ask for more; asking
/// costs less than answering, so that without a limit a few bytes in could bring many out.
const ANSWERS_PER_SECOND: u32 = 50;

/// Packets a second, and at once, that one listener may ask for: to look for one costs something, too, and an RTCP packet can ask for thousands. Who
/// misses all of eight streams and asks for each packet twice stays below it.
const REQUESTS_PER_SECOND: u32 = 1_000;

/// Right ICE checks a second, and at once, that are answered for one peer: an answer costs more than a wrong check. A client that
/// tries all its addresses sends one every 50 ms (RFC 8445, section 14.2), and then one in some seconds.
const CHECKS_PER_SECOND: u32 = 100;

/// How often a microphone may begin a new stream a second, and at once. Browsers do it when a device changes, if at all.
const STREAMS_PER_SECOND: u32 = 4;

/// What a connection remembers of its network.
#[derive(Debug)]
pub(super) struct Feedback {
    /// Between the peer and here, smoothed; unknown until the peer has reported on something it received.
    pub(super) round_trip: Option<Duration>,
    /// From addresses that were checked before, and from others: who repeats somebody's checks from elsewhere takes nothing of the former.
    pub(super) checks: [Bucket; 2],
    /// Streams that begin: each has memory of its own for some seconds.
    pub(super) streams: Bucket,
    requests: Bucket,
    answers: Bucket,
    /// RTP that came, authentic and of the microphone.
    pub(super) received: Meter,
    /// RTP that went out.
    pub(super) sent: Meter,
}

impl Feedback {
    pub(super) fn new(now: Instant) -> Self {
        let (requests, answers) = (Bucket::new(now, REQUESTS_PER_SECOND), Bucket::new(now, ANSWERS_PER_SECOND));
        let checks = [Bucket::new(now, CHECKS_PER_SECOND); 2];
        let streams = Bucket::new(now, STREAMS_PER_SECOND);
        Self { round_trip: None, checks, streams, requests, answers, received: Meter::new(now), sent: Meter::new(now) }
    }

    fn on_round_trip(&mut self, measured: Duration) {
        self.round_trip = Some(self.round_trip.map_or(measured, |before| (before * 3 + measured) / 4));
    }
}

impl WorkerCore {
    pub(super) fn on_rtcp(&mut self, now: Instant, path: Path, datagram: &mut [u8]) -> Result<(), DropReason> {
        let key = *self.paths.get(&path).ok_or(DropReason::MediaUnvalidated)?;
        let peer = &mut self.peers[key];
        peer.allowance.take(now, datagram.len())?;
        let connection = peer.connection.as_mut().ok_or(DropReason::MediaUnvalidated)?;
        let unprotected = connection.transport.unprotect_rtcp(path, datagram);
        let plain = &*unprotected.map_err(|dropped| refused(dropped, DropReason::BadRtcp))?;
        for report in rtcp::read(plain).ok_or(DropReason::BadRtcp)? {
            match report {
                Report::Sender { ssrc, ntp } => self.on_sender_report(now, key, ssrc, ntp),
                Report::Reception { ssrc, block } => self.on_reception(now, key, ssrc, &block),
                Report::Nack { ssrc, numbers } => {
                    for sequence in numbers {
                        let connection = self.peers[key].connection.as_mut();
                        if !connection.is_some_and(|connection| connection.feedback.requests.take(now)) {
                            break;
                        }
                        self.metrics.nacks_in += 1;
                        self.metrics.retransmitted += u64::from(self.send_again(now, key, ssrc, sequence).is_some());
                    }
                }
            }
        }
        Ok(())
    }

    fn on_sender_report(&mut self, now: Instant, key: usize, ssrc: u32, ntp: u64) {
        let microphone = self.peers[key].connection.as_mut().and_then(|connection| connection.microphone.as_mut());
        let stream = microphone.and_then(|microphone| microphone.stream.as_mut());
        if let Some(stream) = stream.filter(|stream| stream.ssrc == ssrc) {
            stream.stats.on_sender_report(now, ntp);
        }
    }

    /// How a listener receives one of its slots.
    fn on_reception(&mut self, now: Instant, key: usize, ssrc: u32, block: &Reception) {
        let Some(connection) = &mut self.peers[key].connection else { return };
        let Some(slot) = connection.slots.iter_mut().find(|slot| slot.rewriter.ssrc() == ssrc) else { return };
        self.metrics.lost_downlink += u64::from(slot.on_reception(block));
        if let Some((lost, expected)) = slot.observe(now, block) {
            self.metrics.quality.downlink.observe(block, lost, expected);
        }
        if let Some(trip) = round_trip(self.ntp.ntp(now), block) {
            connection.feedback.on_round_trip(trip);
            self.metrics.quality.observe_round_trip(trip);
        }
    }

    /// Sends a packet of a slot once more, the same to the bit; `None` when it is not there any more or was asked for too often.
    fn send_again(&mut self, now: Instant, key: usize, ssrc: u32, sequence: u16) -> Option<()> {
        let connection = self.peers[key].connection.as_mut()?;
        let path = connection.transport.selected()?;
        let slot = connection.slots.iter_mut().find(|slot| slot.nack && slot.rewriter.ssrc() == ssrc)?;
        let (index, sent) = slot.history.get(sequence)?;
        let (stream, number, offset) = slot.rewriter.origin(index)?;
        let (kept, payload) = self.caches.get(stream, number)?;
        let (payload_type, start) = slot.formats.take(kept.audio);
        if payload_type != sent.payload_type || !connection.feedback.answers.take(now) || !slot.history.answer(index) {
            return None;
        }
        let header = OutHeader {
            marker: sent.marker,
            payload_type,
            rollovers: u32::try_from(index >> 16).ok()?,
            sequence,
            timestamp: kept.timestamp.wrapping_add(offset),
            ssrc,
            padding: sent.padding,
        };
        let payload = &payload[start..];
        let mut protected = Ok(());
        self.outbox.append(path, usize::MAX, |out| protected = connection.transport.protect_rtp(header, payload, out));
        protected.ok()?;
        slot.sent.on_packet(payload.len());
        connection.feedback.sent.on_packet(payload.len());
        Some(())
    }

    /// Asks a publisher for what is missing of its stream.
    pub(super) fn ask_again(&mut self, now: Instant, key: usize) {
        let Some(connection) = &mut self.peers[key].connection else { return };
        let own = connection.own_ssrc();
        let stream = connection.microphone.as_mut().and_then(|microphone| microphone.stream.as_mut());
        let Some(stream) = stream else { return };
        let mut wanted = Vec::new();
        stream.missing.poll(now, connection.feedback.round_trip, &mut wanted);
        if wanted.is_empty() {
            return;
        }
        self.metrics.nacks_out += wanted.len() as u64;
        if let Some(compound) = rtcp::nack(own, &self.cname, stream.ssrc, &wanted) {
            self.send_rtcp(key, &compound);
        }
    }

    /// Sends the peer what it should know of its slots and its own stream.
    pub(super) fn send_reports(&mut self, now: Instant, key: usize) {
        self.caches.prune(now);
        let Some(connection) = &mut self.peers[key].connection else { return };
        connection.feedback.received.sample(now);
        connection.feedback.sent.sample(now);
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
        let own = connection.own_ssrc();
        let stream = connection.microphone.as_mut().and_then(|microphone| microphone.stream.as_mut());
        let received = stream.map(|stream| {
            let before = stream.stats.lost();
            let reception = stream.stats.report(now);
            let lost = reception.total_lost.saturating_sub(before);
            self.metrics.lost_uplink += u64::from(lost);
            self.metrics.quality.uplink.observe(&reception, u32::from(reception.fraction_lost), 256);
            (stream.ssrc, reception)
        });
        if sent.is_empty() && received.is_none() {
            return;
        }
        if let Some(compound) = rtcp::compound(own, &self.cname, &sent, received.as_slice()) {
            self.send_rtcp(key, &compound);
        }
    }

    fn send_rtcp(&mut self, key: usize, compound: &[u8]) {
        let Some(Connection { transport, .. }) = &mut self.peers[key].connection else { return };
        let Some(path) = transport.selected() else { return };
        self.outbox.append(path, usize::MAX, |out| {
            // Without keys there is nothing to report.
            let _ = transport.protect_rtcp(compound, out);
        });
    }
}
