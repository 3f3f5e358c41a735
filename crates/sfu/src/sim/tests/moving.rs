use super::*;
use crate::test_client::Datagram;

#[test]
fn silence_of_checks_ends_sending_after_30_seconds() {
    let mut sim = Sim::new(1);
    sim.join_all(2);
    sim.clients[1].stop_checks();
    let address = sim.clients[1].address();
    for second in 0..40 {
        sim.talk(&[0], 50, second * 50);
        if second == 25 {
            assert!(sim.lost().is_empty(), "25 s are within the consent's life");
        }
    }
    assert_eq!(sim.lost(), [(Sim::peer(1), LostReason::ConsentExpired)]);
    let heard = sim.heard(1, 0).len();
    assert!((25 * 50..=31 * 50).contains(&heard), "{heard} packets");
    let sent = sim.sent_to[&address];
    sim.talk(&[0], 50, 2000);
    assert_eq!(sim.sent_to[&address], sent, "not a datagram more");
}

#[test]
fn a_client_that_changes_its_network_is_followed() {
    let mut sim = Sim::new(1);
    sim.join_all(3);
    sim.talk(&[0, 1], 50, 0);
    let (before, after) = (sim.clients[1].address(), SocketAddr::from(([198, 51, 100, 7], 9)));
    let now = sim.now;
    sim.clients[1].migrate(now, after);
    sim.pump();
    sim.run(Duration::from_millis(100));
    let sent = sim.sent_to[&before];
    sim.talk(&[0, 1], 100, 50);
    sim.run(SECOND);
    assert_eq!(sim.heard(1, 0), (0..150).collect::<Vec<_>>(), "hears all from the new address");
    assert_eq!(sim.heard(2, 1), (0..150).collect::<Vec<_>>(), "is heard from the new address");
    assert_eq!(sim.sent_to[&before], sent, "nothing goes to the old one");
    assert_eq!(sim.core.metrics().migrations, 1);
    assert_eq!(sim.connected(), 3);
}

#[test]
fn an_ice_restart_keeps_keys_slots_and_sequence_numbers() {
    let mut sim = Sim::new(1);
    sim.join_all(2);
    sim.talk(&[0], 50, 0);
    let before = sim.clients[1].answer().expect("answered").clone();
    for client in 0..2 {
        let offer = sim.clients[client].restart_offer();
        sim.offer_sdp(client, &offer);
    }
    let after = sim.clients[1].answer().expect("answered").clone();
    assert_ne!(before.remote.ufrag, after.remote.ufrag);
    assert_eq!(before.media, after.media, "the same SSRCs");
    sim.talk(&[0], 50, 50);
    sim.run(SECOND);
    assert_eq!(sim.heard(1, 0), (0..100).collect::<Vec<_>>());
    assert_continuous(by_slot(&sim.clients[1]).values().next().expect("heard"));
    assert_eq!(sim.connected(), 2, "nobody connected anew");
}

#[test]
fn the_same_credentials_again_change_only_the_m_lines() {
    let mut sim = Sim::new(1);
    sim.join_all(3);
    sim.talk(&[0, 1], 20, 0);
    let before = sim.clients[2].answer().expect("answered").clone();
    sim.offer(2);
    let after = sim.clients[2].answer().expect("answered").clone();
    assert_eq!((&before.remote.ufrag, &before.media), (&after.remote.ufrag, &after.media));
    sim.talk(&[0, 1], 20, 20);

    // The first slot is switched off; who was heard there is heard in another one.
    let offer = sim.clients[2].offer();
    let fewer = offer.replacen("a=mid:s0\r\na=recvonly", "a=mid:s0\r\na=inactive", 1);
    assert_ne!(offer, fewer);
    sim.offer_sdp(2, &fewer);
    sim.talk(&[0, 1], 20, 40);
    sim.run(SECOND);
    for speaker in 0..2 {
        assert_eq!(sim.heard(2, speaker).len(), 60);
    }
    let gone = before.ssrc_of("s0").expect("a slot");
    let last = sim.clients[2].received().iter().rev().take(30);
    assert!(last.into_iter().all(|packet| packet.ssrc != gone), "nothing in a slot that is off");
    let told = sim.events.iter().rev().find_map(|event| match event {
        Event::Slots { peer, changes } if *peer == Sim::peer(2) => Some(changes.clone()),
        _ => None,
    });
    assert_eq!(told.expect("told").iter().filter(|(mid, peer)| mid.as_str() != "s0" && peer.is_some()).count(), 2);
}

#[test]
fn slots_that_are_empty_after_a_new_offer_are_told() {
    let mut sim = Sim::new(1);
    sim.join_all(4);
    for speaker in 0..3 {
        sim.talk(&[speaker], 5, 0);
    }
    for gone in 0..2 {
        sim.order(Command::RemovePeer { peer: Sim::peer(gone) });
    }
    let offer = sim.clients[3].offer();
    sim.offer_sdp(3, &offer.replacen("a=mid:s0\r\na=recvonly", "a=mid:s0\r\na=inactive", 1));
    let mut heard = HashMap::new();
    for event in &sim.events {
        if let Event::Slots { peer, changes } = event
            && *peer == Sim::peer(3)
        {
            heard.extend(changes.iter().map(|(mid, speaker)| (mid.as_str().to_owned(), *speaker)));
        }
    }
    heard.remove("s0");
    let occupied: Vec<_> = heard.values().flatten().collect();
    assert_eq!(occupied, [&Sim::peer(2)], "in one slot, not in the one before as well: {heard:?}");
}

#[test]
fn a_new_certificate_replaces_the_connection() {
    let mut sim = Sim::new(1);
    sim.join_all(2);
    sim.talk(&[0], 10, 0);
    let old = std::mem::replace(
        &mut sim.clients[0],
        TestClient::new(SocketAddr::from(([198, 51, 100, 7], 9)), ClientOptions::default()),
    );
    drop(old);
    sim.offer(0);
    assert!(sim.run_until(SECOND, |sim| sim.connected() == 3));
    assert!(sim.lost().is_empty(), "a replacement is no loss");
    sim.talk(&[0], 10, 10);
    sim.run(SECOND);
    assert_eq!(sim.heard(1, 0), (0..20).collect::<Vec<_>>());
    let metrics = sim.core.metrics();
    assert_eq!((metrics.peers, metrics.connected), (2, 2));
}

#[test]
fn an_address_in_use_is_not_given_to_whoever_forges_it() {
    let mut sim = Sim::new(1);
    sim.join_all(3);
    // The second client's checks come from the first one's address, with its own right name and password.
    let (now, victim) = (sim.now, sim.clients[0].address());
    for _ in 0..10 {
        sim.clients[1].migrate(now, victim);
        sim.pump();
        sim.run(SECOND);
    }
    assert!(sim.dropped(DropReason::StunPathTaken) >= 10);
    sim.talk(&[2], 20, 0);
    sim.talk(&[0], 20, 0);
    sim.run(SECOND);
    assert_eq!(sim.heard(0, 2).len(), 20, "the first client hears");
    assert_eq!(sim.heard(2, 0).len(), 20, "and is heard");
    assert_eq!(sim.clients[0].undecryptable(), 0, "nothing that is the second one's goes there");
    assert_eq!(sim.core.metrics().migrations, 0);
}

#[test]
fn whom_nobody_hears_is_heard_at_once_later() {
    let mut sim = Sim::new(1);
    for _ in 0..2 {
        sim.join(1, ClientOptions { signal_ssrc: false, audio_level: false, ..ClientOptions::default() });
    }
    assert!(sim.run_until(SECOND, |sim| sim.connected() == 2));
    sim.run(SECOND);
    sim.talk(&[0], 5, 0);
    sim.order(Command::RemovePeer { peer: Sim::peer(1) });
    // An hour of talking to nobody, in a few packets.
    for step in 1..=9u16 {
        sim.clients[0].skip_numbers(20_000);
        sim.talk(&[0], 1, step);
    }
    let late = sim.join(1, ClientOptions::default());
    assert!(sim.run_until(SECOND, |sim| sim.connected() == 3));
    sim.talk(&[0], 20, 100);
    sim.run(SECOND);
    assert_eq!(sim.heard(late, 0), (100..120).collect::<Vec<_>>());
    assert_continuous(sim.clients[late].received());
}

#[test]
fn who_is_moved_to_another_call_is_told_that_its_slots_are_empty() {
    let mut sim = Sim::new(1);
    sim.join_all(4);
    sim.talk(&[0, 1], 10, 0);
    sim.order(Command::AddPeer { call: CallId(2), peer: Sim::peer(3), grants: BOTH, max_speakers: MAX_SLOTS });
    sim.order(Command::AddPeer { call: CallId(2), peer: Sim::peer(0), grants: BOTH, max_speakers: MAX_SLOTS });
    let heard = |sim: &Sim| {
        let mut heard = HashMap::new();
        for event in &sim.events {
            if let Event::Slots { peer, changes } = event
                && *peer == Sim::peer(3)
            {
                heard.extend(changes.iter().cloned());
            }
        }
        heard.into_values().flatten().collect::<Vec<PeerId>>()
    };
    assert_eq!(heard(&sim), []);
    sim.talk(&[0, 1], 10, 10);
    sim.run(SECOND);
    assert_eq!(heard(&sim), [Sim::peer(0)]);
    assert_eq!(sim.heard(3, 0), (0..20).collect::<Vec<_>>());
    assert_eq!(sim.heard(3, 1), (0..10).collect::<Vec<_>>(), "the others are in the call before");
    assert_eq!(sim.connected(), 4, "nobody connected anew");
}

#[test]
fn an_address_belongs_to_who_proved_it_last() {
    let mut sim = Sim::new(1);
    sim.join_all(2);
    let address = sim.clients[0].address();
    let late = TestClient::new(address, ClientOptions::default());
    sim.clients[0].stop_checks();
    sim.run(Duration::from_secs(15));
    assert!(sim.lost().is_empty(), "its consent has not expired yet");
    // The first client is gone; its address was given to the next one.
    sim.clients[0] = TestClient::new(Sim::address(500), ClientOptions::default());
    sim.clients.push(late);
    sim.order(Command::AddPeer { call: CallId(1), peer: Sim::peer(2), grants: BOTH, max_speakers: MAX_SLOTS });
    sim.offer(2);
    assert!(sim.run_until(SECOND, |sim| sim.connected() == 3));
    sim.talk(&[1], 20, 0);
    sim.run(SECOND);
    assert_eq!(sim.heard(2, 1).len(), 20);
    assert_eq!(sim.clients[2].undecryptable(), 0, "nothing for the one before arrives there");
    let leftover: Option<Datagram> = sim.clients[2].poll_datagram();
    assert_eq!(leftover, None);
}
