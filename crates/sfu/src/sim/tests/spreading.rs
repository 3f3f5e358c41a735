//! Calls whose peers are on several workers.

use super::*;

/// A call with clients on these workers, in order.
fn call_on(workers: &[usize]) -> Sim {
    let count = workers.iter().max().map_or(1, |most| most + 1);
    let mut sim = Sim::of(count, 1, |_| {});
    for worker in workers {
        sim.join_on(*worker, 1, ClientOptions::default());
    }
    let all = workers.len();
    assert!(sim.run_until(Duration::from_secs(20), |sim| sim.connected() == all), "all connect");
    sim.run(Duration::from_millis(50));
    sim
}

fn relayed(sim: &mut Sim) -> Vec<(u64, u64)> {
    let both = |core: &WorkerCore| (core.metrics().relayed_out, core.metrics().relayed_in);
    sim.workers_mut().map(|(_, core)| both(core)).collect()
}

fn speaker_lists(sim: &Sim) -> Vec<Vec<PeerId>> {
    let list = |event: &Event| match event {
        Event::Speakers { speakers, .. } => Some(speakers.iter().map(|(peer, _)| *peer).collect()),
        _ => None,
    };
    sim.events.iter().filter_map(list).collect()
}

/// Who a listener was told to hear, by slot, in the end.
fn told(sim: &Sim, listener: usize) -> Vec<PeerId> {
    let mut slots = HashMap::new();
    for event in &sim.events {
        if let Event::Slots { peer, changes } = event
            && *peer == Sim::peer(listener)
        {
            slots.extend(changes.iter().cloned());
        }
    }
    let mut heard: Vec<PeerId> = slots.into_values().flatten().collect();
    heard.sort();
    heard
}

#[test]
fn everybody_hears_everybody_and_each_packet_crosses_once() {
    let mut sim = call_on(&[0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
    sim.talk(&[0, 1, 7], 100, 0);
    sim.run(SECOND);
    let all: Vec<u16> = (0..100).collect();
    for listener in 0..10 {
        let slots = by_slot(&sim.clients[listener]);
        assert_eq!(slots.len(), if [0, 1, 7].contains(&listener) { 2 } else { 3 });
        for packets in slots.values() {
            let in_order: Vec<u16> = packets.iter().map(|packet| packet.sequence).collect();
            assert!(in_order.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)));
        }
        for speaker in [0, 1, 7].into_iter().filter(|speaker| *speaker != listener) {
            assert_eq!(sim.heard(listener, speaker), all, "{listener} hears {speaker}");
        }
        assert_eq!(sim.clients[listener].undecryptable(), 0);
    }
    assert_eq!(relayed(&mut sim), [(200, 100), (100, 200)], "once, whoever listens there");
    assert_eq!((sim.worker(0).metrics().rtp_in, sim.worker(1).metrics().rtp_in), (200, 100));
    let out: u64 = sim.workers_mut().map(|(_, core)| core.metrics().rtp_out).sum();
    assert_eq!(out, 300 * 9);
}

#[test]
fn three_workers_get_each_packet_once_each() {
    let mut sim = call_on(&[0, 1, 2, 2]);
    sim.talk(&[0], 50, 0);
    sim.run(SECOND);
    for listener in 1..4 {
        assert_eq!(sim.heard(listener, 0), (0..50).collect::<Vec<_>>());
    }
    assert_eq!(relayed(&mut sim), [(100, 0), (0, 50), (0, 50)]);
}

#[test]
fn sixteen_workers_get_each_packet_once_each_and_everybody_hears_everybody() {
    let workers: Vec<usize> = (0..16).flat_map(|worker| [worker, worker]).collect();
    let mut sim = call_on(&workers);
    // One on the first worker, one in the middle, one on the last.
    let speakers = [0, 15, 31];
    sim.talk(&speakers, 50, 0);
    sim.run(SECOND);
    let all: Vec<u16> = (0..50).collect();
    for listener in 0..32 {
        for speaker in speakers.into_iter().filter(|speaker| *speaker != listener) {
            assert_eq!(sim.heard(listener, speaker), all, "{listener} hears {speaker}");
        }
        assert!(sim.heard(listener, listener).is_empty(), "nobody hears himself");
        by_slot(&sim.clients[listener]).values().for_each(|packets| assert_continuous(packets));
        assert_eq!(sim.clients[listener].undecryptable(), 0);
    }
    let crossed = |worker: usize| if [0, 7, 15].contains(&worker) { (50 * 15, 100) } else { (0, 150) };
    let crossed: Vec<(u64, u64)> = (0..16).map(crossed).collect();
    assert_eq!(relayed(&mut sim), crossed, "of each speaker once to each of the 15 others");
    let (came, went) = sim.workers_mut().map(|(_, core)| core.metrics()).fold((0, 0), |(came, went), metrics| {
        assert_eq!(metrics.peers, 2);
        (came + metrics.rtp_in, went + metrics.rtp_out)
    });
    assert_eq!((came, went), (150, 150 * 31));
}

#[test]
fn a_call_on_one_worker_crosses_nowhere() {
    let mut sim = call_on(&[0, 0, 1]);
    sim.order(Command::RemovePeer { peer: Sim::peer(2) });
    sim.talk(&[0], 50, 0);
    assert_eq!(sim.heard(1, 0), (0..50).collect::<Vec<_>>());
    assert_eq!(relayed(&mut sim), [(0, 0), (0, 0)]);
}

#[test]
fn repeated_and_reordered_packets_keep_their_order_across_workers() {
    let mut sim = call_on(&[0, 1, 1]);
    sim.uplink = Impairment { repeated: 0.3, jitter: Duration::from_millis(70), ..Impairment::NONE };
    sim.talk(&[0], 300, 0);
    sim.run(SECOND);
    for packets in by_slot(&sim.clients[2]).values() {
        assert_continuous(packets);
    }
    let heard = sim.heard(2, 0);
    assert!(heard.windows(2).all(|pair| pair[1] == pair[0] + 1), "{heard:?}");
    assert!(heard.len() >= 296);
}

#[test]
fn a_mute_crosses_and_ends_the_spurt_at_once() {
    let mut sim = call_on(&[0, 1]);
    sim.talk(&[0], 50, 0);
    let (sent, lists) = (relayed(&mut sim)[0].0, speaker_lists(&sim).len());
    assert_eq!(sent, 50);
    sim.order(Command::SetGrants { peer: Sim::peer(0), grants: Grants { speak: false, hear: true, hear_own: false } });
    sim.talk(&[0], 15, 50);
    assert_eq!(relayed(&mut sim)[0].0, sent, "nothing of somebody muted crosses");
    assert_eq!(sim.heard(1, 0).len(), 50);
    // Sooner than its packets' absence would tell.
    assert_eq!(speaker_lists(&sim)[lists..].last(), Some(&Vec::new()));
    sim.order(Command::SetGrants { peer: Sim::peer(0), grants: BOTH });
    sim.talk(&[0], 10, 65);
    sim.run(SECOND);
    assert_eq!(sim.heard(1, 0).len(), 60);
    by_slot(&sim.clients[1]).values().for_each(|packets| assert_continuous(packets));
}

#[test]
fn leaving_crosses_and_frees_the_slot() {
    let mut sim = call_on(&[0, 0, 1]);
    sim.talk(&[0, 1], 20, 0);
    assert_eq!(told(&sim, 2), [Sim::peer(0), Sim::peer(1)]);
    sim.order(Command::RemovePeer { peer: Sim::peer(0) });
    assert_eq!(told(&sim, 2), [Sim::peer(1)]);
    // The last of its worker: the other worker hears that the call is not there any more.
    sim.order(Command::RemovePeer { peer: Sim::peer(1) });
    assert_eq!(told(&sim, 2), []);
    sim.order(Command::RemovePeer { peer: Sim::peer(2) });
    assert!(sim.workers_mut().all(|(_, core)| core.is_forgotten()));
}

#[test]
fn speakers_are_told_once_a_call_and_by_somebody_else_when_the_announcer_goes() {
    let mut sim = call_on(&[0, 1, 1]);
    sim.talk(&[0, 1], 50, 0);
    let lists = speaker_lists(&sim);
    // A second's worth, at most five a second: two workers would tell twice as many.
    assert!((1..=6).contains(&lists.len()), "{}", lists.len());
    let mut last = lists.last().expect("a list").clone();
    last.sort();
    assert_eq!(last, [Sim::peer(0), Sim::peer(1)], "whole, wherever they are");
    // Two more seconds of silence, then the worker that told is left by everybody.
    sim.run(Duration::from_secs(2));
    assert_eq!(speaker_lists(&sim).last(), Some(&Vec::new()));
    sim.order(Command::RemovePeer { peer: Sim::peer(0) });
    sim.talk(&[1], 50, 50);
    assert_eq!(speaker_lists(&sim).last(), Some(&vec![Sim::peer(1)]));
}

#[test]
fn who_spoke_when_the_announcer_left_does_not_speak_for_ever() {
    let mut sim = call_on(&[0, 1]);
    sim.talk(&[0], 30, 0);
    assert_eq!(speaker_lists(&sim).last(), Some(&vec![Sim::peer(0)]));
    sim.order(Command::RemovePeer { peer: Sim::peer(0) });
    sim.run(SECOND);
    assert_eq!(speaker_lists(&sim).last(), Some(&Vec::new()));
}

#[test]
fn more_speakers_than_slots_compete_across_workers() {
    let mut sim = Sim::of(2, 1, |settings| settings.max_slots = 2);
    for worker in [0, 0, 0, 0, 1, 1] {
        sim.join_on(worker, 1, ClientOptions::default());
    }
    assert!(sim.run_until(Duration::from_secs(20), |sim| sim.connected() == 6));
    sim.run(Duration::from_millis(50));
    sim.talk(&[0, 1, 2, 3, 4], 100, 0);
    sim.run(SECOND);
    assert_eq!(told(&sim, 5).len(), 2, "no more than slots");
    let (crossed, _) = relayed(&mut sim)[0];
    assert_eq!(crossed, 300, "of those who may be heard: one more than slots, for whoever is in one himself");
    by_slot(&sim.clients[5]).values().for_each(|packets| assert_continuous(packets));
}

#[test]
fn a_worker_that_begins_anew_keeps_its_calls_going() {
    let mut sim = call_on(&[0, 0, 1, 1]);
    sim.talk(&[0, 2], 50, 0);
    sim.restart(0);
    assert_eq!(told(&sim, 3), [Sim::peer(2)], "whoever was heard from there is gone");
    sim.talk(&[2], 50, 50);
    sim.run(Duration::from_millis(100));
    assert_eq!(sim.heard(3, 2), (0..100).collect::<Vec<_>>(), "the others notice nothing");
    for client in 0..2 {
        sim.clients[client] = TestClient::new(Sim::address(client), ClientOptions::default());
        sim.offer(client);
    }
    assert!(sim.run_until(Duration::from_secs(5), |sim| sim.clients[..2].iter().all(TestClient::is_connected)));
    sim.run(Duration::from_millis(50));
    sim.talk(&[0, 2], 50, 100);
    sim.run(SECOND);
    assert_eq!(sim.heard(1, 2), (100..150).collect::<Vec<_>>());
    assert_eq!(sim.heard(1, 0), (100..150).collect::<Vec<_>>());
    assert_eq!(sim.heard(3, 0), (0..50).chain(100..150).collect::<Vec<_>>());
    by_slot(&sim.clients[3]).values().for_each(|packets| assert_continuous(packets));
    assert_eq!(sim.clients[3].undecryptable(), 0);
}

#[test]
fn a_worker_that_says_nothing_more_is_not_waited_for() {
    let mut sim = call_on(&[1, 1, 0]);
    sim.talk(&[2], 50, 0);
    assert_eq!(speaker_lists(&sim).last(), Some(&vec![Sim::peer(2)]));
    sim.cluster.cut = true;
    sim.run(SECOND);
    assert_eq!(speaker_lists(&sim).last(), Some(&Vec::new()), "closed without news of it");
    sim.talk(&[1], 50, 0);
    assert_eq!(sim.heard(0, 1).len(), 50);
}

#[test]
fn moving_to_another_worker_is_a_new_beginning_for_everybody() {
    let mut sim = call_on(&[0, 1, 1]);
    sim.talk(&[0], 30, 0);
    assert_eq!(told(&sim, 1), [Sim::peer(0)]);
    // Away, and back on the other worker.
    sim.order(Command::RemovePeer { peer: Sim::peer(0) });
    sim.order(Command::AddPeer { call: CallId(1), peer: Sim::peer(0), grants: BOTH, max_speakers: MAX_SLOTS });
    sim.clients[0] = TestClient::new(Sim::address(0), ClientOptions::default());
    sim.offer(0);
    assert!(sim.run_until(Duration::from_secs(5), |sim| sim.clients[0].is_connected()));
    sim.run(Duration::from_millis(50));
    sim.talk(&[0], 30, 30);
    sim.run(SECOND);
    assert_eq!(sim.heard(1, 0), (0..60).collect::<Vec<_>>());
    assert_eq!(relayed(&mut sim)[0].0, 30, "the second half was on one worker");
    by_slot(&sim.clients[1]).values().for_each(|packets| assert_continuous(packets));
}

#[test]
fn overloaded_workers_get_nobody_new_and_running_calls_stay_whole() {
    let mut sim = call_on(&[0, 0, 1, 1]);
    let call = CallId(1);
    for worker in 0..2 {
        sim.cluster.observe(worker, 900);
    }
    assert_eq!(sim.cluster.placement().admit(call), Err(crate::AdmitError::Busy));
    sim.talk(&[0, 2], 50, 0);
    sim.run(SECOND);
    for (listener, speaker) in [(1, 0), (1, 2), (3, 0), (3, 2)] {
        assert_eq!(sim.heard(listener, speaker), (0..50).collect::<Vec<_>>());
    }
    // Whoever is in and comes back with a new offer is not turned away.
    sim.offer(0);
    assert!(!sim.events.iter().any(|event| matches!(event, Event::OfferRejected { .. })));
    sim.cluster.observe(1, 300);
    assert_eq!(sim.cluster.placement().admit(call), Ok(()));
    let client = sim.join(1, ClientOptions::default());
    assert!(sim.run_until(Duration::from_secs(5), |sim| sim.clients[client].is_connected()));
    assert_eq!(sim.worker(1).metrics().peers, 3, "where there is room");
}
