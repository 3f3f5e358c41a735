//! Handshakes that are unusual, and those that must fail.

use std::time::Duration;

use super::{Link, Outbox, PERFECT, answer};
use crate::event::LostReason;
use crate::sdp::Offer;
use crate::test_client::handshake::{fragment, hello};
use crate::test_client::{ClientOptions, TestClient};
use crate::transport::handshake::LINGER;
use crate::transport::{Credentials, Dropped, Identity, Transport, TransportEvent};

#[test]
fn a_certificate_that_was_not_in_the_offer_gets_no_keys() {
    for dtls12 in [false, true] {
        let mut link = Link::new(ClientOptions { dtls12, ..Default::default() }, PERFECT, 1);
        let other = Offer::parse(&TestClient::new(super::client_address(), ClientOptions::default()).offer()).unwrap();
        let local = Credentials::generate();
        link.server = Transport::new(link.now, &link.identity, local.clone(), other.fingerprints);
        let offer = Offer::parse(&link.client.offer()).unwrap();
        let answer = answer(&link.identity, &local, &offer);
        link.client.accept_answer(link.now, &answer);
        link.run(Duration::from_secs(5));
        assert!(link.events.contains(&TransportEvent::Lost(LostReason::DtlsFailed)), "{:?}", link.events);
        assert!(!link.events.contains(&TransportEvent::Connected));
        assert!(link.server.srtp.is_none() && !link.server.is_connected());
    }
}

#[test]
fn a_server_that_is_somebody_else_is_noticed_by_the_client() {
    let mut link = Link::new(ClientOptions::default(), PERFECT, 1);
    let offer = Offer::parse(&link.client.offer()).unwrap();
    let answer = answer(&Identity::generate().unwrap(), &link.local, &offer);
    link.client.accept_answer(link.now, &answer);
    link.run(Duration::from_secs(5));
    assert!(!link.client.is_connected());
}

#[test]
fn either_side_may_say_goodbye() {
    let mut link = Link::connected(ClientOptions::default());
    link.client.close();
    link.run(Duration::from_secs(1));
    assert_eq!(link.events.last(), Some(&TransportEvent::Lost(LostReason::Closed)));

    let mut link = Link::connected(ClientOptions::default());
    let mut out = Outbox::new();
    link.server.close(&mut out);
    assert!(!out.is_empty());
    link.pump(&out);
    link.run(Duration::from_secs(1));
    assert!(link.client.is_closed());
    assert!(!link.events.iter().any(|event| matches!(event, TransportEvent::Lost(_))), "the owner closed it himself");
    assert_eq!(link.server.next_timeout(), None);
}

/// Something that only who has the keys can send.
const RECEIVER_REPORT: [u8; 8] = [0x80, 201, 0, 1, 0, 0, 0, 7];

#[test]
fn dtls_goes_when_its_work_is_done_and_media_go_on() {
    for dtls12 in [false, true] {
        let mut link = Link::connected(ClientOptions { dtls12, ..Default::default() });
        link.run(LINGER.1 * 2);
        assert!(link.server.has_dtls(), "nothing has shown that the client has the keys");
        link.client.send_rtcp(&RECEIVER_REPORT);
        link.run(Duration::from_secs(1));
        assert!(link.server.is_connected() && !link.server.has_dtls(), "it repeated nothing for long enough");

        link.client.send_audio(30, &[0xAB; 80]);
        link.client.send_rtcp(&RECEIVER_REPORT);
        link.run(Duration::from_secs(60));
        assert!(link.server.is_connected(), "{:?}", link.events);
        assert_eq!((link.rtp.len(), link.dropped.as_slice()), (1, [].as_slice()));
        link.client.close();
        link.run(Duration::from_secs(1));
        assert!(link.dropped.contains(&Dropped::Closed), "nobody reads that goodbye: {:?}", link.dropped);
        let mut out = Outbox::new();
        link.server.close(&mut out);
        assert!(out.is_empty() && link.server.next_timeout().is_none());
    }
}

#[test]
fn dtls_stays_while_the_peer_repeats_itself() {
    let mut link = Link::connected(ClientOptions::default());
    link.client.send_rtcp(&RECEIVER_REPORT);
    for _ in 0..5 {
        let path = link.path();
        let _ = link.inject(path, &hello(false));
        link.run(LINGER.0 - Duration::from_secs(1));
        assert!(link.server.has_dtls());
    }
    link.run(LINGER.1);
    assert!(link.server.is_connected() && !link.server.has_dtls());
}

#[test]
fn dtls_goes_seconds_after_a_handshake_that_nothing_disturbed() {
    for dtls12 in [false, true] {
        let mut link = Link::connected(ClientOptions { dtls12, ..Default::default() });
        link.client.send_rtcp(&RECEIVER_REPORT);
        link.run(LINGER.0 / 2);
        assert!(link.server.has_dtls());
        link.run(LINGER.0 / 2);
        assert!(link.server.is_connected() && !link.server.has_dtls());
    }
}

#[test]
fn a_client_is_answered_for_as_long_as_the_servers_last_flight_does_not_arrive() {
    for (dtls12, deaf) in [(false, 1), (false, 4), (false, 9), (false, 20), (true, 1), (true, 4), (true, 9)] {
        let deaf = Duration::from_secs(deaf);
        let mut link = Link::new(ClientOptions { dtls12, ..Default::default() }, PERFECT, 1);
        let (mut since, mut repeated, mut last) = (None, 0, link.now);
        let start = link.now;
        while link.now < start + deaf + Duration::from_secs(60) {
            link.run(Duration::from_millis(2));
            if since.is_none() && link.server.is_connected() {
                since = Some(link.now);
            }
            // Media go both ways as soon as the client has its keys, whatever becomes of DTLS.
            if link.client.is_connected() && link.dropped.is_empty() {
                link.client.send_rtcp(&RECEIVER_REPORT);
            }
            let loses = since.is_some_and(|since| link.now < since + deaf);
            for datagram in std::mem::take(&mut link.underway) {
                let is_dtls = (20..64).contains(&datagram.bytes[0]);
                if is_dtls && datagram.to_server && link.server.is_connected() {
                    (repeated, last) = (repeated + 1, link.now);
                }
                if datagram.to_server || !is_dtls || !loses {
                    link.underway.push(datagram);
                }
            }
        }
        let what = format!("DTLS 1.2: {dtls12}, nothing arrived for {deaf:?}: {:?}", link.events);
        assert!(link.client.is_connected() && link.server.is_connected() && !link.client.has_failed(), "{what}");
        assert!(repeated > 0, "the client noticed; {what}");
        assert!(!link.dropped.contains(&Dropped::Closed), "a repetition came too late; {what}");
        assert!(last < link.now - LINGER.1 && !link.server.has_dtls(), "it has its answer, and DTLS goes; {what}");
    }
}

#[test]
fn dtls_from_an_address_that_passed_no_check_is_dropped() {
    let mut link = Link::new(ClientOptions::default(), PERFECT, 1);
    let stranger = super::Path::udp("203.0.113.66:6666".parse().unwrap());
    let hello = hello(false);
    for _ in 0..1000 {
        let (result, sent) = link.inject(stranger, &hello);
        assert_eq!((result, sent.len()), (Err(Dropped::UnvalidatedPath), 0));
    }
    link.run(Duration::from_secs(1));
    assert!(link.server.is_connected(), "and the peer's own set-up is none the slower");
}

#[test]
fn a_client_hello_in_fragments_in_any_order_is_put_together() {
    for dtls12 in [false, true] {
        for (size, reverse) in [(90, false), (90, true), (60, true)] {
            let mut link = Link::new(ClientOptions { dtls12, ..Default::default() }, PERFECT, 1);
            let mut cut = 0;
            // The network cuts every ClientHello.
            for _ in 0..400 {
                link.run(Duration::from_millis(5));
                let underway = std::mem::take(&mut link.underway).into_sorted_vec();
                for mut datagram in underway {
                    let is_hello = datagram.to_server && datagram.bytes[0] == 22 && datagram.bytes[13] == 1;
                    if !is_hello {
                        link.underway.push(datagram);
                        continue;
                    }
                    let mut parts = fragment(&datagram.bytes, size);
                    if reverse {
                        parts.reverse();
                    }
                    for part in parts {
                        cut += 1;
                        datagram.due.0.1 += 1_000_000;
                        link.underway.push(super::Underway {
                            due: datagram.due,
                            to_server: true,
                            client_address: datagram.client_address,
                            bytes: part,
                        });
                    }
                }
            }
            assert!(cut >= 2, "{cut}");
            assert!(
                link.server.is_connected(),
                "DTLS 1.2: {dtls12}, {size} bytes, reversed: {reverse}, {cut} {:?} {:?} {}",
                link.events,
                link.dropped,
                link.client.has_failed()
            );
        }
    }
}

/// A client certificate of about this many bytes.
fn certificate(size: usize) -> dimpl::DtlsCertificate {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name.push(rcgen::DnType::OrganizationName, "x".repeat(size));
    let certificate = params.self_signed(&key).unwrap();
    dimpl::DtlsCertificate { certificate: certificate.der().to_vec(), private_key: key.serialize_der() }
}

#[test]
fn large_certificates_are_fine() {
    for dtls12 in [false, true] {
        for size in [500, 2_000, 5_000] {
            let certificate = Some(certificate(size));
            let mut link = Link::new(ClientOptions { dtls12, certificate, ..Default::default() }, PERFECT, 1);
            link.run(Duration::from_secs(5));
            assert!(link.server.is_connected(), "{size} bytes, DTLS 1.2: {dtls12}: {:?}", link.events);
        }
    }
}
