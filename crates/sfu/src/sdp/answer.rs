//! Writing an answer.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::media::{AUDIO_LEVEL_URI, Media};
use super::{Direction, Offer, Section};
use crate::ids::Mid;
use crate::transport::{Credentials, Fingerprint};

/// The stream the slots' tracks belong to. Each track is its own m-line, so that one stream name serves all.
const STREAM: &str = "hubbub";

/// A `recvonly` m-line of the offer that the sfu sends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    /// Which one.
    pub(crate) mid: Mid,
    /// With which SSRC, for all the connection's life.
    pub(crate) ssrc: u32,
}

/// What the sfu has chosen for an answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer<'a> {
    /// `o=`'s session id and version (RFC 8829, section 5.3.1: the version grows with every answer to the same peer).
    pub(crate) session: (u64, u64),
    /// Our ICE credentials.
    pub(crate) local: &'a Credentials,
    /// Our certificate.
    pub(crate) fingerprint: &'a Fingerprint,
    /// Where UDP is received, best first.
    pub(crate) udp: &'a [SocketAddr],
    /// Where TCP is accepted (RFC 6544), best first.
    pub(crate) tcp: &'a [SocketAddr],
    /// The slots that are filled; the offer's other `recvonly` m-lines become `inactive`.
    pub(crate) slots: &'a [Slot],
    /// The RTCP canonical name of everything we send (RFC 3550, section 6.5.1).
    pub(crate) cname: &'a str,
}

impl Answer<'_> {
    /// The answer to an offer (RFC 8829, section 5.3).
    pub(crate) fn write(&self, offer: &Offer) -> String {
        let mut sdp = String::with_capacity(1024 + 512 * offer.sections.len());
        let (id, version) = self.session;
        let bundle: String = offer.audio().map(|media| format!(" {}", media.mid)).collect();
        line(&mut sdp, format_args!("v=0"));
        line(&mut sdp, format_args!("o=- {id} {version} IN IP4 127.0.0.1"));
        line(&mut sdp, format_args!("s=-"));
        line(&mut sdp, format_args!("t=0 0"));
        line(&mut sdp, format_args!("a=group:BUNDLE{bundle}"));
        line(&mut sdp, format_args!("a=ice-lite"));
        line(&mut sdp, format_args!("a=msid-semantic: WMS {STREAM}"));
        // Candidates belong to the first m-line of a bundle (RFC 9143); aiortc reads the last one's.
        let ends = [offer.audio().next(), offer.audio().last()].map(|media| media.map(|media| &media.mid));
        for section in &offer.sections {
            match section {
                Section::Audio(media) => self.audio(&mut sdp, media, ends.contains(&Some(&media.mid))),
                Section::Refused { media, protocol, formats, mid } => {
                    line(&mut sdp, format_args!("m={media} 0 {protocol} {formats}"));
                    line(&mut sdp, format_args!("c=IN IP4 0.0.0.0"));
                    if let Some(mid) = mid {
                        line(&mut sdp, format_args!("a=mid:{mid}"));
                    }
                    line(&mut sdp, format_args!("a=inactive"));
                }
            }
        }
        sdp
    }

    fn audio(&self, sdp: &mut String, media: &Media, with_candidates: bool) {
        let slot = self.slots.iter().find(|slot| slot.mid == media.mid);
        let direction = match media.direction {
            Direction::SendOnly | Direction::SendRecv => Direction::RecvOnly,
            Direction::RecvOnly if slot.is_some() => Direction::SendOnly,
            Direction::RecvOnly | Direction::Inactive => Direction::Inactive,
        };
        let pt = media.opus.payload_type;
        match media.opus.red {
            None => line(sdp, format_args!("m=audio 9 UDP/TLS/RTP/SAVPF {pt}")),
            // What stands first is sent: the client's preference is left to it (RFC 3264, section 6.1).
            Some(red) if media.opus.prefers_red => line(sdp, format_args!("m=audio 9 UDP/TLS/RTP/SAVPF {red} {pt}")),
            Some(red) => line(sdp, format_args!("m=audio 9 UDP/TLS/RTP/SAVPF {pt} {red}")),
        }
        line(sdp, format_args!("c=IN IP4 0.0.0.0"));
        line(sdp, format_args!("a=rtcp:9 IN IP4 0.0.0.0"));
        line(sdp, format_args!("a=ice-ufrag:{}", self.local.ufrag));
        line(sdp, format_args!("a=ice-pwd:{}", self.local.password));
        line(sdp, format_args!("a=fingerprint:{}", self.fingerprint));
        line(sdp, format_args!("a=setup:passive"));
        line(sdp, format_args!("a=mid:{}", media.mid));
        if let Some(id) = media.extensions.audio_level.filter(|_| media.direction.sends()) {
            line(sdp, format_args!("a=extmap:{id} {AUDIO_LEVEL_URI}"));
        }
        line(sdp, format_args!("a={}", direction.as_str()));
        line(sdp, format_args!("a=rtcp-mux"));
        line(sdp, format_args!("a=rtpmap:{pt} opus/48000/2"));
        if media.opus.nack {
            line(sdp, format_args!("a=rtcp-fb:{pt} nack"));
        }
        line(sdp, format_args!("a=fmtp:{pt} minptime=10;useinbandfec=1;usedtx=1"));
        if let Some(red) = media.opus.red {
            line(sdp, format_args!("a=rtpmap:{red} red/48000/2"));
            line(sdp, format_args!("a=fmtp:{red} {pt}/{pt}"));
        }
        if let Some(slot) = slot.filter(|_| direction == Direction::SendOnly) {
            line(sdp, format_args!("a=msid:{STREAM} slot-{}", media.mid));
            line(sdp, format_args!("a=ssrc:{} cname:{}", slot.ssrc, self.cname));
        }
        if with_candidates {
            self.candidates(sdp);
        }
    }

    /// Our host candidates (RFC 8839, section 5.1; RFC 6544, section 4.5): UDP, then TCP passive.
    fn candidates(&self, sdp: &mut String) {
        for (index, address) in (0..).zip(self.udp) {
            let (ip, port, priority) = (address.ip(), address.port(), udp_priority(index));
            line(sdp, format_args!("a=candidate:u{index} 1 udp {priority} {ip} {port} typ host"));
        }
        for (index, address) in (0..).zip(self.tcp) {
            let (ip, port, priority) = (address.ip(), address.port(), tcp_priority(index));
            line(sdp, format_args!("a=candidate:t{index} 1 tcp {priority} {ip} {port} typ host tcptype passive"));
        }
        line(sdp, format_args!("a=end-of-candidates"));
    }
}

/// RFC 8445, section 5.1.2.1: type preference of a host, our order as the local preference, component 1.
fn udp_priority(index: u32) -> u32 {
    126 << 24 | (65_535 - index.min(65_535)) << 8 | 255
}

/// RFC 6544, section 4.2: a type preference below that of UDP; the local preference begins with the direction, 4 for passive.
fn tcp_priority(index: u32) -> u32 {
    let local = 4 << 13 | (8_191 - index.min(8_191));
    90 << 24 | local << 8 | 255
}

fn line(sdp: &mut String, text: std::fmt::Arguments<'_>) {
    sdp.write_fmt(text).expect("writing to a string cannot fail");
    sdp.push_str("\r\n");
}
