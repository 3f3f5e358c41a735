//! Offers that must be refused, with words that help; and that nothing panics.

use std::time::Instant;

use proptest::prelude::*;

use super::{ALL, CHROMIUM, wire};
use crate::error::OfferError;
use crate::sdp::{Answer, Offer};
use crate::transport::{Credentials, Fingerprint};

fn refusal(sdp: &str) -> OfferError {
    match Offer::parse(&wire(sdp)) {
        Err(error) => error,
        Ok(_) => panic!("was accepted:\n{sdp}"),
    }
}

fn change(from: &str, to: &str) -> OfferError {
    assert!(CHROMIUM.contains(from), "{from}");
    refusal(&CHROMIUM.replace(from, to))
}

#[test]
fn too_large() {
    let large = format!("{}a=x:{}\r\n", wire(CHROMIUM), "y".repeat(70_000));
    assert_eq!(Offer::parse(&large), Err(OfferError::TooLarge(large.len())));
}

/// Nobody's time is taken by lists as long as an offer may be, whatever stands in them.
#[test]
fn long_lists_take_as_long_as_their_length_says() {
    let (before, line) = CHROMIUM.split_at(CHROMIUM.rfind("m=audio").unwrap());
    let time = |formats: usize, attributes: &str| {
        let formats = format!("SAVPF{}", " 0".repeat(formats));
        let sdp = wire(&format!("{before}{}{attributes}", line.replace("SAVPF", &formats)));
        assert!(sdp.len() <= 65_536, "{} bytes", sdp.len());
        let took = (0..3).map(|_| {
            let begin = Instant::now();
            assert!(Offer::parse(&sdp).is_ok());
            begin.elapsed()
        });
        took.min().unwrap()
    };
    let plain = time(0, &"a=x:1 y\n".repeat(6_500));
    for (what, formats, attributes) in [
        ("formats and codecs", 14_000, "a=rtpmap:1 x\n".repeat(2_200)),
        ("formats and parameters", 14_000, "a=fmtp:1 x\n".repeat(2_400)),
        ("SSRCs", 0, (0..3_600).map(|n| format!("a=ssrc:{n} x\n")).collect()),
        ("feedback", 0, "a=rtcp-fb:1 nack\n".repeat(3_000)),
        ("extensions", 0, "a=extmap:1 x\n".repeat(3_800)),
        ("redundancy", 0, format!("a=fmtp:63 111{}\n", "/111".repeat(14_000))),
    ] {
        let took = time(formats, &attributes);
        assert!(took < 20 * plain, "{what}: {took:?}, where other lines of this length take {plain:?}");
    }
}

#[test]
fn too_many_fingerprints() {
    let of = |byte: usize| format!("a=fingerprint:sha-256 {}{byte:02X}\n", "00:".repeat(31));
    let with = |count: usize| {
        let lines: String = (0..count).map(of).collect();
        let without = CHROMIUM.lines().filter(|line| !line.starts_with("a=fingerprint"));
        without.map(|line| format!("{line}\n")).collect::<String>().replace("a=mid:0\n", &format!("a=mid:0\n{lines}"))
    };
    assert_eq!(Offer::parse(&wire(&with(8))).unwrap().fingerprints.len(), 8);
    assert!(refusal(&with(9)).to_string().contains("9 fingerprints; at most 8"));
}

#[test]
fn too_many_candidates_or_m_lines() {
    let candidate = "a=candidate:1 1 udp 1 10.0.0.1 1 typ host\n";
    let with = |count: usize| CHROMIUM.replace("a=mid:0\n", &format!("a=mid:0\n{}", candidate.repeat(count)));
    assert!(Offer::parse(&wire(&with(64))).is_ok());
    assert!(refusal(&with(65)).to_string().contains("65 candidates"));

    let session = &CHROMIUM[..CHROMIUM.find("m=").unwrap()];
    let line = &CHROMIUM[CHROMIUM.rfind("m=audio").unwrap()..];
    let many = |count: usize| {
        let bundle: String = (0..count).map(|n| format!(" x{n}")).collect();
        let lines: String = (0..count).map(|n| line.replace("a=mid:2", &format!("a=mid:x{n}"))).collect();
        format!("{}{lines}", session.replace("BUNDLE 0 1 2", &format!("BUNDLE{bundle}")))
    };
    assert!(Offer::parse(&many(64)).is_ok());
    assert!(refusal(&many(65)).to_string().contains("65 m-lines"));
    assert!(refusal(session).to_string().contains("0 m-lines"));
}

#[test]
fn each_missing_part_is_named() {
    for (from, to, word) in [
        ("a=fingerprint:sha-256", "a=fingerprint:sha-1", "sha-256"),
        ("a=fingerprint:", "a=nothing:", "a=fingerprint"),
        ("0F:1E:2D:3C", "0F:1E:2D", "32 bytes"),
        ("a=ice-ufrag:Xk2p", "a=ice-ufrag:Xk2", "a=ice-ufrag"),
        ("a=ice-ufrag:Xk2p", "a=ice-ufrag:Xk2p:Y", "a=ice-ufrag"),
        ("a=ice-pwd:Qm7J1tFvZ0yE4sWcR9uBnL3d", "a=ice-pwd:short", "a=ice-pwd"),
        ("a=ice-pwd:", "a=nothing:", "a=ice-pwd"),
        ("UDP/TLS/RTP/SAVPF", "RTP/AVP", "RTP/AVP"),
        ("UDP/TLS/RTP/SAVPF", "RTP/SAVPF", "UDP/TLS/RTP/SAVPF"),
        ("a=setup:actpass", "a=setup:passive", "passive"),
        ("a=setup:actpass", "a=nothing:1", "a=setup"),
        ("a=mid:1\n", "", "a=mid"),
        ("a=mid:1\n", "a=mid:0\n", "mid 0"),
        ("a=mid:1\n", "a=mid:a b\n", "a=mid"),
        ("a=mid:1\n", "a=mid:12345678901234567\n", "a=mid"),
        ("a=rtcp-mux\n", "", "a=rtcp-mux"),
        ("opus/48000/2", "opus/48000/1", "opus/48000/2"),
        ("BUNDLE 0 1 2", "BUNDLE 0 1", "m-line 2"),
        ("a=group:BUNDLE 0 1 2\n", "", "BUNDLE"),
        ("a=recvonly", "a=sendrecv", "at most one"),
        ("m=audio", "m=video", "no audio"),
    ] {
        let error = change(from, to);
        assert!(matches!(error, OfferError::Unsupported(_)), "{from}: {error:?}");
        assert!(error.to_string().contains(word), "{from} → {to}: {error}");
    }
}

#[test]
fn what_is_not_sdp_is_said_not_to_be() {
    for bad in ["", "hello", "{\"type\": \"offer\"}", "v=1\n", "m=audio 9 UDP/TLS/RTP/SAVPF 111\n", "v=0\nv=0\n"] {
        assert!(matches!(refusal(bad), OfferError::Syntax(_) | OfferError::Unsupported(_)), "{bad}");
    }
    assert!(matches!(change("m=audio 9", "m=audio nine"), OfferError::Syntax(_)));
}

#[test]
fn line_ends_inside_values_do_not_make_lines() {
    for trick in ["a=mid:0\ra=ice-lite", "a=mid:0\u{0}", "a=msid:x\r a", "a=mid:0\u{b}x"] {
        let sdp = wire(CHROMIUM).replace("a=mid:0", trick);
        let error = Offer::parse(&sdp).expect_err(trick);
        assert!(matches!(&error, OfferError::Syntax(text) if text.contains("line 16 has a control")), "{error}");
    }
}

fn answered(sdp: &str) -> Option<String> {
    let offer = Offer::parse(sdp).ok()?;
    let answer = Answer {
        session: (1, 1),
        local: &Credentials::generate(),
        fingerprint: &Fingerprint::of_certificate(b"x"),
        udp: &["192.0.2.1:7882".parse().unwrap()],
        tcp: &[],
        slots: &[],
        cname: "c",
    };
    Some(answer.write(&offer))
}

proptest! {
    #[test]
    fn garbage_does_no_harm(text in ".{0,2000}") {
        let _ = Offer::parse(&text);
    }

    #[test]
    fn lines_of_garbage_do_no_harm(lines in proptest::collection::vec("[a-z]=[ -~]{0,60}", 0..40)) {
        let _ = Offer::parse(&format!("v=0\r\n{}\r\n", lines.join("\r\n")));
    }

    /// Real offers with bytes changed, cut out, doubled: refused, or answered with as many m-lines and no line of the
    /// attacker's choice.
    #[test]
    fn mutated_offers_do_no_harm(
        which in 0..4_usize,
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<char>(), 0..40_usize), 1..6),
    ) {
        let mut text: Vec<char> = wire(ALL[which]).chars().collect();
        for (at, edit, with, count) in edits {
            let at = at.index(text.len());
            let end = (at + count).min(text.len());
            match edit {
                0 => text[at] = with,
                1 => text.insert(at, with),
                2 => drop(text.drain(at..end)),
                _ => {
                    let copy: Vec<char> = text[at..end].to_vec();
                    let _ = text.splice(at..at, copy);
                }
            }
            if text.is_empty() {
                break;
            }
        }
        let text: String = text.into_iter().collect();
        if let Some(answer) = answered(&text) {
            prop_assert_eq!(answer.matches("\r\nm=").count(), Offer::parse(&text).unwrap().sections.len());
            prop_assert!(answer.split("\r\n").all(|line| !line.contains(['\r', '\n'])));
        }
    }
}
