//! Offers as clients write them, and as attackers do.

mod answers;
mod refusals;

use super::{Direction, Extensions, Offer, Section};

const CHROMIUM: &str = include_str!("fixtures/chromium.sdp");
const FIREFOX: &str = include_str!("fixtures/firefox.sdp");
const AIORTC: &str = include_str!("fixtures/aiortc.sdp");
const WEBRTC_RS: &str = include_str!("fixtures/webrtc-rs.sdp");
const ALL: [&str; 4] = [CHROMIUM, FIREFOX, AIORTC, WEBRTC_RS];

/// With the line ends of the wire.
fn wire(sdp: &str) -> String {
    sdp.replace('\n', "\r\n")
}

fn parse(sdp: &str) -> Offer {
    Offer::parse(&wire(sdp)).unwrap_or_else(|error| panic!("{error}"))
}

fn directions(offer: &Offer) -> Vec<(&str, Direction)> {
    offer.audio().map(|media| (media.mid.as_str(), media.direction)).collect()
}

#[test]
fn chromium() {
    let offer = parse(CHROMIUM);
    assert_eq!((offer.remote.ufrag.as_str(), offer.remote.password.as_str()), ("Xk2p", "Qm7J1tFvZ0yE4sWcR9uBnL3d"));
    assert_eq!(offer.fingerprints.len(), 1);
    assert!(offer.fingerprints[0].to_string().starts_with("sha-256 0F:1E:2D"));
    assert_eq!(
        directions(&offer),
        [("0", Direction::SendOnly), ("1", Direction::RecvOnly), ("2", Direction::RecvOnly)]
    );
    let microphone = offer.microphone().unwrap();
    assert_eq!(microphone.opus.payload_type, 111);
    assert_eq!(microphone.opus.fmtp, "minptime=10;useinbandfec=1");
    assert_eq!(microphone.opus.red, Some(63));
    assert_eq!(microphone.extensions, Extensions { audio_level: Some(1), mid: Some(4) });
    assert_eq!(microphone.ssrcs, [2_870_412_741]);
    assert_eq!(offer.slots().count(), 2);
}

#[test]
fn firefox() {
    let offer = parse(FIREFOX);
    assert_eq!(offer.remote.ufrag, "b4c91f02");
    assert!(offer.fingerprints[0].to_string().starts_with("sha-256 A1:B2"), "of the session");
    assert_eq!(
        directions(&offer),
        [("0", Direction::SendOnly), ("1", Direction::RecvOnly), ("2", Direction::Inactive)],
        "bundle-only m-lines have port 0 and are meant"
    );
    let microphone = offer.microphone().unwrap();
    assert_eq!((microphone.opus.payload_type, microphone.opus.red), (109, None));
    assert_eq!(microphone.extensions, Extensions { audio_level: Some(1), mid: Some(3) });
}

#[test]
fn aiortc() {
    let offer = parse(AIORTC);
    assert_eq!(offer.remote.ufrag, "kR7d");
    assert_eq!(offer.fingerprints.len(), 2);
    let microphone = offer.microphone().unwrap();
    assert_eq!(microphone.opus.payload_type, 96);
    assert_eq!(microphone.opus.fmtp, "");
    assert_eq!(microphone.extensions, Extensions { audio_level: Some(2), mid: Some(1) });
    assert_eq!(microphone.ssrcs, [3_141_592_653]);
}

#[test]
fn webrtc_rs() {
    let offer = parse(WEBRTC_RS);
    assert_eq!(offer.microphone().unwrap().ssrcs, [1_029_384_756]);
    assert_eq!(offer.microphone().unwrap().extensions, Extensions::default());
    assert!(matches!(&offer.sections[2], Section::Refused { media, .. } if media == "application"));
}

#[test]
fn bare_line_feeds_are_read_too() {
    for sdp in ALL {
        assert_eq!(Offer::parse(sdp), Offer::parse(&wire(sdp)));
    }
}

#[test]
fn an_offer_without_ssrc_or_microphone_is_fine() {
    let without: String = CHROMIUM.lines().filter(|l| !l.starts_with("a=ssrc")).map(|l| format!("{l}\r\n")).collect();
    assert!(Offer::parse(&without).unwrap().microphone().unwrap().ssrcs.is_empty());
    let listener = parse(&CHROMIUM.replace("a=sendonly", "a=recvonly"));
    assert!(listener.microphone().is_none());
    assert_eq!(listener.slots().count(), 3);
}

#[test]
fn redundancy_is_taken_only_for_the_opus_of_its_m_line() {
    let red = |fmtp: &str| parse(&CHROMIUM.replace("a=fmtp:63 111/111", fmtp)).microphone().unwrap().opus.red;
    assert_eq!(red("a=fmtp:63 111/111/111"), Some(63));
    for other in ["a=fmtp:63 111/13", "a=fmtp:63 /", "a=fmtp:63 111/", "a=fmtp:64 111/111", "a=ptime:20"] {
        assert_eq!(red(other), None, "{other}");
    }
    assert!(!parse(CHROMIUM).microphone().unwrap().opus.prefers_red);
    let first = parse(&CHROMIUM.replace("SAVPF 111 63", "SAVPF 63 111"));
    assert!(first.audio().all(|media| media.opus.prefers_red && media.opus.payload_type == 111));
}

#[test]
fn nack_is_generic_nack_for_opus() {
    let nack =
        |line: &str| parse(&CHROMIUM.replace("a=rtcp-fb:111 transport-cc", line)).microphone().unwrap().opus.nack;
    assert!(nack("a=rtcp-fb:111 nack") && nack("a=rtcp-fb:* nack"));
    for other in ["a=rtcp-fb:111 nack pli", "a=rtcp-fb:63 nack", "a=rtcp-fb:111 transport-cc", "a=rtcp-fb:nack"] {
        assert!(!nack(other), "{other}");
    }
}
