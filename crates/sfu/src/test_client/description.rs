//! The test client's offers, and what it reads in an answer.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::ClientOptions;
use crate::transport::{Credentials, Fingerprint};

/// Writes an offer.
pub(super) fn offer(options: &ClientOptions, local: &Credentials, fingerprint: &Fingerprint, ssrc: u32) -> String {
    let slots = (0..options.slots).map(|slot| format!("s{slot}"));
    let mids: Vec<String> = options.microphone.then(|| "mic".to_owned()).into_iter().chain(slots).collect();
    let mut sdp = format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n", mids.join(" "));
    for mid in &mids {
        let sends = mid == "mic";
        let direction = if sends { "sendonly" } else { "recvonly" };
        let opus = options.opus;
        let (red, red_lines) = match options.red {
            true => ("63 ", format!("a=rtpmap:63 red/48000/2\r\na=fmtp:63 {opus}/{opus}\r\n")),
            false => ("", String::new()),
        };
        let nack = if options.nack { format!("a=rtcp-fb:{opus} nack\r\n") } else { String::new() };
        write!(
            sdp,
            "m=audio 9 UDP/TLS/RTP/SAVPF {red}{opus}\r\nc=IN IP4 0.0.0.0\r\n\
             a=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=fingerprint:{fingerprint}\r\na=setup:actpass\r\na=mid:{mid}\r\n\
             a={direction}\r\na=rtcp-mux\r\na=rtpmap:{opus} opus/48000/2\r\n\
             a=fmtp:{opus} minptime=10;useinbandfec=1\r\n{nack}{red_lines}",
            local.ufrag, local.password
        )
        .expect("room for it");
        if options.audio_level {
            sdp.push_str("a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n");
        }
        if sends && options.signal_ssrc {
            write!(sdp, "a=ssrc:{ssrc} cname:client\r\n").expect("room for it");
        }
    }
    sdp
}

/// What a client reads in an answer.
#[derive(Clone, Debug)]
pub(crate) struct AnswerView {
    /// The server's ICE credentials.
    pub(crate) remote: Credentials,
    /// The server's certificate.
    pub(crate) fingerprint: Fingerprint,
    /// The first UDP candidate.
    pub(crate) udp: SocketAddr,
    /// Each m-line: mid, direction, SSRC if it has one.
    pub(crate) media: Vec<(String, String, Option<u32>)>,
}

impl AnswerView {
    /// Reads an answer.
    ///
    /// # Panics
    /// When something is missing that a client needs.
    pub(crate) fn parse(sdp: &str) -> Self {
        let value = |key: &str| {
            let prefix = format!("a={key}:");
            sdp.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or_else(|| panic!("no {key} in {sdp}"))
        };
        let udp = sdp
            .lines()
            .find_map(|line| {
                let words: Vec<&str> = line.strip_prefix("a=candidate:")?.split(' ').collect();
                (words[2] == "udp")
                    .then(|| SocketAddr::new(words[4].parse().expect("an address"), words[5].parse().expect("a port")))
            })
            .expect("a UDP candidate");
        let media = sdp.split("\r\nm=").skip(1).map(|section| {
            let find = |prefix: &str| section.lines().find_map(|line| line.strip_prefix(prefix));
            let direction = ["sendonly", "recvonly", "sendrecv", "inactive"]
                .into_iter()
                .find(|direction| section.lines().any(|line| line == format!("a={direction}")))
                .expect("a direction");
            let ssrc =
                find("a=ssrc:").map(|rest| rest.split(' ').next().and_then(|ssrc| ssrc.parse().ok()).expect("an SSRC"));
            (find("a=mid:").expect("a mid").to_owned(), direction.to_owned(), ssrc)
        });
        assert!(sdp.lines().any(|line| line == "a=ice-lite"), "the server is ICE-lite");
        assert_eq!(value("setup"), "passive");
        Self {
            remote: Credentials { ufrag: value("ice-ufrag").to_owned(), password: value("ice-pwd").to_owned() },
            fingerprint: Fingerprint::parse(value("fingerprint")).expect("well-formed").expect("of a known kind"),
            udp,
            media: media.collect(),
        }
    }

    /// The SSRC the server sends with in an m-line.
    pub(crate) fn ssrc_of(&self, mid: &str) -> Option<u32> {
        self.media.iter().find(|(name, ..)| name == mid).and_then(|(.., ssrc)| *ssrc)
    }
}
