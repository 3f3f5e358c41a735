//! What strangers' bytes reach first, one function a format, called as the worker calls it: for the fuzz targets in `fuzz/`
//! and for the test that replays their corpus.
//!
//! A function returns, or panics when it has found a bug. They are deterministic but for keys.

mod peers;

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Instant;

use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{MAGIC_COOKIE, MESSAGE_HEADER_SIZE, Message, Setter};

pub use self::peers::worker;
use crate::rtp::extension::{self, AudioLevel};
use crate::rtp::packet::Header;
use crate::rtp::red::Red;
use crate::rtp::rtcp;
use crate::sdp::{Answer, Offer, Slot};
use crate::transport::dtls::fuzz as dtls_fuzz;
use crate::transport::tcp::{FrameDecoder, encode_frame};
use crate::transport::{Credentials, Identity, Outbox, Path, Transport, classify};

/// Inputs larger than anything a socket hands out.
const INPUT_MAX: usize = 70 * 1024;

static IDENTITY: LazyLock<Identity> = LazyLock::new(|| Identity::generate().expect("a certificate"));

fn credentials() -> Credentials {
    Credentials { ufrag: "fuzzfuzzfuzz".to_owned(), password: "fuzzfuzzfuzzfuzzfuzzfuzz".to_owned() }
}

fn path() -> Path {
    Path::udp(SocketAddr::from(([192, 0, 2, 7], 40_000)))
}

/// A STUN datagram, as it is and with its attributes sealed by the right password.
pub fn stun(data: &[u8]) {
    let answered = |datagram: &[u8]| {
        let mut transport = Transport::new(Instant::now(), &IDENTITY, credentials(), Vec::new());
        let mut out = Outbox::new();
        let _ = classify(datagram);
        let _ = crate::transport::stun::local_ufrag(datagram);
        let handled = transport.handle_stun(Instant::now(), path(), datagram, &mut out);
        let bytes: usize = out.iter().flat_map(|datagrams| datagrams.each()).map(<[u8]>::len).sum();
        assert!(bytes <= datagram.len(), "{bytes} bytes towards a stranger for {}", datagram.len());
        assert_eq!(out.is_empty(), handled.is_err(), "answered what was refused, or the other way round");
    };
    answered(data);
    if let Some(sealed) = sealed(data) {
        answered(&sealed);
    }
}

/// A Binding request with these bytes for attributes behind the user name, and the right integrity and fingerprint.
fn sealed(attributes: &[u8]) -> Option<Vec<u8>> {
    let name = b"fuzzfuzzfuzz:them";
    let attributes = &attributes[..attributes.len().min(1_000) & !3];
    let mut raw = vec![0, 1, 0, 0];
    raw.extend(MAGIC_COOKIE.to_be_bytes());
    raw.extend([7; 12]);
    raw.extend([0, 6, 0, u8::try_from(name.len()).ok()?]);
    raw.extend(name);
    raw.resize(raw.len().next_multiple_of(4), 0);
    raw.extend(attributes);
    let length = u16::try_from(raw.len() - MESSAGE_HEADER_SIZE).ok()?;
    raw[2..4].copy_from_slice(&length.to_be_bytes());
    let mut message = Message::new();
    message.unmarshal_binary(&raw).ok()?;
    let crypto = IDENTITY.crypto();
    MessageIntegrity::new_short_term_integrity_with_provider(credentials().password, crypto)
        .add_to(&mut message)
        .ok()?;
    FINGERPRINT.add_to(&mut message).ok()?;
    Some(message.raw)
}

/// A decrypted RTP packet: header, extension elements, payload without padding.
pub fn rtp(data: &[u8]) {
    let Some(header) = Header::parse(data) else { return };
    if let Some(payload) = header.payload(data) {
        assert!(payload.start >= header.len && payload.start < payload.end && payload.end <= data.len());
    }
    let Some((profile, elements)) = header.extension(data) else { return };
    for id in 0..=255 {
        let Some(element) = extension::find(profile, elements, id) else { continue };
        assert!(element.len() <= elements.len());
        if let Some(level) = AudioLevel::parse(element) {
            assert!(level.attenuation <= 127);
        }
    }
}

/// The payload of a packet of redundant audio.
pub fn red(data: &[u8]) {
    let Some(red) = Red::parse(data, 111) else { return };
    assert!(red.primary < data.len(), "the primary block is never empty");
    let mut end = 0;
    for block in red.blocks() {
        assert!(end <= block.start && block.start <= block.end && block.end <= red.primary, "{block:?} of {red:?}");
        assert!(block.age < 1 << 14);
        end = block.end;
    }
}

/// A decrypted RTCP compound.
pub fn rtcp(data: &[u8]) {
    let Some(reports) = rtcp::read(data) else { return };
    assert!(reports.len() * 4 <= data.len(), "more was read than there is");
}

/// An offer; what is accepted must be answered without anything of the offer beyond what an answer repeats.
pub fn sdp(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(&data[..data.len().min(INPUT_MAX)]) else { return };
    let Ok(offer) = Offer::parse(text) else { return };
    let local = credentials();
    let slots: Vec<Slot> = offer.slots().zip(1..).map(|(media, ssrc)| Slot { mid: media.mid, ssrc }).collect();
    let answer = Answer {
        session: (1, 1),
        local: &local,
        fingerprint: IDENTITY.fingerprint(),
        udp: &[SocketAddr::from(([192, 0, 2, 1], 7882))],
        tcp: &[SocketAddr::from(([192, 0, 2, 1], 7882))],
        slots: &slots,
        cname: "fuzz",
    };
    let answer = answer.write(&offer);
    let sections = answer.split("\r\n").filter(|line| line.starts_with("m=")).count();
    assert_eq!(sections, offer.sections.len(), "an m-line an m-line: {answer}");
    for line in answer.strip_suffix("\r\n").expect("lines end").split("\r\n") {
        let bytes = line.as_bytes();
        assert!(bytes.len() >= 2 && bytes[0].is_ascii_lowercase() && bytes[1] == b'=', "{line:?} in {answer}");
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
    }
    if let Ok(again) = Offer::parse(&text.replace("\r\n", "\n")) {
        assert_eq!(again.sections.len(), offer.sections.len());
    }
}

/// A TCP stream of frames (RFC 4571), cut in pieces as long as the first byte says.
pub fn tcp(data: &[u8]) {
    let Some((step, stream)) = data.split_first() else { return };
    let decode = |step: usize| {
        let (mut decoder, mut frames, mut whole) = (FrameDecoder::default(), Vec::new(), true);
        for piece in stream.chunks(step) {
            if decoder.push(piece, |frame| frames.push(frame.to_vec())).is_err() {
                whole = false;
                break;
            }
        }
        (frames, whole)
    };
    let (frames, whole) = decode(usize::from(*step).max(1));
    assert_eq!(decode(stream.len().max(1)), (frames.clone(), whole), "however it is cut");
    let mut again = Vec::new();
    for frame in &frames {
        encode_frame(frame, &mut again).expect("what was decoded can be encoded");
    }
    assert_eq!(again, stream[..again.len()]);
}

/// Pieces of an input: each behind its length in two bytes, cut short by the end.
fn pieces(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (head, rest) = data.split_first_chunk::<2>()?;
        let (piece, rest) = rest.split_at(usize::from(u16::from_be_bytes(*head)).min(rest.len()));
        data = rest;
        Some(piece)
    })
}

/// Datagrams that may be fragments of a ClientHello.
pub fn hello(data: &[u8]) {
    dtls_fuzz::hello(pieces(data));
}

/// Datagrams to a DTLS association that waits for a ClientHello.
pub fn dtls(data: &[u8]) {
    dtls_fuzz::association(pieces(data), &IDENTITY);
}
