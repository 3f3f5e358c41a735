//! The SDP of a peer: the offer it makes, and what it has to know of a server's description. An answer to an offer of the
//! server is written for servers that offer themselves.

use std::fmt::Write as _;
use std::net::SocketAddr;

use aws_lc_rs::digest::{SHA256, digest};
use rand::RngExt;
use rand::rngs::StdRng;

use super::api::Repair;

/// The payload type offered for Opus.
pub(super) const OPUS: u8 = 111;
/// The payload type offered for redundant audio (RFC 2198), as in Chromium's offers.
const RED: u8 = 63;
/// The id of the audio level extension (RFC 6464) in offers.
pub(super) const AUDIO_LEVEL: u8 = 1;
const AUDIO_LEVEL_URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

/// A user name fragment and its password (RFC 8839, section 5.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user name fragment.
    pub ufrag: String,
    /// The password.
    pub password: String,
}

impl Credentials {
    /// New random ones.
    pub(super) fn generate(rng: &mut StdRng) -> Self {
        Self { ufrag: ice_chars(rng, 8), password: ice_chars(rng, 24) }
    }
}

/// Random characters of the ICE alphabet, 6 bits each.
fn ice_chars(rng: &mut StdRng, count: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (0..count).map(|_| char::from(ALPHABET[rng.random_range(0..64)])).collect()
}

/// The SHA-256 fingerprint of a certificate (DER), as `a=fingerprint` has it.
pub(super) fn fingerprint(der: &[u8]) -> String {
    let hex: Vec<String> = digest(&SHA256, der).as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    format!("sha-256 {}", hex.join(":"))
}

/// What a peer says of itself.
#[derive(Clone, Debug)]
pub struct LocalDescription {
    /// Its ICE credentials.
    pub credentials: Credentials,
    /// `sha-256 AB:CD…`
    pub fingerprint: String,
    /// The SSRC of its microphone; `None` when it has none.
    pub microphone: Option<u32>,
    /// What it offers to do about lost packets.
    pub repair: Repair,
}

impl LocalDescription {
    /// An offer of the microphone, if there is one, and `slots` m-lines to hear.
    #[must_use]
    pub fn offer(&self, slots: u32) -> String {
        let microphone = self.microphone.map(|ssrc| ("mic".to_owned(), Some(ssrc)));
        let slots = (0..slots).map(|slot| (format!("s{slot}"), None));
        let media: Vec<(String, Option<u32>)> = microphone.into_iter().chain(slots).collect();
        let mids = media.iter().map(|(mid, _)| mid.as_str());
        let mut sdp = session(mids);
        for (mid, ssrc) in &media {
            self.section(&mut sdp, mid, OPUS, *ssrc, self.repair);
        }
        sdp
    }

    /// An answer that hears everything the server offers to send.
    #[must_use]
    pub fn answer(&self, remote: &RemoteDescription) -> String {
        let mut sdp = session(remote.media.iter().map(|media| media.mid.as_str()));
        for media in &remote.media {
            self.section(&mut sdp, &media.mid, media.opus, None, Repair::default());
        }
        sdp
    }

    fn section(&self, sdp: &mut String, mid: &str, opus: u8, ssrc: Option<u32>, repair: Repair) {
        let Credentials { ufrag, password } = &self.credentials;
        let direction = if ssrc.is_some() { "sendonly" } else { "recvonly" };
        let fingerprint = &self.fingerprint;
        let formats = if repair.red { format!("{RED} {opus}") } else { opus.to_string() };
        // Always the active side of DTLS: whoever answers is passive then (RFC 8842, section 5.3).
        let section = format!(
            "m=audio 9 UDP/TLS/RTP/SAVPF {formats}\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\n\
             a=fingerprint:{fingerprint}\r\na=setup:active\r\na=mid:{mid}\r\na={direction}\r\na=rtcp-mux\r\n\
             a=rtpmap:{opus} opus/48000/2\r\na=fmtp:{opus} minptime=10;useinbandfec=1\r\n"
        );
        sdp.push_str(&section);
        // Writing to a string cannot fail.
        if repair.red {
            let _ = write!(sdp, "a=rtpmap:{RED} red/48000/2\r\na=fmtp:{RED} {opus}/{opus}\r\n");
        }
        if repair.nack {
            let _ = write!(sdp, "a=rtcp-fb:{opus} nack\r\n");
        }
        if let Some(ssrc) = ssrc {
            let _ = write!(sdp, "a=extmap:{AUDIO_LEVEL} {AUDIO_LEVEL_URI}\r\n");
            let _ = write!(sdp, "a=msid:loadtest microphone\r\na=ssrc:{ssrc} cname:loadtest\r\n");
        }
    }
}

fn session<'a>(mids: impl Iterator<Item = &'a str>) -> String {
    let bundle: String = mids.map(|mid| format!(" {mid}")).collect();
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE{bundle}\r\na=msid-semantic: WMS loadtest\r\n"
    )
}

/// What a peer has to know of the server's description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteDescription {
    /// The server's ICE credentials.
    pub credentials: Credentials,
    /// `sha-256 AB:CD…` of the server's certificate, in upper case.
    pub fingerprint: String,
    /// UDP candidates, best first.
    pub udp: Vec<SocketAddr>,
    /// The id of the audio level extension, when the server wants it.
    pub audio_level: Option<u8>,
    /// The audio m-lines that were not refused.
    pub media: Vec<RemoteMedia>,
}

/// An m-line of the server's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteMedia {
    /// Its name.
    pub mid: String,
    /// The payload type of Opus.
    pub opus: u8,
    /// Whether the server sends on it.
    pub sends: bool,
    /// The payload type of redundant audio (RFC 2198), when it is rather sent than plain Opus.
    pub red: Option<u8>,
    /// Whether lost packets may be asked for (generic NACK, RFC 4585).
    pub nack: bool,
}

impl RemoteDescription {
    /// Reads an SDP.
    ///
    /// # Errors
    /// Says what a peer would need and does not find.
    pub fn parse(sdp: &str) -> Result<Self, String> {
        let value = |key: &str| {
            let found = values(sdp, key).next();
            found.map(str::to_owned).ok_or_else(|| format!("the server's SDP has no a={key}"))
        };
        let mut udp: Vec<(u64, SocketAddr)> = values(sdp, "candidate").filter_map(candidate).collect();
        udp.sort_unstable_by_key(|(priority, _)| std::cmp::Reverse(*priority));
        udp.dedup();
        if udp.is_empty() {
            return Err("the server's SDP has no UDP candidate".to_owned());
        }
        let fingerprint = value("fingerprint")?;
        let (hash, hex) = fingerprint.split_once(' ').unwrap_or_default();
        if !hash.eq_ignore_ascii_case("sha-256") {
            return Err(format!("the server's fingerprint is {hash:?} instead of sha-256"));
        }
        Ok(Self {
            credentials: Credentials { ufrag: value("ice-ufrag")?, password: value("ice-pwd")? },
            fingerprint: format!("sha-256 {}", hex.trim().to_uppercase()),
            udp: udp.into_iter().map(|(_, address)| address).collect(),
            audio_level: values(sdp, "extmap").find_map(|value| {
                let (id, uri) = value.split_once(' ')?;
                (uri.trim() == AUDIO_LEVEL_URI).then(|| id.split('/').next()?.parse().ok())?
            }),
            media: sdp.split("\nm=").skip(1).filter_map(media).collect(),
        })
    }
}

fn values<'a>(sdp: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    sdp.lines().filter_map(move |line| line.strip_prefix("a=")?.strip_prefix(key)?.strip_prefix(':'))
}

/// `u0 1 udp 2130706431 192.0.2.1 7882 typ host` (RFC 8839, section 5.1).
fn candidate(value: &str) -> Option<(u64, SocketAddr)> {
    let words: Vec<&str> = value.split_ascii_whitespace().collect();
    if !words.get(2)?.eq_ignore_ascii_case("udp") {
        return None;
    }
    let address = SocketAddr::new(words.get(4)?.parse().ok()?, words.get(5)?.parse().ok()?);
    Some((words[3].parse().ok()?, address))
}

fn media(section: &str) -> Option<RemoteMedia> {
    let mut words = section.lines().next()?.split_ascii_whitespace();
    let accepted = words.next() == Some("audio") && words.next() != Some("0");
    let first = words.nth(1);
    let payload_type = |name: &str| {
        values(section, "rtpmap").find_map(|value| {
            let (payload_type, codec) = value.split_once(' ')?;
            codec.trim().eq_ignore_ascii_case(name).then_some(payload_type)
        })
    };
    let opus: u8 = payload_type("opus/48000/2")?.parse().ok()?;
    let red = payload_type("red/48000/2").filter(|red| first == Some(red));
    let nack = format!("{opus} nack");
    let direction = |name: &str| section.lines().any(|line| line.trim_end() == name);
    accepted.then_some(())?;
    let sends = !direction("a=recvonly") && !direction("a=inactive");
    Some(RemoteMedia {
        mid: values(section, "mid").next()?.to_owned(),
        opus,
        sends,
        // Others would look like RTCP (RFC 5761, section 4).
        red: red.and_then(|red| red.parse().ok()).filter(|red| matches!(red, 0..=63 | 96..=127)),
        nack: values(section, "rtcp-fb").any(|feedback| feedback.trim_end() == nack),
    })
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const ANSWER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE mic s0 s1\r\na=ice-lite\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n\
        a=fingerprint:sha-256 ab:cd\r\na=setup:passive\r\na=mid:mic\r\na=recvonly\r\na=rtpmap:111 opus/48000/2\r\n\
        a=extmap:4 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
        a=candidate:u1 1 udp 100 192.0.2.2 7883 typ host\r\na=candidate:u0 1 udp 2130706431 192.0.2.1 7882 typ host\r\n\
        a=candidate:t0 1 tcp 1518280447 192.0.2.1 7882 typ host tcptype passive\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 109\r\na=mid:s0\r\na=sendonly\r\na=rtpmap:109 opus/48000/2\r\n\
        m=audio 0 UDP/TLS/RTP/SAVPF 109\r\na=mid:s1\r\na=inactive\r\na=rtpmap:109 opus/48000/2\r\n";

    #[test]
    fn what_a_peer_needs_is_found() {
        let remote = RemoteDescription::parse(ANSWER).unwrap();
        assert_eq!(remote.credentials.ufrag, "abcd");
        assert_eq!(remote.fingerprint, "sha-256 AB:CD");
        let udp: Vec<String> = remote.udp.iter().map(SocketAddr::to_string).collect();
        assert_eq!(udp, ["192.0.2.1:7882", "192.0.2.2:7883"]);
        assert_eq!(remote.audio_level, Some(4));
        let media: Vec<_> = remote.media.iter().map(|media| (media.mid.as_str(), media.opus, media.sends)).collect();
        assert_eq!(media, [("mic", 111, false), ("s0", 109, true)]);
    }

    #[test]
    fn what_is_missing_is_named() {
        for (gone, named) in [("a=ice-pwd", "ice-pwd"), ("a=candidate:u", "candidate"), ("sha-256", "sha-1")] {
            let error = RemoteDescription::parse(&ANSWER.replace(gone, "a=sha-1")).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
        assert!(RemoteDescription::parse("").is_err());
    }

    #[test]
    fn an_offer_can_be_read_by_the_same_reader() {
        let credentials = Credentials::generate(&mut StdRng::seed_from_u64(1));
        let repair = Repair::default();
        let local =
            LocalDescription { credentials, fingerprint: fingerprint(b"certificate"), microphone: Some(77), repair };
        let sdp = local.offer(2) + "a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n";
        let read = RemoteDescription::parse(&sdp).unwrap();
        assert_eq!((read.credentials, read.fingerprint), (local.credentials.clone(), local.fingerprint.clone()));
        let media: Vec<_> = read.media.iter().map(|media| (media.mid.as_str(), media.sends)).collect();
        assert_eq!(media, [("mic", true), ("s0", false), ("s1", false)]);
        assert!(sdp.contains("a=ssrc:77 ") && sdp.matches("a=extmap").count() == 1);

        let answer = local.answer(&RemoteDescription::parse(ANSWER).unwrap());
        assert!(answer.contains("a=group:BUNDLE mic s0\r\n") && answer.contains("a=rtpmap:109 opus"), "{answer}");
    }

    #[test]
    fn what_repairs_is_offered_when_it_is_wanted_and_found_when_it_is_agreed() {
        let mut local = LocalDescription {
            credentials: Credentials::generate(&mut StdRng::seed_from_u64(1)),
            fingerprint: fingerprint(b"certificate"),
            microphone: Some(77),
            repair: Repair::default(),
        };
        let found = |local: &LocalDescription| {
            let sdp = local.offer(1) + "a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n";
            let media = RemoteDescription::parse(&sdp).unwrap().media;
            media.iter().map(|media| (media.opus, media.red, media.nack)).collect::<Vec<_>>()
        };
        assert_eq!(found(&local), [(111, None, false); 2]);
        local.repair.nack = true;
        assert_eq!(found(&local), [(111, None, true); 2]);
        local.repair.red = true;
        assert_eq!(found(&local), [(111, Some(63), true); 2]);
        assert!(local.offer(1).contains("a=fmtp:63 111/111\r\n"));
        // Whoever answers with plain Opus first is sent plain Opus.
        let answer = ANSWER.replace("SAVPF 111", "SAVPF 111 63") + "a=rtcp-fb:109 nack pli\r\n";
        let answer = answer.replace("a=recvonly", "a=recvonly\r\na=rtpmap:63 red/48000/2");
        let media = RemoteDescription::parse(&answer).unwrap().media;
        assert!(media.iter().all(|media| media.red.is_none() && !media.nack), "{media:?}");
        assert!(!local.answer(&RemoteDescription::parse(ANSWER).unwrap()).contains("nack"));
    }
}
