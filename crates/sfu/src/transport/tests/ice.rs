//! Checks, nominations, migration, consent, restart.

use std::net::SocketAddr;
use std::time::Duration;

use rtc_srtp::crypto::default_provider;
use rtc_stun::attributes::{ATTR_ICE_CONTROLLED, ATTR_USE_CANDIDATE, ATTR_USERNAME, AttrType};
use rtc_stun::error_code::ErrorCodeAttribute;
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_ERROR, BINDING_REQUEST, BINDING_SUCCESS, Getter, Message, Setter, TransactionId};
use rtc_stun::uattrs::UnknownAttributes;
use rtc_stun::xoraddr::XorMappedAddress;

use super::{Link, PERFECT, answer, client_address};
use crate::event::LostReason;
use crate::sdp::Offer;
use crate::test_client::ClientOptions;
use crate::transport::stun::local_ufrag;
use crate::transport::{Credentials, Dropped, Path, TransportEvent};

/// A request of the test's own making: attributes before MESSAGE-INTEGRITY, and behind it.
pub(super) fn request(
    user_name: &str,
    password: &str,
    before: &[(AttrType, &[u8])],
    behind: &[(AttrType, &[u8])],
) -> Vec<u8> {
    let crypto = default_provider().unwrap();
    let mut message = Message::new();
    message.typ = BINDING_REQUEST;
    message.transaction_id = TransactionId::new();
    message.write_header();
    message.add(ATTR_USERNAME, user_name.as_bytes());
    for (kind, value) in before {
        message.add(*kind, value);
    }
    MessageIntegrity::new_short_term_integrity_with_provider(password.to_owned(), crypto.crypto())
        .add_to(&mut message)
        .unwrap();
    for (kind, value) in behind {
        message.add(*kind, value);
    }
    FINGERPRINT.add_to(&mut message).unwrap();
    message.raw
}

fn read(response: &[u8], password: &str) -> Message {
    let mut message = Message::new();
    message.unmarshal_binary(response).unwrap();
    FINGERPRINT.check(&message).unwrap();
    let crypto = default_provider().unwrap();
    MessageIntegrity::check(&mut message, password.as_bytes(), crypto.crypto()).unwrap();
    message
}

pub(super) fn user_name(local: &Credentials) -> String {
    format!("{}:client", local.ufrag)
}

fn other_address(last: u8) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, last], 50_000))
}

#[test]
fn a_check_is_answered_with_the_address_it_came_from() {
    for address in ["198.51.100.7:40000", "[2001:db8::7]:40000"] {
        let mut link = Link::new(ClientOptions::default(), PERFECT, 1);
        let path = Path::udp(address.parse().unwrap());
        let check = request(&user_name(&link.local), &link.local.password.clone(), &[(AttrType(0x24), &[1; 4])], &[]);
        assert_eq!(local_ufrag(&check), Some(link.local.ufrag.as_str()));
        let (result, sent) = link.inject(path, &check);
        assert_eq!(result, Ok(()));
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].0, path);
        assert!(sent[0].1.len() <= check.len(), "never more out than in");
        let response = read(&sent[0].1, &link.local.password);
        assert_eq!(response.typ, BINDING_SUCCESS);
        assert_eq!(response.transaction_id.0, check[8..20]);
        let mut mapped = XorMappedAddress::default();
        mapped.get_from(&response).unwrap();
        assert_eq!(SocketAddr::new(mapped.ip, mapped.port), path.remote);
        assert_eq!(link.events, [TransportEvent::PathAdded(path)]);
        assert!(link.server.is_validated(path));
    }
}

#[test]
fn an_answer_is_never_larger_than_a_strangers_question() {
    let mut link = Link::new(ClientOptions::default(), PERFECT, 1);
    let path = Path::udp("[2001:db8::7]:40000".parse().unwrap());
    // Without PRIORITY the question is the smallest there is, and the answer has 12 bytes of address more than with IPv4.
    let check = request(&format!("{}:", link.local.ufrag), &link.local.password.clone(), &[], &[]);
    let (result, sent) = link.inject(path, &check);
    assert_eq!((result, sent.len()), (Err(Dropped::Malformed), 0));
    assert!(!link.server.is_validated(path));
}

#[test]
fn strangers_get_no_answer() {
    let mut link = Link::new(ClientOptions::default(), PERFECT, 1);
    let path = Path::udp(other_address(1));
    let (name, password) = (user_name(&link.local), link.local.password.clone());
    let good = request(&name, &password, &[], &[]);
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let without = |drop_bytes: usize| {
        let mut cut = good[..good.len() - drop_bytes].to_vec();
        let length = u16::try_from(cut.len() - 20).unwrap();
        cut[2..4].copy_from_slice(&length.to_be_bytes());
        cut
    };
    for (bad, why) in [
        (request("nobody:client", &password, &[], &[]), Dropped::UnknownUfrag),
        (request(&link.local.ufrag.clone(), &password, &[], &[]), Dropped::UnknownUfrag),
        (request(&name, "wrong password wrong password", &[], &[]), Dropped::BadIntegrity),
        (flipped, Dropped::BadIntegrity),
        (without(8), Dropped::BadIntegrity),
        (without(8 + 24), Dropped::BadIntegrity),
        (good[..19].to_vec(), Dropped::Malformed),
        (good[..good.len() - 4].to_vec(), Dropped::Malformed),
        ([good.clone(), vec![0; 4]].concat(), Dropped::Malformed),
        (vec![0; 20], Dropped::Malformed),
        (vec![0; 2000], Dropped::Malformed),
    ] {
        let (result, sent) = link.inject(path, &bad);
        assert_eq!((result, sent.len()), (Err(why), 0), "{bad:02x?}");
    }
    assert_eq!(link.events, []);
    assert_eq!(link.inject(path, &good).0, Ok(()), "and the good one is good");
}

#[test]
fn truncated_and_mutated_checks_are_dropped_without_harm() {
    let mut link = Link::new(ClientOptions::default(), PERFECT, 1);
    let path = Path::udp(other_address(1));
    let good = request(&user_name(&link.local), &link.local.password.clone(), &[(AttrType(0x24), &[1; 4])], &[]);
    for length in 0..good.len() {
        let (result, sent) = link.inject(path, &good[..length]);
        assert!(result.is_err() && sent.is_empty(), "{length} bytes");
        let _ = local_ufrag(&good[..length]);
    }
    for at in 0..good.len() {
        for value in [0, 1, 0x7F, 0x80, 0xFF] {
            let mut bad = good.clone();
            if bad[at] == value {
                continue;
            }
            bad[at] = value;
            let _ = local_ufrag(&bad);
            let (result, sent) = link.inject(path, &bad);
            assert!(result.is_err() && sent.is_empty(), "byte {at} = {value}");
        }
    }
    assert!(!link.server.is_validated(path));
}

#[test]
fn who_claims_to_be_controlled_is_told_487_and_not_validated() {
    let mut link = Link::new(ClientOptions::default(), PERFECT, 1);
    let path = Path::udp(other_address(1));
    let check = request(&user_name(&link.local), &link.local.password.clone(), &[(ATTR_ICE_CONTROLLED, &[1; 8])], &[]);
    let (result, sent) = link.inject(path, &check);
    assert_eq!((result, sent.len()), (Ok(()), 1));
    let response = read(&sent[0].1, &link.local.password);
    assert_eq!(response.typ, BINDING_ERROR);
    let mut error = ErrorCodeAttribute::default();
    error.get_from(&response).unwrap();
    assert_eq!(error.code.0, 487);
    assert!(sent[0].1.len() <= check.len() && !link.server.is_validated(path));
}

#[test]
fn attributes_that_must_be_understood_and_are_not_are_named_in_a_420() {
    let mut link = Link::new(ClientOptions::default(), PERFECT, 1);
    let path = Path::udp(other_address(1));
    let before: [(AttrType, &[u8]); 3] = [(AttrType(0x7F01), &[]), (AttrType(0xC001), &[1]), (AttrType(0x24), &[1; 4])];
    let check = request(&user_name(&link.local), &link.local.password.clone(), &before, &[]);
    let (result, sent) = link.inject(path, &check);
    assert_eq!((result, sent.len()), (Ok(()), 1));
    let response = read(&sent[0].1, &link.local.password);
    assert_eq!(response.typ, BINDING_ERROR);
    let mut error = ErrorCodeAttribute::default();
    error.get_from(&response).unwrap();
    assert_eq!(error.code.0, 420);
    let mut unknown = UnknownAttributes(Vec::new());
    unknown.get_from(&response).unwrap();
    assert_eq!(unknown.0, [AttrType(0x7F01)]);
    assert!(!link.server.is_validated(path));
}

#[test]
fn what_integrity_does_not_cover_is_not_believed() {
    let mut link = Link::connected(ClientOptions::default());
    let before = link.server.selected();
    let path = Path::udp(other_address(1));
    let check = request(&user_name(&link.local), &link.local.password.clone(), &[], &[(ATTR_USE_CANDIDATE, &[])]);
    assert_eq!(link.inject(path, &check).0, Ok(()));
    assert!(link.server.is_validated(path));
    assert_eq!(link.server.selected(), before, "a nomination behind MESSAGE-INTEGRITY moves nobody");
}

#[test]
fn a_client_that_changes_networks_keeps_its_call() {
    let mut link = Link::connected(ClientOptions::default());
    let (old, new) = (link.path(), Path::udp(other_address(9)));
    link.client.migrate(link.now, new.remote);
    link.run(Duration::from_millis(100));
    assert_eq!(link.server.selected(), Some(new));
    assert!(link.server.is_validated(old), "packets underway from the old address still count");
    link.client.send_audio(10, b"from the train");
    link.run(Duration::from_millis(100));
    assert_eq!(link.rtp.len(), 1);
    link.run(Duration::from_secs(31));
    assert!(!link.server.is_validated(old) && link.server.is_validated(new));
    assert!(link.server.is_connected());
    assert!(link.events.contains(&TransportEvent::PathAdded(new)));
    assert!(link.events.contains(&TransportEvent::PathRemoved(old)));
}

#[test]
fn without_nomination_the_path_last_checked_is_used() {
    let mut link = Link::new(ClientOptions::default(), PERFECT, 1);
    let check = || request(&user_name(&link.local), &link.local.password, &[(AttrType(0x24), &[1; 4])], &[]);
    let checks = [check(), check()];
    assert_eq!(link.inject(Path::udp(other_address(1)), &checks[0]).0, Ok(()));
    link.now += Duration::from_millis(1);
    assert_eq!(link.inject(Path::udp(other_address(2)), &checks[1]).0, Ok(()));
    assert_eq!(link.server.selected(), Some(Path::udp(other_address(2))));
}

#[test]
fn the_list_of_paths_is_bounded_and_the_nominated_one_stays() {
    let mut link = Link::connected(ClientOptions::default());
    let nominated = link.server.selected().unwrap();
    for last in 0..100 {
        link.now += Duration::from_millis(1);
        let check = request(&user_name(&link.local), &link.local.password.clone(), &[(AttrType(0x24), &[1; 4])], &[]);
        assert_eq!(link.inject(Path::udp(other_address(last)), &check).0, Ok(()));
    }
    let valid = (0..100).filter(|last| link.server.is_validated(Path::udp(other_address(*last)))).count();
    assert_eq!(valid, 15);
    assert_eq!(link.server.selected(), Some(nominated));
    let added = link.events.iter().filter(|e| matches!(e, TransportEvent::PathAdded(_))).count();
    let removed = link.events.iter().filter(|e| matches!(e, TransportEvent::PathRemoved(_))).count();
    assert_eq!((added, removed), (101, 85), "the owner's table stays bounded too");
}

#[test]
fn consent_is_kept_by_checks_and_ends_thirty_seconds_after_the_last() {
    let mut link = Link::connected(ClientOptions::default());
    link.run(Duration::from_secs(120));
    assert!(link.server.is_connected());
    link.client.stop_checks();
    link.run(Duration::from_secs(24));
    assert!(link.server.is_connected());
    link.run(Duration::from_secs(7));
    assert!(!link.server.is_connected());
    let path = Path::udp(client_address());
    assert!(
        link.events.ends_with(&[TransportEvent::PathRemoved(path), TransportEvent::Lost(LostReason::ConsentExpired)])
    );
    assert_eq!(link.server.selected(), None);
    assert_eq!(link.server.next_timeout(), None);
    let mut out = Vec::new();
    assert_eq!(link.server.protect_rtp(super::header(1, 1), b"opus", &mut out), Err(Dropped::NotConnected));
    let check = request(&user_name(&link.local), &link.local.password.clone(), &[], &[]);
    assert_eq!(link.inject(path, &check).0, Err(Dropped::Closed));
}

#[test]
fn a_peer_that_never_comes_is_given_up_after_thirty_seconds() {
    let mut link = Link::new(ClientOptions::default(), super::Network { loss: 1.0, ..PERFECT }, 1);
    link.run(Duration::from_millis(29_900));
    assert_eq!(link.events, []);
    link.run(Duration::from_millis(200));
    assert_eq!(link.events, [TransportEvent::Lost(LostReason::SetupTimedOut)]);
}

#[test]
fn an_ice_restart_keeps_dtls_srtp_and_the_path() {
    let mut link = Link::connected(ClientOptions::default());
    let old = link.local.clone();
    let new = Credentials::generate();
    let offer = Offer::parse(&link.client.restart_offer()).unwrap();
    link.server.restart_ice(new.clone());
    assert_eq!(link.server.local_ufrag(), new.ufrag);
    link.client.send_audio(10, b"meanwhile");
    link.run(Duration::from_millis(50));
    let answer = answer(&link.identity, &new, &offer);
    link.client.accept_answer(link.now, &answer);
    link.run(Duration::from_secs(60));
    assert!(link.server.is_connected() && link.client.is_connected());
    link.client.send_audio(10, b"after");
    link.run(Duration::from_millis(50));
    assert_eq!(link.rtp.len(), 2);
    let check = request(&user_name(&old), &old.password, &[], &[]);
    assert_eq!(link.inject(link.path(), &check).0, Err(Dropped::UnknownUfrag));
}

#[test]
fn a_closed_tcp_connection_is_a_path_less() {
    let mut link = Link::connected(ClientOptions::default());
    let tcp = Path::tcp(other_address(3), 7);
    let check = request(
        &user_name(&link.local),
        &link.local.password.clone(),
        &[(AttrType(0x24), &[1; 4]), (ATTR_USE_CANDIDATE, &[])],
        &[],
    );
    assert_eq!(link.inject(tcp, &check).0, Ok(()));
    assert_eq!(link.server.selected(), Some(tcp));
    link.server.forget_path(tcp);
    assert_eq!(link.server.selected(), Some(link.path()), "back to the path that is left");
}

#[test]
fn a_client_whose_only_connection_was_closed_has_until_consent_ends_to_come_back() {
    for comes_back in [true, false] {
        let mut link = Link::connected(ClientOptions::default());
        link.client.stop_checks();
        link.server.forget_path(link.path());
        assert_eq!(link.server.selected(), None);
        link.run(Duration::from_secs(20));
        assert!(link.server.is_connected());
        if comes_back {
            link.client.migrate(link.now, other_address(4));
        }
        link.run(Duration::from_secs(20));
        assert_eq!(link.server.is_connected(), comes_back);
        assert_eq!(link.events.contains(&TransportEvent::Lost(LostReason::ConsentExpired)), !comes_back);
    }
}
