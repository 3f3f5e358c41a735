//! Media that must not get through.

use super::{Link, Path};
use crate::test_client::ClientOptions;
use crate::transport::Dropped;

/// What the client would put on the wire for a packet.
fn wire(link: &mut Link, send: impl FnOnce(&mut Link)) -> Vec<u8> {
    send(link);
    link.client.poll_datagram().expect("a datagram").2
}

fn rtp(ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 111];
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&[0; 4]);
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet.extend_from_slice(b"opus");
    packet
}

/// A receiver report of `ssrc` without report blocks.
fn rtcp(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet
}

fn unprotect(link: &mut Link, packet: &[u8]) -> Result<Vec<u8>, Dropped> {
    let mut bytes = packet.to_vec();
    let path = link.path();
    let result = match packet[1] {
        192..=223 => link.server.unprotect_rtcp(path, &mut bytes),
        _ => link.server.unprotect_rtp(path, &mut bytes, |_| true),
    };
    result.map(|plain| plain.to_vec())
}

#[test]
fn packets_come_out_as_they_went_in() {
    for dtls12 in [false, true] {
        let mut link = Link::connected(ClientOptions { dtls12, ..Default::default() });
        let sent = rtp(7, 100);
        let packet = wire(&mut link, |link| link.client.send_rtp(&sent));
        assert_ne!(&packet[12..16], b"opus");
        assert_eq!(unprotect(&mut link, &packet), Ok(sent));
        let packet = wire(&mut link, |link| link.client.send_rtcp(&rtcp(7)));
        assert_eq!(unprotect(&mut link, &packet), Ok(rtcp(7)));
    }
}

#[test]
fn replayed_packets_are_dropped() {
    let mut link = Link::connected(ClientOptions::default());
    let packets: Vec<_> = (0..300).map(|n| wire(&mut link, |link| link.client.send_rtp(&rtp(7, n)))).collect();
    let reports: Vec<_> = (0..3).map(|_| wire(&mut link, |link| link.client.send_rtcp(&rtcp(7)))).collect();
    for packet in packets.iter().chain(&reports) {
        assert!(unprotect(&mut link, packet).is_ok());
    }
    for packet in packets.iter().chain(&reports) {
        assert_eq!(unprotect(&mut link, packet), Err(Dropped::Replayed));
    }
}

#[test]
fn packets_out_of_order_are_fine_within_the_window() {
    let mut link = Link::connected(ClientOptions::default());
    // Across the wrap of the sequence number, too.
    let numbers: Vec<u16> = (0..200_u16).map(|n| n.wrapping_add(65_436)).collect();
    let mut packets: Vec<_> =
        numbers.iter().map(|n| wire(&mut link, |link| link.client.send_rtp(&rtp(7, *n)))).collect();
    for chunk in packets.chunks_mut(50) {
        chunk.reverse();
    }
    for packet in &packets {
        assert!(unprotect(&mut link, packet).is_ok());
    }
    for packet in &packets {
        assert_eq!(unprotect(&mut link, packet), Err(Dropped::Replayed));
    }
}

#[test]
fn ten_thousand_bad_tags_are_dropped_and_the_call_lives() {
    let mut link = Link::connected(ClientOptions::default());
    let good = wire(&mut link, |link| link.client.send_rtp(&rtp(7, 1)));
    let report = wire(&mut link, |link| link.client.send_rtcp(&rtcp(7)));
    for n in 0..10_000_usize {
        let mut bad = good.clone();
        let at = 12 + n % (bad.len() - 12);
        bad[at] ^= 1 << (n % 8);
        assert_eq!(unprotect(&mut link, &bad), Err(Dropped::BadTag));
    }
    for at in 8..report.len() {
        let mut bad = report.clone();
        bad[at] ^= 0x01;
        assert!(unprotect(&mut link, &bad).is_err(), "byte {at}");
    }
    assert!(unprotect(&mut link, &good).is_ok());
    assert!(unprotect(&mut link, &report).is_ok());
    assert!(link.server.is_connected());
}

#[test]
fn an_ssrc_that_is_not_admitted_or_does_not_authenticate_makes_no_state() {
    let mut link = Link::connected(ClientOptions::default());
    let good = wire(&mut link, |link| link.client.send_rtp(&rtp(7, 1)));
    let path = link.path();
    let mut packet = good.clone();
    assert_eq!(link.server.unprotect_rtp(path, &mut packet, |ssrc| ssrc == 8), Err(Dropped::UnknownSsrc));
    for ssrc in 0..1000_u32 {
        let mut bad = good.clone();
        bad[8..12].copy_from_slice(&ssrc.to_be_bytes());
        if ssrc != 7 {
            assert_eq!(unprotect(&mut link, &bad), Err(Dropped::BadTag));
        }
    }
    assert_eq!(link.server.srtp.as_ref().unwrap().streams(), (0, 0));
    assert!(unprotect(&mut link, &good).is_ok());
    assert_eq!(link.server.srtp.as_ref().unwrap().streams(), (1, 0));
}

#[test]
fn ssrcs_that_authenticate_are_bounded_too() {
    let mut link = Link::connected(ClientOptions::default());
    let mut accepted = 0;
    for ssrc in 0..100 {
        let packet = wire(&mut link, |link| link.client.send_rtp(&rtp(ssrc, 1)));
        let report = wire(&mut link, |link| link.client.send_rtcp(&rtcp(ssrc)));
        accepted +=
            usize::from(unprotect(&mut link, &packet).is_ok()) + usize::from(unprotect(&mut link, &report).is_ok());
    }
    assert_eq!(accepted, 16);
    assert_eq!(link.server.srtp.as_ref().unwrap().streams(), (8, 8));
}

#[test]
fn media_from_an_address_that_passed_no_check_is_dropped() {
    let mut link = Link::connected(ClientOptions::default());
    let good = wire(&mut link, |link| link.client.send_rtp(&rtp(7, 1)));
    let stranger = Path::udp("203.0.113.66:6666".parse().unwrap());
    assert_eq!(link.inject(stranger, &good).0, Err(Dropped::UnvalidatedPath));
    assert!(unprotect(&mut link, &good).is_ok(), "and it was not counted as seen");
}

#[test]
fn malformed_rtp_and_rtcp_are_dropped() {
    let mut link = Link::connected(ClientOptions::default());
    let packet = wire(&mut link, |link| link.client.send_audio(10, b"opus"));
    let report = wire(&mut link, |link| link.client.send_rtcp(&rtcp(7)));
    for whole in [&packet, &report] {
        for length in 2..whole.len() {
            assert!(unprotect(&mut link, &whole[..length]).is_err(), "{length} bytes");
        }
        for first in 128..=191 {
            let mut bad = whole.clone();
            bad[0] = first;
            if first != whole[0] {
                assert!(unprotect(&mut link, &bad).is_err(), "first byte {first}");
            }
        }
    }
    let mut out = vec![1, 2];
    assert_eq!(link.server.protect_rtcp(&[0x80, 201, 0], &mut out), Err(Dropped::Malformed));
    assert_eq!(out, [1, 2], "nothing is appended with an error");
    assert!(link.server.is_connected());
}
