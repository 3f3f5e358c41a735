//! Reading an offer.

use std::collections::HashSet;
use std::io::Cursor;

use rtc_sdp::description::media::MediaDescription;
use rtc_sdp::description::session::SessionDescription;

use super::media::{Media, values};
use super::{CANDIDATES_MAX, FINGERPRINTS_MAX, MEDIA_MAX};
use crate::error::OfferError;
use crate::ids::Mid;
use crate::transport::{Credentials, Fingerprint};

const PROTOCOL: &str = "UDP/TLS/RTP/SAVPF";

/// An offer that can be answered: a session description (RFC 8866) that was read and checked.
///
/// Reading is the work of whoever has the text, so that no packet waits for it: a worker gets what was read. A browser's text takes some 40 µs,
/// the longest about 2 ms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The client's ICE credentials: a change of them is an ICE restart.
    pub(crate) remote: Credentials,
    /// The client's certificate has one of these fingerprints. Sorted, never empty.
    pub(crate) fingerprints: Vec<Fingerprint>,
    /// The m-lines in order.
    pub(crate) sections: Vec<Section>,
}

/// One m-line of an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// Answered.
    Audio(Media),
    /// Answered with port 0: not audio, or switched off by the client.
    Refused {
        /// What the m-line says: `video`, `application`, …
        media: String,
        /// Its protocol.
        protocol: String,
        /// Its formats.
        formats: String,
        /// Its name, when it has one.
        mid: Option<Mid>,
    },
}

impl Offer {
    /// Reads and checks an offer.
    ///
    /// # Errors
    /// [`OfferError::TooLarge`], [`OfferError::Syntax`] or [`OfferError::Unsupported`], with words for the client's author.
    pub fn parse(sdp: &str) -> Result<Self, OfferError> {
        Self::check_length(sdp)?;
        check_lines(sdp).map_err(OfferError::Syntax)?;
        let session = SessionDescription::unmarshal(&mut Cursor::new(sdp.as_bytes()))
            .map_err(|error| OfferError::Syntax(error.to_string()))?;
        Self::read(&session).map_err(OfferError::Unsupported)
    }

    /// Whether a text is short enough to be read at all: 64 KiB.
    ///
    /// # Errors
    /// [`OfferError::TooLarge`].
    pub const fn check_length(sdp: &str) -> Result<(), OfferError> {
        if sdp.len() > 64 * 1024 { Err(OfferError::TooLarge(sdp.len())) } else { Ok(()) }
    }

    /// The m-lines with audio, in order.
    pub(crate) fn audio(&self) -> impl Iterator<Item = &Media> {
        self.sections.iter().filter_map(|section| match section {
            Section::Audio(media) => Some(media),
            Section::Refused { .. } => None,
        })
    }

    /// The m-line the client sends on; at most one does.
    pub(crate) fn microphone(&self) -> Option<&Media> {
        self.audio().find(|media| media.direction.sends())
    }

    /// The m-lines the client receives on and sends nothing, in order: its slots.
    pub(crate) fn slots(&self) -> impl Iterator<Item = &Media> {
        self.audio().filter(|media| media.direction == super::Direction::RecvOnly)
    }

    fn read(session: &SessionDescription) -> Result<Self, String> {
        let lines = &session.media_descriptions;
        if lines.is_empty() || lines.len() > MEDIA_MAX {
            return Err(format!("it has {} m-lines; 1 to {MEDIA_MAX} are accepted", lines.len()));
        }
        let candidates = lines.iter().flat_map(|m| values(m, "candidate")).count();
        if candidates > CANDIDATES_MAX {
            return Err(format!("it has {candidates} candidates; at most {CANDIDATES_MAX} are accepted"));
        }
        let mut mids = HashSet::new();
        let sections = lines.iter().map(|media| section(media, &mut mids)).collect::<Result<Vec<_>, _>>()?;
        let accepted: Vec<&MediaDescription> = lines
            .iter()
            .zip(&sections)
            .filter_map(|(media, section)| matches!(section, Section::Audio(_)).then_some(media))
            .collect();
        let first = *accepted.first().ok_or("it has no audio m-line")?;
        let offer =
            Self { remote: credentials(session, first)?, fingerprints: fingerprints(session, first)?, sections };
        check_setup(session, first)?;
        check_bundle(session, &offer)?;
        let senders: Vec<_> = offer.audio().filter(|m| m.direction.sends()).map(|m| m.mid.as_str()).collect();
        if senders.len() > 1 {
            return Err(format!(
                "the m-lines {} send; at most one may be sendonly or sendrecv, make the others recvonly",
                senders.join(", ")
            ));
        }
        Ok(offer)
    }
}

/// No control characters but line ends: a lone CR inside a value would be a line of its own to others.
fn check_lines(sdp: &str) -> Result<(), String> {
    for (number, line) in sdp.lines().enumerate() {
        // `lines` takes "\n" and "\r\n" for line ends and leaves every other CR in the line.
        if line.chars().any(char::is_control) {
            return Err(format!("line {} has a control character inside", number + 1));
        }
    }
    Ok(())
}

fn section(media: &MediaDescription, mids: &mut HashSet<Mid>) -> Result<Section, String> {
    let name = &media.media_name;
    let mid = match values(media, "mid").next() {
        None => None,
        Some(text) => {
            let mid = Mid::parse(text).ok_or("a=mid needs 1 to 16 token characters (RFC 5888)")?;
            if !mids.insert(mid) {
                return Err(format!("two m-lines have the mid {mid}"));
            }
            Some(mid)
        }
    };
    let protocol = name.protos.join("/");
    let switched_off = name.port.value == 0 && !media.has_attribute("bundle-only");
    if name.media != "audio" || switched_off {
        let formats = name.formats.join(" ");
        return Ok(Section::Refused { media: name.media.clone(), protocol, formats, mid });
    }
    if protocol != PROTOCOL {
        return Err(format!("an audio m-line has the protocol {protocol}; only {PROTOCOL} is accepted"));
    }
    let mid = mid.ok_or("every m-line needs an a=mid (RFC 5888)")?;
    Ok(Section::Audio(Media::read(mid, media)?))
}

/// The value at the m-line, else at the session.
fn nearest<'a>(session: &'a SessionDescription, media: &'a MediaDescription, key: &str) -> Option<&'a str> {
    media.attribute(key).flatten().or_else(|| session.attribute(key).map(String::as_str))
}

fn credentials(session: &SessionDescription, media: &MediaDescription) -> Result<Credentials, String> {
    let read = |key: &str, least: usize| {
        let value = nearest(session, media, key).ok_or_else(|| format!("it needs a={key} (RFC 8839)"))?;
        let ice_char = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
        if (least..=256).contains(&value.len()) && value.bytes().all(ice_char) {
            Ok(value.to_owned())
        } else {
            Err(format!("a={key} needs {least} to 256 letters, digits, '+' or '/' (RFC 8839)"))
        }
    };
    Ok(Credentials { ufrag: read("ice-ufrag", 4)?, password: read("ice-pwd", 22)? })
}

fn fingerprints(session: &SessionDescription, media: &MediaDescription) -> Result<Vec<Fingerprint>, String> {
    let at_session = session.attributes.iter().filter(|a| a.key == "fingerprint").filter_map(|a| a.value.as_deref());
    let mut at_media = values(media, "fingerprint").peekable();
    let mut all = if at_media.peek().is_some() {
        at_media.map(Fingerprint::parse).collect::<Result<Vec<_>, _>>()
    } else {
        at_session.map(Fingerprint::parse).collect::<Result<Vec<_>, _>>()
    }?
    .into_iter()
    .flatten()
    .collect::<Vec<_>>();
    if all.is_empty() {
        return Err("it needs a=fingerprint with sha-256, sha-384 or sha-512 (RFC 8122)".to_owned());
    }
    all.sort();
    all.dedup();
    if all.len() > FINGERPRINTS_MAX {
        return Err(format!("it has {} fingerprints; at most {FINGERPRINTS_MAX} are accepted", all.len()));
    }
    Ok(all)
}

fn check_setup(session: &SessionDescription, media: &MediaDescription) -> Result<(), String> {
    match nearest(session, media, "setup") {
        Some("actpass" | "active") => Ok(()),
        Some("passive") => Err("a=setup:passive: the server is passive itself; offer actpass or active".to_owned()),
        _ => Err("it needs a=setup:actpass or a=setup:active (RFC 5763)".to_owned()),
    }
}

fn check_bundle(session: &SessionDescription, offer: &Offer) -> Result<(), String> {
    let groups = session.attributes.iter().filter(|a| a.key == "group").filter_map(|a| a.value.as_deref());
    let bundle: HashSet<&str> =
        groups.filter_map(|value| value.strip_prefix("BUNDLE")).flat_map(str::split_ascii_whitespace).collect();
    match offer.audio().find(|media| !bundle.contains(media.mid.as_str())) {
        None => Ok(()),
        Some(media) => Err(format!("the m-line {} is not in a=group:BUNDLE (RFC 9143)", media.mid)),
    }
}
