//! What a peer has once its offer was answered: a transport, a microphone and slots.

use std::time::{Duration, Instant};

use smallvec::SmallVec;

use super::census::Standing;
use super::feedback::Feedback;
use super::preroll::Preroll;
use super::timers::Alarm;
use crate::ids::Mid;
use crate::metrics::DropReason;
use crate::prefetch::prefetch;
use crate::rtp::extension::{self, AudioLevel};
use crate::rtp::history::History;
use crate::rtp::nack::NackGenerator;
use crate::rtp::packet::Header;
use crate::rtp::payload::{Audio, Formats};
use crate::rtp::red::Red;
use crate::rtp::slot::SlotRewriter;
use crate::rtp::source::Source;
use crate::rtp::stats::{ReceiverStats, Reception, SenderStats};
use crate::sdp::{Extensions, Media, Offer};
use crate::transport::{Credentials, Fingerprint, Transport};

/// How often a peer gets reports. More often costs packets; less often makes senders adapt late.
const REPORT_EVERY: Duration = Duration::from_secs(3);

/// Reports go out at whole multiples of this: those of a large call come together, so that the worker need not get up for each.
const REPORTS_TOGETHER: Duration = Duration::from_millis(20);

/// The least time between two reports on a slot that are counted: as often as a browser reports when nothing is lost, or more.
const OBSERVE_EVERY: Duration = Duration::from_secs(3);

/// One answered offer's worth of state.
pub(super) struct Connection {
    pub(super) transport: Transport,
    remote: Credentials,
    fingerprints: Vec<Fingerprint>,
    pub(super) offered_at: Instant,
    /// When the first valid check came.
    pub(super) checked_at: Option<Instant>,
    /// Checks with a wrong password came.
    pub(super) wrong_checks: bool,
    /// When it was connected, until the microphone's first packet.
    pub(super) silent_since: Option<Instant>,
    pub(super) microphone: Option<Microphone>,
    pub(super) slots: Vec<Slot>,
    pub(super) next_report: Option<Instant>,
    pub(super) feedback: Feedback,
}

/// How an offer relates to the connection there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// The same transport, perhaps with other m-lines.
    Renegotiation,
    /// New ICE credentials for the same DTLS association (RFC 8445, section 9).
    IceRestart,
    /// Another certificate: a new client, or one that began anew.
    Replacement,
}

impl Connection {
    pub(super) fn new(transport: Transport, now: Instant, offer: &Offer) -> Self {
        Self {
            transport,
            remote: offer.remote.clone(),
            fingerprints: offer.fingerprints.clone(),
            offered_at: now,
            checked_at: None,
            wrong_checks: false,
            silent_since: None,
            microphone: None,
            slots: Vec::new(),
            next_report: None,
            feedback: Feedback::new(now),
        }
    }

    /// The SSRC that our RTCP comes from when it is not about a slot.
    pub(super) fn own_ssrc(&self) -> u32 {
        self.slots.first().map_or(1, |slot| slot.rewriter.ssrc())
    }

    /// When the publisher has to be asked for something again.
    pub(super) fn next_request(&self) -> Option<Instant> {
        let microphone = self.microphone.as_ref().filter(|microphone| microphone.nack)?;
        microphone.stream.as_ref()?.missing.next()
    }

    /// The stream of its microphone.
    pub(super) fn stream(&self) -> Option<&Stream> {
        self.microphone.as_ref()?.stream.as_deref()
    }

    /// Whether packets of its microphone have come.
    pub(super) fn publishes(&self) -> bool {
        self.stream().is_some()
    }

    pub(super) fn relation(&self, offer: &Offer) -> Relation {
        if offer.fingerprints != self.fingerprints {
            Relation::Replacement
        } else if offer.remote == self.remote {
            Relation::Renegotiation
        } else {
            Relation::IceRestart
        }
    }

    /// Takes the new credentials of both sides.
    pub(super) fn restart_ice(&mut self, local: Credentials, offer: &Offer) {
        self.transport.restart_ice(local);
        self.remote = offer.remote.clone();
    }

    /// Takes over the m-lines of an offer. Slots and microphone that were there keep their state.
    pub(super) fn set_media(&mut self, offer: &Offer, max_slots: usize, mut new_slot: impl FnMut() -> SlotRewriter) {
        let count = offer.slots().take(max_slots).count();
        let mut before = std::mem::replace(&mut self.slots, Vec::with_capacity(count));
        for media in offer.slots().take(max_slots) {
            let known = before.iter().position(|slot| slot.mid == media.mid);
            let slot = match known {
                Some(index) => before.swap_remove(index).renewed(media),
                None => Slot::new(media, new_slot()),
            };
            self.slots.push(slot);
        }
        self.microphone = match (self.microphone.take(), offer.microphone()) {
            (Some(microphone), Some(media)) if microphone.mid == media.mid => Some(microphone.renewed(media)),
            (_, media) => media.map(Microphone::new),
        };
    }

    /// Sets the time of the next report, spread by `key` so that peers that came together do not all report together; `began` is the
    /// same for all.
    pub(super) fn plan_report(&mut self, now: Instant, key: usize, began: Instant) {
        let spread = Duration::from_millis((key as u64).wrapping_mul(7919) % 1000);
        let due = now.saturating_duration_since(began) + REPORT_EVERY + spread - Duration::from_millis(500);
        let since_turn = u64::try_from(due.as_nanos() % REPORTS_TOGETHER.as_nanos()).unwrap_or(0);
        self.next_report = Some(began + due + REPORTS_TOGETHER - Duration::from_nanos(since_turn));
    }

    /// Whether it is or was connected.
    pub(super) const fn was_connected(&self) -> bool {
        self.next_report.is_some()
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        [self.transport.next_timeout(), self.next_report, self.next_request()].into_iter().flatten().min()
    }
}

/// One of a listener's slots.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) mid: Mid,
    pub(super) formats: Formats,
    /// Whether the listener may ask for packets again.
    pub(super) nack: bool,
    pub(super) rewriter: SlotRewriter,
    /// What was sent lately, for sending it again.
    pub(super) history: History,
    pub(super) sent: SenderStats,
    /// What the last sender report counted.
    pub(super) reported: u32,
    /// Packets the listener has reported lost so far.
    pub(super) lost: u32,
    /// What the listener has reported last, if anything.
    observed: Option<Box<Observed>>,
}

/// A listener's reports on a slot.
#[derive(Debug)]
struct Observed {
    /// The one that was counted last, and when it came.
    at: Instant,
    block: Reception,
    /// How many packets were lost between the last two that were counted, and how many there were.
    recent: Option<(u32, u32)>,
}

impl Slot {
    pub(super) fn new(media: &Media, rewriter: SlotRewriter) -> Self {
        Self {
            mid: media.mid,
            formats: media.opus.formats(),
            nack: media.opus.nack,
            rewriter,
            history: History::default(),
            sent: SenderStats::default(),
            reported: 0,
            lost: 0,
            observed: None,
        }
    }

    /// Of the packets since the last report that was counted: how many are lost, and how many there were. `None` when that one
    /// was not long ago: browsers report with everything they ask for again, hence more often while they lose packets.
    pub(super) fn observe(&mut self, now: Instant, block: &Reception) -> Option<(u32, u32)> {
        let Some(observed) = &mut self.observed else {
            self.observed = Some(Box::new(Observed { at: now, block: *block, recent: None }));
            return None;
        };
        if now.saturating_duration_since(observed.at) < OBSERVE_EVERY {
            return None;
        }
        let before = std::mem::replace(&mut observed.block, *block);
        let lost = block.total_lost.saturating_sub(before.total_lost);
        observed.at = now;
        observed.recent = Some((lost, block.highest_sequence.wrapping_sub(before.highest_sequence)));
        observed.recent
    }

    /// How many packets were lost between the last two reports that were counted, and how many there were.
    pub(super) fn recent(&self) -> Option<(u64, u64)> {
        self.observed.as_ref()?.recent.map(|(lost, of)| (lost.into(), of.into()))
    }

    /// Jitter as the listener reported it last, in clock units.
    pub(super) fn jitter(&self) -> Option<u32> {
        self.observed.as_ref().map(|observed| observed.block.jitter)
    }

    /// The same m-line of a later offer. With other payload types nothing can be sent again as it was.
    fn renewed(self, media: &Media) -> Self {
        let formats = media.opus.formats();
        let history = if formats == self.formats { self.history } else { History::default() };
        Self { formats, nack: media.opus.nack, history, ..self }
    }

    /// Asks for what the next packet in it needs, but for what its history is to remember of it.
    pub(super) fn prefetch(&self) {
        self.rewriter.prefetch();
        prefetch(&self.history);
        prefetch(&self.sent);
    }

    /// How many more packets are lost than the listener's last report said.
    pub(super) fn on_reception(&mut self, block: &Reception) -> u32 {
        let more = block.total_lost.saturating_sub(self.lost);
        self.lost = self.lost.max(block.total_lost);
        more.min(self.sent.packets)
    }
}

/// What a peer sends.
#[derive(Debug)]
pub(super) struct Microphone {
    mid: Mid,
    formats: Formats,
    /// Whether it may be asked for packets again.
    pub(super) nack: bool,
    extensions: Extensions,
    /// One as a rule, which lies here.
    signalled: SmallVec<[u32; 2]>,
    /// Most microphones are never turned on.
    pub(super) stream: Option<Box<Stream>>,
}

/// The SSRC that is bound to the microphone.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) ssrc: u32,
    /// Unique in the worker.
    pub(super) id: u64,
    pub(super) source: Source,
    /// Its last packets, while they are silence.
    pub(super) preroll: Preroll,
    /// What was lost of it.
    pub(super) missing: NackGenerator,
    /// Of the packet with the highest number.
    pub(super) newest_timestamp: u32,
    /// Since which timestamp nothing is left out.
    pub(super) heard_from: Option<u32>,
    pub(super) stats: ReceiverStats,
}

impl Stream {
    /// Asks for what its next packet needs.
    pub(super) fn prefetch(&self) {
        self.source.prefetch();
        prefetch(&self.preroll);
        prefetch(&self.stats);
        prefetch(&self.newest_timestamp);
    }

    /// Its publisher goes on in another call, as another stream: nothing of what was said before is heard there.
    pub(super) fn go_elsewhere(&mut self, id: u64) {
        let none = self.open(0);
        self.take_back(none);
        self.source.begin_anew();
        self.heard_from = None;
        self.id = id;
    }
}

impl Microphone {
    fn new(media: &Media) -> Self {
        Self {
            mid: media.mid,
            formats: media.opus.formats(),
            nack: media.opus.nack,
            extensions: media.extensions,
            signalled: media.ssrcs.as_slice().into(),
            stream: None,
        }
    }

    /// The same m-line of a later offer; a stream that is no longer signalled ends.
    fn renewed(self, media: &Media) -> Self {
        let stream = self.stream.filter(|stream| media.ssrcs.is_empty() || media.ssrcs.contains(&stream.ssrc));
        Self { stream, ..Self::new(media) }
    }

    /// Whether a packet may make state: its SSRC is signalled, or none is and it is bound, or may be the first, or names
    /// the m-line (RFC 9143, section 9.2).
    pub(super) fn admits(&self, header: &Header, packet: &[u8]) -> bool {
        if !self.signalled.is_empty() {
            return self.signalled.contains(&header.ssrc);
        }
        match &self.stream {
            Some(stream) if stream.ssrc == header.ssrc => true,
            Some(_) => self.named(header, packet) == Some(true),
            None => self.named(header, packet) != Some(false),
        }
    }

    fn named(&self, header: &Header, packet: &[u8]) -> Option<bool> {
        let (profile, elements) = header.extension(packet)?;
        let mid = extension::find(profile, elements, self.extensions.mid?)?;
        Some(mid == self.mid.as_str().as_bytes())
    }

    /// The level of an authentic packet.
    pub(super) fn level(&self, header: &Header, packet: &[u8]) -> Option<AudioLevel> {
        let (profile, elements) = header.extension(packet)?;
        AudioLevel::parse(extension::find(profile, elements, self.extensions.audio_level?)?)
    }

    /// The stream of an authentic packet; a new one when it has not been seen.
    pub(super) fn bind(&mut self, now: Instant, header: &Header, next_stream: &mut u64) -> &mut Stream {
        if self.stream.as_ref().is_some_and(|stream| stream.ssrc != header.ssrc) {
            self.stream = None;
        }
        let mut fresh = false;
        let stream = self.stream.get_or_insert_with(|| {
            fresh = true;
            *next_stream += 1;
            let stats = ReceiverStats::new(now, header.sequence, header.timestamp);
            Box::new(Stream {
                ssrc: header.ssrc,
                id: *next_stream,
                source: Source::default(),
                preroll: Preroll::default(),
                missing: NackGenerator::default(),
                newest_timestamp: header.timestamp,
                heard_from: None,
                stats,
            })
        });
        if !fresh {
            stream.stats.on_packet(now, header.sequence, header.timestamp);
        }
        stream
    }

    /// What an authentic packet carries: only Opus is forwarded, by itself or as redundant audio.
    pub(super) fn audio(&self, header: &Header, payload: &[u8]) -> Result<(Audio, Option<Red>), DropReason> {
        let codec = self.formats.opus;
        if header.payload_type == codec {
            return Ok((Audio { codec, primary: 0 }, None));
        }
        if Some(header.payload_type) != self.formats.red {
            return Err(DropReason::PayloadType);
        }
        let red = Red::parse(payload, codec).ok_or(DropReason::BadRed)?;
        let primary = u16::try_from(red.primary).map_err(|_| DropReason::BadRed)?;
        Ok((Audio { codec, primary }, Some(red)))
    }
}

/// One peer.
pub(super) struct Peer {
    pub(super) id: crate::ids::PeerId,
    pub(super) call: usize,
    pub(super) member: usize,
    pub(super) grants: crate::command::Grants,
    pub(super) allowance: super::bucket::Allowance,
    pub(super) alarm: Alarm,
    /// `o=` of our answers (RFC 8829, section 5.3.1).
    pub(super) session: u64,
    pub(super) session_version: u64,
    pub(super) connection: Option<Connection>,
    /// The addresses of TURN servers that the client sends from, as it says.
    pub(super) relays: Vec<std::net::SocketAddr>,
    pub(super) counted: Standing,
}

impl Peer {
    /// The stream of its microphone.
    pub(super) fn stream(&self) -> Option<&Stream> {
        self.connection.as_ref()?.stream()
    }

    /// Asks for what says where the rest is.
    pub(super) fn prefetch(&self) {
        prefetch(&self.connection);
        prefetch(&self.call);
    }

    /// Asks for what a packet from it needs.
    pub(super) fn prefetch_inbound(&self) {
        prefetch(&self.allowance);
        let Some(connection) = &self.connection else { return };
        prefetch(&connection.microphone);
        prefetch(&connection.feedback.received);
        connection.transport.prefetch_inbound();
    }

    /// Asks for what a packet to it needs.
    pub(super) fn prefetch_outbound(&self) {
        let Some(connection) = &self.connection else { return };
        prefetch(&connection.slots);
        prefetch(&connection.feedback.sent);
        connection.transport.prefetch_outbound();
    }

    /// Asks for the key that opens packets from it.
    pub(super) fn prefetch_inbound_key(&self) {
        if let Some(connection) = &self.connection {
            connection.transport.prefetch_inbound_key();
        }
    }

    /// Asks for the key that seals packets to it.
    pub(super) fn prefetch_outbound_key(&self) {
        if let Some(connection) = &self.connection {
            connection.transport.prefetch_outbound_key();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn microphone(ssrcs: &str) -> Microphone {
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE mic\r\n\
             m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n\
             a=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 {}00\r\na=setup:actpass\r\na=mid:mic\r\n\
             a=sendonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n\
             a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n{ssrcs}",
            "00:".repeat(31)
        );
        let offer = Offer::parse(&sdp).expect("an offer");
        Microphone::new(offer.microphone().expect("a microphone"))
    }

    /// A packet that names its m-line, if it does.
    fn packet(ssrc: u32, mid: Option<&[u8; 3]>) -> Vec<u8> {
        let mut packet = vec![if mid.is_some() { 0x90 } else { 0x80 }, 111, 0, 1, 0, 0, 0, 0];
        packet.extend(ssrc.to_be_bytes());
        if let Some(mid) = mid {
            packet.extend([0xbe, 0xde, 0, 1, 0x42]);
            packet.extend(mid);
        }
        packet.push(0xAB);
        packet
    }

    fn admits(microphone: &Microphone, ssrc: u32, mid: Option<&[u8; 3]>) -> bool {
        let packet = packet(ssrc, mid);
        microphone.admits(&Header::parse(&packet).expect("RTP"), &packet)
    }

    fn bind(microphone: &mut Microphone, ssrc: u32) -> u64 {
        let packet = packet(ssrc, None);
        microphone.bind(Instant::now(), &Header::parse(&packet).expect("RTP"), &mut u64::from(ssrc)).id
    }

    #[test]
    fn only_signalled_ssrcs_when_any_is() {
        let microphone = microphone("a=ssrc:7 cname:x\r\na=ssrc:8 cname:x\r\n");
        assert!(admits(&microphone, 7, None) && admits(&microphone, 8, None));
        assert!(!admits(&microphone, 9, None));
        assert!(!admits(&microphone, 9, Some(b"mic")), "whatever it names");
    }

    #[test]
    fn otherwise_the_first_that_fits_and_then_those_that_name_the_m_line() {
        let mut microphone = microphone("");
        assert!(admits(&microphone, 7, None) && admits(&microphone, 7, Some(b"mic")));
        assert!(!admits(&microphone, 7, Some(b"abc")), "another m-line's");
        let first = bind(&mut microphone, 7);
        assert!(admits(&microphone, 7, None));
        assert!(!admits(&microphone, 8, None));
        assert!(admits(&microphone, 8, Some(b"mic")), "a browser that begins a new stream");
        assert_eq!(bind(&mut microphone, 7), first, "the same stream");
        assert_ne!(bind(&mut microphone, 8), first, "a new one");
    }
}
