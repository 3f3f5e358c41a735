//! Peers join, whatever the network does.

use std::time::Duration;

use super::{Link, PERFECT, TERRIBLE};
use crate::test_client::ClientOptions;
use crate::transport::srtp::SrtpProfile;
use crate::transport::{Path, TransportEvent};

#[test]
fn a_peer_joins_with_either_version_and_gets_an_aead_profile() {
    for dtls12 in [false, true] {
        let mut link = Link::new(ClientOptions { dtls12, ..Default::default() }, PERFECT, 1);
        link.run(Duration::from_secs(1));
        assert!(link.client.is_connected(), "DTLS 1.2: {dtls12}");
        let path = Path::udp(link.client.address());
        assert_eq!(link.events, [TransportEvent::PathAdded(path), TransportEvent::Connected]);
        assert_eq!(link.server.srtp_profile(), Some(SrtpProfile::AeadAes256Gcm));
        assert_eq!(link.client.srtp_profile(), Some(SrtpProfile::AeadAes256Gcm));
        assert_eq!(link.dropped, []);
    }
}

/// How long each of `peers` takes to join, quickest first.
fn times(dtls12: bool, peers: u64) -> Vec<Duration> {
    let mut times: Vec<_> = (0..peers)
        .map(|seed| {
            let mut link = Link::new(ClientOptions { dtls12, ..Default::default() }, TERRIBLE, seed);
            let start = link.now;
            while !(link.client.is_connected() && link.server.is_connected()) {
                assert!(
                    link.now - start < Duration::from_secs(30),
                    "peer {seed}, DTLS 1.2: {dtls12}: {:?}",
                    link.events
                );
                link.run(Duration::from_millis(100));
            }
            link.now - start
        })
        .collect();
    times.sort();
    times
}

#[test]
fn twenty_four_of_twenty_four_join_at_a_quarter_lost_each_way() {
    for dtls12 in [false, true] {
        assert_eq!(times(dtls12, 24).len(), 24);
    }
}

#[test]
fn joining_on_a_terrible_network_has_no_long_tail() {
    for dtls12 in [false, true] {
        let times = times(dtls12, 200);
        assert!(times[100] < Duration::from_secs(2), "half of them within {:?}, DTLS 1.2: {dtls12}", times[100]);
        assert!(times[190] < Duration::from_secs(6), "95 % within {:?}, DTLS 1.2: {dtls12}", times[190]);
        assert!(times[199] < Duration::from_secs(20), "the last after {:?}, DTLS 1.2: {dtls12}", times[199]);
    }
}

#[test]
fn audio_flows_both_ways_after_joining_on_a_bad_network() {
    let mut link = Link::new(ClientOptions::default(), TERRIBLE, 99);
    link.run(Duration::from_secs(20));
    assert!(link.client.is_connected() && link.server.is_connected());
    link.network = PERFECT;
    for number in 0..50_u16 {
        link.client.send_audio(20, b"up");
        let mut out = super::Outbox::new();
        let path = link.server.selected().unwrap();
        out.append(path, usize::MAX, |out| {
            link.server.protect_rtp(super::header(1000, number), b"down", out).unwrap();
        });
        link.pump(&out);
        link.run(Duration::from_millis(20));
    }
    link.run(Duration::from_millis(100));
    let received = link.client.received();
    assert_eq!(received.len(), 50);
    assert!(received.iter().all(|packet| packet.ssrc == 1000 && packet.payload == b"down"));
    assert!(received.windows(2).all(|pair| pair[0].sequence + 1 == pair[1].sequence && pair[0].at < pair[1].at));
    assert_eq!(link.rtp.len(), 50);
    assert!(link.rtp.iter().all(|packet| packet.ends_with(b"up")));
}
