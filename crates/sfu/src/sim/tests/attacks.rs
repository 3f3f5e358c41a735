use rand::RngExt;

use super::*;
use crate::transport::Credentials;

/// The header of an RTP packet as a test client with this SSRC would send it.
fn rtp(ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 111];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 960).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend([9, 0, 0, 0xAB]);
    packet
}

/// A client whose datagrams go nowhere but into the test's hands.
fn stranger() -> TestClient {
    TestClient::new(Sim::address(999), ClientOptions::default())
}

#[test]
fn a_stranger_gets_no_byte_and_costs_nobody_anything() {
    let mut sim = Sim::new(1);
    sim.join_all(2);
    let somebody = Sim::address(999);
    let mut rng = StdRng::seed_from_u64(5);
    for round in 0..2000u32 {
        let mut bytes: Vec<u8> = (0..rng.random_range(0..300)).map(|_| rng.random()).collect();
        if let Some(first) = bytes.first_mut() {
            *first = match round % 4 {
                0 => 22,
                1 => 0x80,
                2 => 0,
                _ => *first,
            };
        }
        sim.inject(somebody, &bytes);
    }
    assert_eq!(sim.sent_to.get(&somebody), None, "no reply to anything");
    for reason in [DropReason::DtlsUnvalidated, DropReason::MediaUnvalidated, DropReason::StunMalformed] {
        assert!(sim.dropped(reason) > 100, "{reason:?}: {}", sim.dropped(reason));
    }
    sim.talk(&[0], 50, 0);
    let third = sim.join(1, ClientOptions::default());
    assert!(sim.run_until(Duration::from_secs(3), |sim| sim.clients[third].is_connected()));
    assert_eq!(sim.heard(1, 0).len(), 50);
}

#[test]
fn checks_with_wrong_names_or_passwords_are_not_answered() {
    let mut sim = Sim::new(1);
    sim.join_all(1);
    let answer = sim.events.iter().find_map(|event| match event {
        Event::Answer { sdp, .. } => Some(sdp.clone()),
        _ => None,
    });
    let answer = answer.expect("answered");
    let real = sim.clients[0].answer().expect("answered").remote.clone();
    for (wrong, reason) in [
        (Credentials { ufrag: "somebodyelse".to_owned(), ..real.clone() }, DropReason::StunUnknownUfrag),
        (Credentials { password: "x".repeat(24), ..real.clone() }, DropReason::StunBadIntegrity),
    ] {
        let mut client = stranger();
        let forged = answer.replace(&real.ufrag, &wrong.ufrag).replace(&real.password, &wrong.password);
        client.accept_answer(sim.now, &forged);
        let (from, _, check) = client.poll_datagram().expect("a check");
        sim.inject(from, &check);
        assert_eq!(sim.dropped(reason), 1);
        assert_eq!(sim.sent_to.get(&from), None);
    }
}

#[test]
fn a_thousand_right_checks_at_once_are_looked_at_for_a_hundred() {
    let mut sim = Sim::new(1);
    sim.join_all(2);
    let answer = sim.events.iter().find_map(|event| match event {
        Event::Answer { peer, sdp, .. } if *peer == Sim::peer(0) => Some(sdp.clone()),
        _ => None,
    });
    let mut other_address = stranger();
    other_address.accept_answer(sim.now, &answer.expect("answered"));
    let (from, _, check) = other_address.poll_datagram().expect("a check");
    sim.run(2 * SECOND);
    for _ in 0..1_000 {
        sim.inject(from, &check);
    }
    let refused = sim.dropped(DropReason::RateLimit);
    assert!((850..=900).contains(&refused), "{refused} of 1 000 were refused");
    sim.talk(&[0, 1], 50, 0);
    sim.run(5 * SECOND);
    sim.inject(from, &check);
    assert_eq!(sim.dropped(DropReason::RateLimit), refused, "who has calmed down is looked at again");
    assert_eq!((sim.heard(1, 0).len(), sim.connected()), (50, 2), "nobody else noticed");
}

#[test]
fn replayed_packets_are_dropped() {
    let mut sim = Sim::new(1);
    sim.join_all(2);
    sim.captured = Some(Vec::new());
    sim.talk(&[0], 20, 0);
    let captured = sim.captured.take().expect("captured");
    assert_eq!(captured.len(), 20);
    for (from, packet) in &captured {
        sim.inject(*from, packet);
    }
    sim.run(SECOND);
    assert_eq!(sim.dropped(DropReason::SrtpReplay), 20);
    assert_eq!(sim.heard(1, 0), (0..20).collect::<Vec<_>>());
    // From somebody else's validated address they are not even that person's packets.
    let other = sim.clients[1].address();
    sim.inject(other, &captured[0].1);
    assert_eq!(sim.dropped(DropReason::UnknownSource), 1);
}

#[test]
fn ten_thousand_bad_tags_and_broken_packets_and_the_call_lives() {
    let mut sim = Sim::with(1, |settings| {
        (settings.max_packets_per_second, settings.max_bytes_per_second) = (1_000_000, u32::MAX);
    });
    sim.join_all(2);
    // The true one never arrives: it would make the others replays.
    sim.captured = Some(Vec::new());
    sim.uplink.loss = 1.0;
    sim.talk(&[0], 1, 0);
    sim.uplink.loss = 0.0;
    let (from, packet) = sim.captured.take().expect("captured").remove(0);
    let mut rng = StdRng::seed_from_u64(6);
    for _ in 0..10_000 {
        let mut broken = packet.clone();
        let at = rng.random_range(2..broken.len());
        broken[at] ^= 1 << rng.random_range(0..8);
        sim.inject(from, &broken);
    }
    let dropped: u64 = [DropReason::SrtpAuth, DropReason::UnknownSource, DropReason::BadRtp, DropReason::SrtpReplay]
        .map(|reason| sim.dropped(reason))
        .iter()
        .sum();
    assert_eq!(dropped, 10_000);
    assert!(sim.dropped(DropReason::SrtpAuth) > 5000);
    sim.talk(&[0], 20, 1);
    sim.run(SECOND);
    assert_eq!(sim.heard(1, 0), (1..21).collect::<Vec<_>>());
}

#[test]
fn authentic_but_malformed_packets_are_dropped() {
    let mut sim = Sim::new(1);
    sim.join_all(2);
    let ssrc = sim.clients[0].ssrc();
    let mut no_padding = rtp(ssrc, 1);
    no_padding[0] |= 0x20;
    *no_padding.last_mut().expect("a byte") = 0;
    let mut all_padding = rtp(ssrc, 2);
    all_padding[0] |= 0x20;
    *all_padding.last_mut().expect("a byte") = 200;
    let mut other_type = rtp(ssrc, 3);
    other_type[1] = 13;
    for packet in [&no_padding, &all_padding, &other_type] {
        sim.clients[0].send_rtp(packet);
    }
    sim.clients[0].send_rtcp(&[0x80, 200, 0, 9, 0, 0, 0, 1]);
    sim.clients[0].send_rtcp(&[0x81, 203, 0, 1, 0, 0, 0, 1]);
    sim.pump();
    sim.run(SECOND);
    assert_eq!(sim.dropped(DropReason::BadRtp), 2);
    assert_eq!(sim.dropped(DropReason::PayloadType), 1);
    assert_eq!(sim.dropped(DropReason::BadRtcp), 1, "the goodbye is tolerated");
    assert!(sim.clients[1].received().is_empty());
}

#[test]
fn an_ssrc_that_was_not_signalled_makes_no_state() {
    let mut sim = Sim::new(1);
    sim.join_all(2);
    for ssrc in 1..200 {
        sim.clients[0].send_rtp(&rtp(ssrc, 1));
    }
    sim.pump();
    sim.run(SECOND);
    assert_eq!(sim.dropped(DropReason::UnknownSource), 199);
    assert_eq!(sim.core.metrics().rtp_in, 0);
    assert!(sim.clients[1].received().is_empty());
}

#[test]
fn without_signalled_ssrcs_the_first_one_is_bound() {
    let mut sim = Sim::new(1);
    for _ in 0..2 {
        sim.join(1, ClientOptions { signal_ssrc: false, ..ClientOptions::default() });
    }
    assert!(sim.run_until(SECOND, |sim| sim.connected() == 2));
    sim.speak(0, &[0, 0, 0, 0xAB]);
    sim.run(PACKET);
    for ssrc in 1..50 {
        sim.clients[0].send_rtp(&rtp(ssrc, 1));
    }
    sim.pump();
    sim.run(SECOND);
    assert_eq!(sim.clients[1].received().len(), 1);
    assert_eq!(sim.dropped(DropReason::UnknownSource), 49);
}

#[test]
fn a_microphone_that_begins_new_streams_all_the_time_holds_memory_for_a_few() {
    let mut sim = Sim::new(1);
    sim.join_all(2);
    let offer = sim.clients[0].offer();
    let ssrc = sim.clients[0].ssrc();
    let line = offer.lines().find(|line| line.starts_with("a=ssrc:")).expect("a signalled SSRC").to_owned();
    let other = ssrc.wrapping_add(1);
    let second = line.replace(&ssrc.to_string(), &other.to_string());
    sim.offer_sdp(0, &offer.replace(&line, &format!("{line}\r\n{second}")));
    for sequence in 0..200 {
        for ssrc in [ssrc, other] {
            sim.clients[0].send_rtp(&rtp(ssrc, sequence));
        }
        sim.pump();
        sim.run(PACKET);
    }
    assert!((2..=20).contains(&sim.core.streams_kept()), "{} streams", sim.core.streams_kept());
    assert!(sim.dropped(DropReason::RateLimit) > 100);
    let heard = sim.clients[1].received().len();
    assert!(heard > 20, "{heard} packets: the microphone is heard all the same");
}

#[test]
fn the_same_ssrc_of_two_peers_is_never_mixed() {
    let mut sim = Sim::new(1);
    for _ in 0..3 {
        sim.join(1, ClientOptions { signal_ssrc: false, ..ClientOptions::default() });
    }
    assert!(sim.run_until(SECOND, |sim| sim.connected() == 3));
    for number in 0..50u8 {
        for client in [0u8, 1] {
            let mut packet = rtp(4711, u16::from(number));
            packet[12] = client;
            packet[14] = number;
            sim.clients[usize::from(client)].send_rtp(&packet);
        }
        sim.pump();
        sim.run(PACKET);
    }
    let slots = by_slot(&sim.clients[2]);
    assert_eq!(slots.len(), 2);
    for packets in slots.values() {
        assert_eq!(packets.len(), 50);
        assert!(packets.iter().all(|packet| packet.payload[0] == packets[0].payload[0]), "one speaker a slot");
        assert!(packets.iter().all(|packet| packet.ssrc != 4711), "the sfu's own SSRCs");
    }
}

#[test]
fn a_flood_from_one_peer_is_capped_and_others_are_unharmed() {
    let mut sim = Sim::new(1);
    sim.join_all(3);
    for number in 0..100u16 {
        for _ in 0..40 {
            sim.clients[2].send_audio(20, &[2, 0, 0, 0xAB]);
        }
        sim.speak(0, &[0, 0, u8::try_from(number).expect("small"), 0xAB]);
        sim.run(PACKET);
    }
    sim.run(SECOND);
    let forwarded = sim.heard(1, 2).len();
    assert!((500..=1500).contains(&forwarded), "2 s at 500/s and a burst, not {forwarded}");
    assert!(sim.dropped(DropReason::RateLimit) >= 2500);
    assert_eq!(sim.heard(1, 0).len(), 100);
}

#[test]
fn a_peer_that_sends_too_many_bytes_is_capped_and_others_are_unharmed() {
    let mut sim = Sim::new(1);
    sim.join_all(3);
    let mut large = vec![0xAB; 1_100];
    large[..3].copy_from_slice(&[2, 0, 0]);
    for number in 0..100u16 {
        // 220 000 bytes a second, in fewer packets than are allowed.
        for _ in 0..4 {
            sim.clients[2].send_audio(20, &large);
        }
        sim.speak(0, &[0, 0, u8::try_from(number).expect("small"), 0xAB]);
        sim.run(PACKET);
    }
    sim.run(SECOND);
    let forwarded = sim.heard(1, 2).len();
    assert!((200..=350).contains(&forwarded), "2 s at 125 000 bytes/s and a burst are 330 packets, not {forwarded}");
    assert!(sim.dropped(DropReason::BitRate) >= 50);
    assert_eq!(sim.dropped(DropReason::RateLimit), 0);
    assert_eq!(sim.heard(1, 0).len(), 100);
}

#[test]
fn no_datagram_goes_to_an_address_because_a_candidate_names_it() {
    let mut sim = Sim::new(1);
    let client = sim.clients.len();
    sim.clients.push(TestClient::new(Sim::address(client), ClientOptions::default()));
    sim.order(Command::AddPeer { call: CallId(1), peer: Sim::peer(client), grants: BOTH, max_speakers: MAX_SLOTS });
    let mut offer = sim.clients[client].offer();
    for (number, address) in ["127.0.0.1", "169.254.169.254", "192.168.0.1", "224.0.0.1"].into_iter().enumerate() {
        offer.push_str(&format!("a=candidate:{number} 1 udp 2130706431 {address} 9999 typ host\r\n"));
    }
    offer.push_str("a=candidate:9 1 udp 2130706431 1a2b3c4d.local 9999 typ host\r\na=end-of-candidates\r\n");
    sim.offer_sdp(client, &offer);
    assert!(sim.run_until(Duration::from_secs(3), |sim| sim.clients[client].is_connected()));
    sim.run(Duration::from_secs(20));
    assert_eq!(sim.sent_to.keys().copied().collect::<Vec<_>>(), [Sim::address(client)], "only where checks came from");
}
