//! Answers, checked line by line and read back.

use std::net::SocketAddr;

use super::{AIORTC, ALL, CHROMIUM, FIREFOX, WEBRTC_RS, parse};
use crate::ids::Mid;
use crate::sdp::{Answer, Offer, Slot};
use crate::transport::{Credentials, Fingerprint};

fn write(offer: &Offer, slots: &[(&str, u32)]) -> String {
    let udp: [SocketAddr; 2] = ["192.0.2.1:7882".parse().unwrap(), "[2001:db8::1]:7882".parse().unwrap()];
    let slots: Vec<_> = slots.iter().map(|(mid, ssrc)| Slot { mid: Mid::parse(mid).unwrap(), ssrc: *ssrc }).collect();
    Answer {
        session: (42, 3),
        local: &Credentials { ufrag: "serverufrag1".to_owned(), password: "serverpasswordserverpass".to_owned() },
        fingerprint: &Fingerprint::of_certificate(b"certificate"),
        udp: &udp,
        tcp: &udp[..1],
        slots: &slots,
        cname: "hubbub",
    }
    .write(offer)
}

fn split(answer: &str) -> Vec<Vec<&str>> {
    answer.split("\r\nm=").map(|section| section.lines().collect()).collect()
}

#[test]
fn the_answer_to_chromium_whole() {
    let answer = write(&parse(CHROMIUM), &[("1", 1001)]);
    let fingerprint = Fingerprint::of_certificate(b"certificate");
    let transport = format!(
        "c=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:serverufrag1\r\na=ice-pwd:serverpasswordserverpass\r\n\
         a=fingerprint:{fingerprint}\r\na=setup:passive\r\n"
    );
    let codec = "a=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1;usedtx=1\r\n\
         a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n";
    let candidates = "a=candidate:u0 1 udp 2130706431 192.0.2.1 7882 typ host\r\n\
         a=candidate:u1 1 udp 2130706175 2001:db8::1 7882 typ host\r\n\
         a=candidate:t0 1 tcp 1520435199 192.0.2.1 7882 typ host tcptype passive\r\n\
         a=end-of-candidates\r\n";
    let expected = format!(
        "v=0\r\no=- 42 3 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2\r\na=ice-lite\r\n\
         a=msid-semantic: WMS hubbub\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\n{transport}a=mid:0\r\n\
         a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=recvonly\r\n{codec}\
         {candidates}\
         m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\n{transport}a=mid:1\r\na=sendonly\r\n{codec}\
         a=msid:hubbub slot-1\r\na=ssrc:1001 cname:hubbub\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\n{transport}a=mid:2\r\na=inactive\r\n{codec}{candidates}"
    );
    assert_eq!(answer, expected);
}

#[test]
fn redundancy_and_nack_are_answered_as_offered() {
    let asks = CHROMIUM.replace("a=rtcp-fb:111 transport-cc", "a=rtcp-fb:111 transport-cc\na=rtcp-fb:111 nack");
    let answer = write(&parse(&asks.replace("SAVPF 111 63", "SAVPF 63 111")), &[("1", 1001)]);
    for section in &split(&answer)[1..] {
        assert_eq!(section[0], "audio 9 UDP/TLS/RTP/SAVPF 63 111", "in the client's order");
        assert_eq!(
            section.iter().filter(|line| line.starts_with("a=rtcp-fb")).collect::<Vec<_>>(),
            [&"a=rtcp-fb:111 nack"]
        );
        assert!(section.contains(&"a=rtpmap:63 red/48000/2") && section.contains(&"a=fmtp:63 111/111"));
    }
    let without = write(&parse(FIREFOX), &[("1", 1001)]);
    assert!(!without.contains("red/48000") && !without.contains("a=rtcp-fb"), "nothing that was not offered");
}

#[test]
fn inactive_lines_stay_inactive_even_with_a_slot() {
    let answer = write(&parse(FIREFOX), &[("1", 1001), ("2", 1002)]);
    let sections = split(&answer);
    assert!(sections[2].contains(&"a=sendonly") && sections[2].contains(&"a=ssrc:1001 cname:hubbub"));
    assert!(sections[3].contains(&"a=inactive") && !answer.contains("1002"));
    assert!(sections[1].contains(&"audio 9 UDP/TLS/RTP/SAVPF 109"));
}

#[test]
fn other_media_is_answered_with_port_0_and_left_out_of_the_bundle() {
    let answer = write(&parse(WEBRTC_RS), &[("1", 1)]);
    let sections = split(&answer);
    assert!(sections[0].contains(&"a=group:BUNDLE 0 1"));
    assert_eq!(
        sections[3],
        ["application 0 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0", "a=mid:2", "a=inactive"]
    );
    let switched_off = AIORTC.replacen("m=audio 58311", "m=audio 0", 1);
    let answer = write(&parse(&switched_off), &[("1", 1)]);
    assert!(answer.contains("m=audio 0 UDP/TLS/RTP/SAVPF 96 0 8\r\n") && answer.contains("BUNDLE 1\r\n"));
    let first = split(&answer)[2].join("\n");
    assert!(first.contains("a=candidate:u0"), "candidates are on the first m-line that is used");
}

#[test]
fn candidates_stand_in_the_first_and_in_the_last_accepted_line() {
    let answer = write(&parse(WEBRTC_RS), &[("1", 1)]);
    let sections = split(&answer);
    let candidates = |section: &[&str]| section.iter().filter(|line| line.starts_with("a=candidate:")).count();
    let counts: Vec<usize> = sections.iter().map(|section| candidates(section)).collect();
    assert_eq!(counts, [0, 3, 3, 0], "the session, two lines with audio, a refused one");
    let ends = sections.iter().filter(|section| section.contains(&"a=end-of-candidates")).count();
    assert_eq!(ends, 2);
}

#[test]
fn a_line_that_sends_and_receives_is_received() {
    let offer = parse(&CHROMIUM.replace("a=sendonly", "a=sendrecv"));
    let answer = write(&offer, &[]);
    assert!(split(&answer)[1].contains(&"a=recvonly"));
}

#[test]
fn every_answer_is_sdp_that_the_library_reads() {
    for sdp in ALL {
        let answer = write(&parse(sdp), &[("1", 7)]);
        let read = rtc_sdp::description::session::SessionDescription::unmarshal(&mut std::io::Cursor::new(&answer));
        assert_eq!(read.unwrap().media_descriptions.len(), parse(sdp).sections.len());
        assert!(answer.ends_with("\r\n") && !answer.replace("\r\n", "").contains(['\r', '\n']));
        for line in answer.lines().filter_map(|line| line.strip_prefix("a=candidate:")) {
            crate::sdp::check_candidate(line).unwrap();
        }
    }
}
