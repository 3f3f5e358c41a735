//! One m-line with audio.

use rtc_sdp::description::media::MediaDescription;

use crate::ids::Mid;
use crate::rtp::payload::Formats;

/// `urn:ietf:params:rtp-hdrext:ssrc-audio-level`, RFC 6464.
pub(super) const AUDIO_LEVEL_URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
/// `urn:ietf:params:rtp-hdrext:sdes:mid`, RFC 9143, section 16.
pub(super) const MID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";

/// The largest id of a one-byte header extension (RFC 8285, section 4.2).
const EXTENSION_ID_MAX: u16 = 14;

/// Opus and redundant audio as `a=rtpmap` names them (RFC 7587, RFC 2198).
const OPUS: &str = "opus/48000/2";
/// See [`OPUS`].
const RED: &str = "red/48000/2";

/// SSRCs one m-line may name: the stream's, its retransmission's, its forward error correction's.
const SSRCS_MAX: usize = 8;

/// Who sends on an m-line, as seen by whoever wrote it (RFC 8866, section 6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Both.
    SendRecv,
    /// Only the writer.
    SendOnly,
    /// Only the reader.
    RecvOnly,
    /// Nobody.
    Inactive,
}

impl Direction {
    /// Whether the writer sends.
    pub(crate) const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// The attribute.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// The direction that is said; `sendrecv` when none is (RFC 8866, section 6.7).
    fn of(media: &MediaDescription) -> Self {
        [Self::SendOnly, Self::RecvOnly, Self::Inactive, Self::SendRecv]
            .into_iter()
            .find(|direction| media.has_attribute(direction.as_str()))
            .unwrap_or(Self::SendRecv)
    }
}

/// Opus on an m-line (RFC 7587).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opus {
    /// Its payload type.
    pub(crate) payload_type: u8,
    /// Its `a=fmtp` parameters, empty when there are none.
    pub(crate) fmtp: String,
    /// The payload type of `red/48000/2` (RFC 2198), when it is offered for this Opus.
    pub(crate) red: Option<u8>,
    /// Whether the client lists redundant audio before plain Opus: the one it would rather have and send.
    pub(crate) prefers_red: bool,
    /// Whether packets may be asked for again (`a=rtcp-fb … nack`, RFC 4585, section 4.2).
    pub(crate) nack: bool,
}

/// Ids of the RTP header extensions that are used here (RFC 8285).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extensions {
    /// RFC 6464.
    pub(crate) audio_level: Option<u8>,
    /// RFC 9143.
    pub(crate) mid: Option<u8>,
}

/// An m-line that is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Media {
    /// Its name; unique in the offer.
    pub(crate) mid: Mid,
    /// Who sends, as the client sees it.
    pub(crate) direction: Direction,
    /// Its codec.
    pub(crate) opus: Opus,
    /// Its header extensions.
    pub(crate) extensions: Extensions,
    /// The SSRCs the client says it sends with; often empty.
    pub(crate) ssrcs: Vec<u32>,
}

impl Media {
    /// Reads an audio m-line.
    ///
    /// # Errors
    /// Says what is missing or wrong.
    pub(super) fn read(mid: Mid, media: &MediaDescription) -> Result<Self, String> {
        if !media.has_attribute("rtcp-mux") {
            return Err(format!("the m-line {mid} needs a=rtcp-mux (RFC 5761)"));
        }
        Ok(Self {
            direction: Direction::of(media),
            opus: Opus::of(media).ok_or_else(|| format!("the m-line {mid} needs opus/48000/2 (RFC 7587)"))?,
            extensions: Extensions::of(media),
            ssrcs: ssrcs(media),
            mid,
        })
    }
}

/// The values of all attributes of a name.
pub(super) fn values<'a>(media: &'a MediaDescription, key: &'a str) -> impl Iterator<Item = &'a str> {
    media.attributes.iter().filter(move |a| a.key == key).filter_map(|a| a.value.as_deref())
}

impl Opus {
    /// The payload types under which audio is sent and received on the m-line.
    pub(crate) const fn formats(&self) -> Formats {
        Formats { opus: self.payload_type, red: self.red }
    }

    fn of(media: &MediaDescription) -> Option<Self> {
        let payload_type = payload_type(media, OPUS)?;
        let red = red(media, payload_type);
        let place = |pt: u8| media.media_name.formats.iter().position(|format| format.parse() == Ok(pt));
        Some(Self {
            payload_type,
            fmtp: fmtp(media, payload_type).unwrap_or_default().to_owned(),
            red,
            prefers_red: red.is_some_and(|red| place(red) < place(payload_type)),
            nack: nack(media, payload_type),
        })
    }
}

/// The `a=fmtp` parameters of a payload type.
fn fmtp(media: &MediaDescription, payload_type: u8) -> Option<&str> {
    values(media, "fmtp").find_map(|value| {
        let (of, parameters) = value.split_once(' ')?;
        (of.parse() == Ok(payload_type)).then(|| parameters.trim())
    })
}

/// The payload type of redundant audio whose blocks are all of this codec (RFC 2198, section 5).
fn red(media: &MediaDescription, codec: u8) -> Option<u8> {
    let red = payload_type(media, RED)?;
    fmtp(media, red)?.split('/').all(|block| block.parse() == Ok(codec)).then_some(red)
}

/// Whether generic NACK is offered for a payload type, or for all (`*`). `nack pli` is another thing.
fn nack(media: &MediaDescription, payload_type: u8) -> bool {
    values(media, "rtcp-fb").any(|value| {
        let mut words = value.split_ascii_whitespace();
        let meant = words.next().is_some_and(|of| of == "*" || of.parse() == Ok(payload_type));
        meant && words.next() == Some("nack") && words.next().is_none()
    })
}

/// The first payload type of the m-line that an `a=rtpmap` maps to `codec` (names in any case, RFC 4855, section 3).
fn payload_type(media: &MediaDescription, codec: &str) -> Option<u8> {
    // Once through each list: both can be as long as an offer may be.
    let mut mapped = [false; 128];
    for (of, name) in values(media, "rtpmap").filter_map(|value| value.split_once(' ')) {
        if name.trim().eq_ignore_ascii_case(codec)
            && let Some(mapped) = of.parse().ok().and_then(|of: usize| mapped.get_mut(of))
        {
            *mapped = true;
        }
    }
    let mut formats = media.media_name.formats.iter().filter_map(|format| format.parse().ok());
    // Others would look like RTCP (RFC 5761, section 4).
    formats.find(|pt: &u8| matches!(pt, 0..=63 | 96..=127) && mapped[usize::from(*pt)])
}

impl Extensions {
    fn of(media: &MediaDescription) -> Self {
        let id = |uri: &str| {
            values(media, "extmap").find_map(|value| {
                let mut words = value.split_ascii_whitespace();
                let id =
                    words.next()?.split('/').next()?.parse().ok().filter(|id| (1..=EXTENSION_ID_MAX).contains(id))?;
                (words.next() == Some(uri)).then(|| u8::try_from(id).ok())?
            })
        };
        Self { audio_level: id(AUDIO_LEVEL_URI), mid: id(MID_URI) }
    }
}

fn ssrcs(media: &MediaDescription) -> Vec<u32> {
    let mut all = Vec::new();
    for value in values(media, "ssrc") {
        let ssrc = value.split(' ').next().and_then(|number| number.parse().ok());
        if let Some(ssrc) = ssrc.filter(|ssrc| !all.contains(ssrc) && all.len() < SSRCS_MAX) {
            all.push(ssrc);
        }
    }
    all
}
