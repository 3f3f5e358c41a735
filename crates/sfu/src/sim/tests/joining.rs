use super::*;
use crate::error::OfferError;
use crate::metrics::{JoinPhase, SetupFailure};

#[test]
fn everybody_joins_at_25_percent_loss_each_way() {
    for seed in 0..20 {
        let mut sim = Sim::new(seed);
        let lossy = Impairment { loss: 0.25, delay: Duration::from_millis(20), ..Impairment::NONE };
        (sim.uplink, sim.downlink) = (lossy, lossy);
        for client in 0..24 {
            sim.join(1, ClientOptions { dtls12: client % 2 == 0, ..ClientOptions::default() });
        }
        // Both sides: whoever lost our last flight again and again must not be left to its own timer, which doubles.
        let clients = |sim: &Sim| sim.clients.iter().filter(|client| client.is_connected()).count();
        let everybody = sim.run_until(Duration::from_secs(20), |sim| sim.connected() == 24 && clients(sim) == 24);
        assert!(everybody, "seed {seed}: {} of 24 joined, {} of them know it", sim.connected(), clients(&sim));
        assert!(sim.lost().is_empty(), "seed {seed}: {:?}", sim.lost());
    }
}

#[test]
fn a_clean_join_is_quick_and_measured() {
    let mut sim = Sim::new(1);
    sim.join(1, ClientOptions::default());
    assert!(sim.run_until(SECOND, |sim| sim.connected() == 1));
    let setup = sim.events.iter().find_map(|event| match event {
        Event::Connected { setup, .. } => Some(*setup),
        _ => None,
    });
    let setup = setup.expect("connected");
    assert!(setup < Duration::from_millis(100), "{setup:?} with 10 ms of round trip");
    let metrics = sim.core.metrics();
    assert_eq!((metrics.join_times.count(), metrics.join_times.sum), (1, setup));
    assert_eq!((metrics.peers, metrics.connected, metrics.calls), (1, 1, 1));
    let phases = |sim: &Sim| sim.core.metrics().join_phases.map(|times| (times.count(), times.sum));
    let [(1, ice), (1, dtls), (0, _)] = phases(&sim) else { panic!("{:?}", phases(&sim)) };
    assert_eq!(ice + dtls, setup);
    sim.run(Duration::from_millis(70));
    sim.talk(&[0], 3, 0);
    let (count, first_packet) = phases(&sim)[JoinPhase::FirstPacket as usize];
    assert!(count == 1 && first_packet >= Duration::from_millis(70), "{count}: {first_packet:?}");
    assert_eq!(sim.core.metrics().setup_failures, [0; SetupFailure::ALL.len()]);
}

/// Which failures were counted.
fn failures(sim: &Sim) -> Vec<(SetupFailure, u64)> {
    let counted = sim.core.metrics().setup_failures;
    SetupFailure::ALL.into_iter().zip(counted).filter(|(_, count)| *count > 0).collect()
}

#[test]
fn a_client_that_gives_up_counts_as_far_as_it_got() {
    let mut sim = Sim::new(1);
    sim.uplink.loss = 1.0;
    for _ in 0..2 {
        sim.join(1, ClientOptions::default());
    }
    sim.run(SECOND);
    sim.order(Command::RemovePeer { peer: Sim::peer(0) });
    assert_eq!(failures(&sim), [], "nobody waits for one second only");
    sim.run(SECOND * 5);
    sim.order(Command::RemovePeer { peer: Sim::peer(1) });
    assert_eq!(failures(&sim), [(SetupFailure::NoCheck, 1)]);
    // Checks come through, and nothing goes back: DTLS cannot be done.
    (sim.uplink.loss, sim.downlink.loss) = (0.0, 1.0);
    sim.join(1, ClientOptions::default());
    sim.run(SECOND * 6);
    sim.order(Command::RemovePeer { peer: Sim::peer(2) });
    assert_eq!(failures(&sim), [(SetupFailure::NoCheck, 1), (SetupFailure::NoDtls, 1)]);
}

#[test]
fn who_never_sends_a_check_times_out_and_may_offer_again() {
    let mut sim = Sim::new(1);
    sim.uplink.loss = 1.0;
    let client = sim.join(1, ClientOptions::default());
    sim.run(Duration::from_secs(31));
    assert_eq!(sim.lost(), [(Sim::peer(client), LostReason::SetupTimedOut)]);
    assert_eq!(failures(&sim), [(SetupFailure::NoCheck, 1)]);
    sim.uplink.loss = 0.0;
    sim.clients[client] = TestClient::new(Sim::address(client), ClientOptions::default());
    sim.offer(client);
    assert!(sim.run_until(SECOND, |sim| sim.connected() == 1));
}

#[test]
fn bad_offers_are_refused_by_name_and_change_nothing() {
    let mut sim = Sim::with(1, |settings| settings.max_peers = 1);
    let client = sim.join(1, ClientOptions::default());
    assert!(sim.run_until(SECOND, |sim| sim.connected() == 1));
    let mut refused = |client: usize, sdp: &str| {
        sim.offer_sdp(client, sdp);
        match sim.events.pop() {
            Some(Event::OfferRejected { request: 7, error, .. }) => error,
            other => panic!("not refused: {other:?}"),
        }
    };
    assert!(matches!(refused(client, &"x".repeat(70_000)), OfferError::TooLarge(70_000)));
    assert!(matches!(refused(client, "hello"), OfferError::Syntax(_)));
    assert!(matches!(refused(99, ""), OfferError::UnknownPeer));
    assert_eq!(sim.core.metrics().offers_rejected, 3);
    sim.run(Duration::from_secs(5));
    assert!(sim.lost().is_empty());

    sim.clients.push(TestClient::new(Sim::address(1), ClientOptions::default()));
    sim.order(Command::AddPeer { call: CallId(1), peer: Sim::peer(1), grants: BOTH, max_speakers: MAX_SLOTS });
    sim.offer(1);
    assert!(matches!(sim.events.last(), Some(Event::OfferRejected { error: OfferError::Busy, .. })));
    sim.order(Command::RemovePeer { peer: Sim::peer(0) });
    sim.offer(1);
    assert!(sim.run_until(SECOND, |sim| sim.connected() == 2), "there is room again");
}

#[test]
fn who_leaves_is_told_and_leaves_nothing_behind() {
    let mut sim = Sim::new(1);
    sim.join_all(3);
    sim.talk(&[0], 10, 0);
    for client in 0..3 {
        sim.order(Command::RemovePeer { peer: Sim::peer(client) });
    }
    sim.run(SECOND);
    assert!(sim.clients.iter().all(TestClient::is_closed), "close_notify");
    let metrics = sim.core.metrics();
    assert_eq!((metrics.peers, metrics.connected, metrics.calls), (0, 0, 0));
    assert!(sim.core.is_forgotten());
    sim.order(Command::RemovePeer { peer: Sim::peer(0) });
    sim.run(Duration::from_secs(60));
    assert!(sim.core.next_timeout().is_none(), "no timer is left");
}

#[test]
fn after_joining_nothing_is_due_before_the_first_reports_which_come_together() {
    let mut sim = Sim::new(1);
    sim.join_all(200);
    let connected = sim.now;
    let mut due = Vec::new();
    while sim.now < connected + 4 * SECOND {
        sim.core.skip_early();
        if sim.core.next_timeout().is_some_and(|at| at <= sim.now + Duration::from_millis(1)) {
            due.push(sim.now - connected);
        }
        sim.run(Duration::from_millis(1));
    }
    let early = due.iter().filter(|after| **after < 2 * SECOND).count();
    assert!(early <= 2, "the call has a turn a second, and nobody else: {due:?}");
    assert!((10..=60).contains(&due.len()), "200 peers' reports take a second of 50 turns: {due:?}");
}

#[test]
fn a_client_that_closes_is_lost_at_once() {
    let mut sim = Sim::new(1);
    sim.join_all(2);
    sim.clients[1].close();
    sim.run(SECOND);
    assert_eq!(sim.lost(), [(Sim::peer(1), LostReason::Closed)]);
    assert_eq!(sim.core.metrics().connected, 1);
}

#[test]
fn hundreds_of_joins_and_leaves_leave_nothing_behind() {
    let mut sim = Sim::new(1);
    for _ in 0..30 {
        let first = sim.clients.len();
        for client in 0..10 {
            sim.join(client % 3, ClientOptions { slots: 2, ..ClientOptions::default() });
        }
        sim.run(Duration::from_millis(60));
        for client in first..first + 10 {
            if sim.clients[client].is_connected() {
                sim.clients[client].send_audio(30, &[0, 0, 0, 0xAB]);
            }
        }
        sim.run(Duration::from_millis(20));
        for client in first..first + 10 {
            sim.order(Command::RemovePeer { peer: Sim::peer(client) });
        }
        sim.run(Duration::from_millis(10));
        sim.clients.iter_mut().for_each(TestClient::stop_checks);
    }
    assert!(sim.core.metrics().join_times.count() >= 297, "{:?}", sim.core.metrics().join_times);
    assert!(sim.core.metrics().rtp_out > 300);
    assert!(sim.core.is_forgotten());
    sim.clients.clear();
    sim.run(Duration::from_secs(60));
    assert!(sim.core.next_timeout().is_none(), "no timer is left");
}

/// Lets clients talk until one more is connected; the number of the last packets that had come in before.
fn talk_until_connected(sim: &mut Sim, speakers: &[usize]) -> u16 {
    let before = sim.connected();
    for number in 100..200 {
        for speaker in speakers {
            sim.speak(*speaker, &[u8::try_from(*speaker).expect("few"), 0, number, 0xAB]);
        }
        let spoken = sim.now;
        if sim.run_until(PACKET, |sim| sim.connected() > before) {
            return u16::from(number) - u16::from(sim.now - spoken <= sim.uplink.delay);
        }
    }
    panic!("nobody was connected in 2 s")
}

/// Speakers of a call that is on so many workers, heard there by one listener each.
fn running_call(workers: usize) -> Sim {
    let mut sim = Sim::of(workers, 1, |_| {});
    for _ in 0..3 {
        sim.join_on(0, 1, ClientOptions::default());
    }
    for worker in 0..workers {
        sim.join_on(worker, 1, ClientOptions::default());
    }
    assert!(sim.run_until(SECOND, |sim| sim.connected() == 3 + workers), "all connect");
    sim.run(Duration::from_millis(50));
    sim.talk(&[0, 1, 2], 10, 0);
    sim
}

#[test]
fn a_newcomer_hears_at_once_what_everybody_said_last() {
    for workers in [1, 2] {
        let mut sim = running_call(workers);
        for worker in 0..workers {
            let listener = sim.join_on(worker, 1, ClientOptions::default());
            let number = talk_until_connected(&mut sim, &[0, 1, 2]);
            assert!(number >= 100);
            sim.run(sim.downlink.delay + Duration::from_millis(1));
            for speaker in 0..3 {
                let heard = sim.heard(listener, speaker);
                assert_eq!(heard.first(), Some(&number), "{speaker} on worker {worker} of {workers}: {heard:?}");
            }
            // One more may have been on its way.
            sim.run(PACKET);
            let next = sim.heard(listener, 0).last().expect("heard") + 1;
            sim.talk(&[0, 1, 2], 10, next);
            sim.run(PACKET);
            let goes_on: Vec<u16> = (number..next + 10).collect();
            for speaker in 0..3 {
                assert_eq!(sim.heard(listener, speaker), goes_on, "each once");
            }
            by_slot(&sim.clients[listener]).values().for_each(|packets| assert_continuous(packets));
            assert_eq!(sim.clients[listener].undecryptable(), 0);
        }
    }
}

#[test]
fn a_newcomer_hears_nothing_of_what_is_over() {
    let mut sim = running_call(1);
    let join = |sim: &mut Sim| {
        let (connected, began) = (sim.connected(), sim.now);
        let listener = sim.join(1, ClientOptions::default());
        assert!(sim.run_until(SECOND, |sim| sim.connected() > connected));
        (listener, sim.now - began)
    };
    sim.run(10 * PACKET);
    let (listener, took) = join(&mut sim);
    sim.run(SECOND);
    assert!(sim.clients[listener].received().is_empty(), "everybody paused: {:?}", sim.clients[listener].received());

    sim.talk(&[0, 1, 2], 3, 10);
    let (began, connected) = (sim.now, sim.connected());
    let listener = sim.join(1, ClientOptions::default());
    sim.run(took - sim.uplink.delay * 3);
    for speaker in 0..3 {
        sim.speak(speaker, &[u8::try_from(speaker).expect("few"), 0, 13, 0xAB]);
    }
    sim.run(sim.uplink.delay * 2);
    assert_eq!(sim.connected(), connected, "not yet");
    sim.order(Command::SetGrants { peer: Sim::peer(1), grants: Grants { speak: false, ..BOTH } });
    sim.order(Command::RemovePeer { peer: Sim::peer(2) });
    assert!(sim.run_until(SECOND, |sim| sim.connected() > connected));
    assert!(sim.now - began <= took + PACKET, "connected while the last packets are young");
    sim.run(sim.downlink.delay + Duration::from_millis(3));
    let heard = [0, 1, 2].map(|speaker| sim.heard(listener, speaker));
    assert_eq!(heard, [vec![13], vec![], vec![]], "one was muted and one left");
}

/// What a newcomer to a call hears of a speaker who said something to a listener, and then, after `meanwhile`, something that nobody heard,
/// before the newcomer was connected, and something since. The speaker is client 0 on the first worker, the listener, client 1, and the newcomer
/// are on the last one; both begin in call 1.
fn heard_by_newcomer(workers: usize, call: u128, meanwhile: impl Fn(&mut Sim)) -> Vec<u16> {
    let last = workers - 1;
    let mut sim = Sim::of(workers, 1, |_| {});
    sim.join_on(0, 1, ClientOptions::default());
    sim.join_on(last, 1, ClientOptions::default());
    let another = |sim: &mut Sim| {
        let began = sim.now;
        (sim.join_on(last, call, ClientOptions::default()), began)
    };
    let (_, began) = another(&mut sim);
    assert!(sim.run_until(SECOND, |sim| sim.connected() == 3), "all connect");
    let took = sim.now - began;
    sim.order(Command::RemovePeer { peer: Sim::peer(2) });
    sim.run(Duration::from_millis(50));
    sim.talk(&[0], 10, 0);

    let (newcomer, began) = another(&mut sim);
    sim.run(took - sim.uplink.delay * 4);
    sim.speak(0, &[0, 0, 10, 0xAB]);
    sim.run(sim.uplink.delay + Duration::from_millis(1));
    meanwhile(&mut sim);
    sim.speak(0, &[0, 0, 11, 0xAB]);
    sim.run(sim.uplink.delay + Duration::from_millis(1));
    assert_eq!(sim.connected(), 3, "not yet");
    assert!(sim.run_until(SECOND, |sim| sim.connected() == 4));
    assert!(sim.now - began <= took + PACKET, "connected while what was said last is young");
    sim.run(PACKET);
    sim.speak(0, &[0, 0, 12, 0xAB]);
    sim.run(SECOND);
    assert_eq!(sim.heard(1, 0), (0..11).collect::<Vec<_>>(), "by the listener");
    assert_continuous(sim.clients[newcomer].received());
    sim.heard(newcomer, 0)
}

#[test]
fn a_newcomer_hears_what_was_said_last_or_nothing_of_what_was_said_before() {
    for workers in [1, 2] {
        let heard = heard_by_newcomer(workers, 1, |sim| sim.order(Command::RemovePeer { peer: Sim::peer(1) }));
        assert_eq!(heard, [12], "{workers} workers: nobody was there when 11 was said");
    }
}

#[test]
fn a_newcomer_hears_nothing_of_what_a_speaker_said_in_another_call() {
    let heard = heard_by_newcomer(1, 2, |sim| {
        sim.order(Command::AddPeer { call: CallId(2), peer: Sim::peer(0), grants: BOTH, max_speakers: MAX_SLOTS });
    });
    assert_eq!(heard, [12], "nobody was there when 11 was said");
}
