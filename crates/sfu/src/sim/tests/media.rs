use super::*;
use crate::rtp::rtcp::{Report, read};

#[test]
fn fifty_peers_hear_every_packet_of_three_speakers_once_and_in_order() {
    let mut sim = Sim::new(1);
    sim.join_all(50);
    sim.talk(&[0, 1, 2], 100, 0);
    sim.run(SECOND);
    let all: Vec<u16> = (0..100).collect();
    for listener in 0..50 {
        let slots = by_slot(&sim.clients[listener]);
        assert_eq!(slots.len(), if listener < 3 { 2 } else { 3 });
        for packets in slots.values() {
            let in_order: Vec<u16> = packets.iter().map(|packet| packet.sequence).collect();
            assert!(in_order.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)));
            assert!(packets[0].marker && !packets[1].marker);
        }
        for speaker in (0..3).filter(|speaker| *speaker != listener) {
            assert_eq!(sim.heard(listener, speaker), all, "{listener} hears {speaker}");
        }
        assert!(sim.heard(listener, listener).is_empty(), "nobody hears himself");
        assert_eq!(sim.clients[listener].undecryptable(), 0);
    }
    assert_eq!(sim.core.metrics().rtp_in, 300);
    assert_eq!(sim.core.metrics().rtp_out, 300 * 49);
}

#[test]
fn listeners_are_told_who_is_in_which_slot() {
    let mut sim = Sim::new(1);
    sim.join_all(3);
    sim.talk(&[0], 50, 0);
    let told = sim.events.iter().filter_map(|event| match event {
        Event::Slots { peer, changes } => Some((*peer, changes.clone())),
        _ => None,
    });
    let told: HashMap<PeerId, _> = told.collect();
    assert_eq!(told.len(), 2);
    let (mid, speaker) = &told[&Sim::peer(2)][0];
    assert_eq!(*speaker, Some(Sim::peer(0)));
    let received = &sim.clients[2].received()[0];
    assert_eq!(sim.clients[2].answer().and_then(|answer| answer.ssrc_of(mid.as_str())), Some(received.ssrc));
    let speakers = sim.events.iter().filter(|event| matches!(event, Event::Speakers { call: CallId(1), .. }));
    assert!((1..=6).contains(&speakers.count()));
    let first =
        sim.events.iter().filter(|event| matches!(event, Event::FirstPacket { peer, .. } if *peer == Sim::peer(0)));
    assert_eq!(first.count(), 1, "of fifty packets");
}

#[test]
fn reordering_and_repetition_reach_nobody_twice_and_leave_no_gap() {
    let mut sim = Sim::new(3);
    sim.join_all(6);
    let rough = Impairment { repeated: 0.3, jitter: Duration::from_millis(70), ..Impairment::NONE };
    sim.uplink = rough;
    sim.talk(&[0, 1], 300, 0);
    sim.run(SECOND);
    for listener in 2..6 {
        for packets in by_slot(&sim.clients[listener]).values() {
            assert_continuous(packets);
        }
        for speaker in 0..2 {
            let heard = sim.heard(listener, speaker);
            assert!(heard.windows(2).all(|pair| pair[1] == pair[0] + 1), "{heard:?}");
            assert!(heard.len() >= 296 && heard.last() == Some(&299), "only the first ones may be overtaken");
        }
    }
    let repeated = sim.dropped(DropReason::SrtpReplay);
    assert!(repeated > 100, "{repeated} repetitions were dropped");
}

#[test]
fn loss_on_the_way_in_stays_visible_to_listeners() {
    let mut sim = Sim::new(4);
    sim.join_all(2);
    sim.uplink.loss = 0.1;
    sim.talk(&[0], 400, 0);
    sim.run(SECOND);
    let slots = by_slot(&sim.clients[1]);
    let packets = slots.values().next().expect("heard");
    let span = packets.last().expect("heard").sequence.wrapping_sub(packets[0].sequence) + 1;
    let heard = sim.heard(1, 0);
    assert_eq!(span, heard.last().expect("heard") - heard[0] + 1, "a lost packet keeps its number");
    assert!(heard.len() < 390);
    sim.run(Duration::from_secs(5));
    let lost = sim.core.metrics().lost_uplink;
    assert!((10..=80).contains(&lost), "{lost} of 400 at 10 %");
}

#[test]
fn silence_is_not_forwarded_and_leaves_no_gap() {
    let mut sim = Sim::new(1);
    sim.join_all(2);
    sim.talk(&[0], 50, 0);
    for _ in 0..100 {
        sim.clients[0].send_audio(127, &[0, 0xFF, 0xFF, 0]);
        sim.pump();
        sim.run(PACKET);
    }
    sim.talk(&[0], 50, 50);
    sim.run(SECOND);
    let slots = by_slot(&sim.clients[1]);
    assert_eq!(slots.len(), 1);
    let packets = slots.values().next().expect("heard");
    assert_continuous(packets);
    let silent = packets.iter().filter(|packet| packet.payload[1] == 0xFF).count();
    assert!((20..=25).contains(&silent), "a tail of 400 to 500 ms, not {silent} packets");
    assert_eq!(sim.dropped(DropReason::Silence), 100 - silent as u64);
    let spurt = packets.iter().skip(60).find(|packet| packet.marker).expect("a new spurt");
    assert_eq!(spurt.payload[2], 50, "its first packet is marked, and heard");
    assert_eq!(sim.heard(1, 0).iter().filter(|number| **number != 0xFFFF).count(), 100);
}

#[test]
fn a_change_of_speaker_in_a_slot_is_continuous() {
    let mut sim = Sim::new(1);
    for _ in 0..4 {
        sim.join(1, ClientOptions { slots: 1, ..ClientOptions::default() });
    }
    assert!(sim.run_until(SECOND, |sim| sim.connected() == 4));
    for round in 0..6 {
        sim.talk(&[round % 3], 30, 0);
        sim.run(Duration::from_millis(700));
    }
    let slots = by_slot(&sim.clients[3]);
    assert_eq!(slots.len(), 1, "one slot, one SSRC");
    let packets = slots.values().next().expect("heard");
    assert_eq!(packets.len(), 180);
    assert_continuous(packets);
    let elapsed = packets[179].at - packets[0].at;
    let ticks = packets[179].timestamp.wrapping_sub(packets[0].timestamp);
    let difference = (f64::from(ticks) / 48_000.0 - elapsed.as_secs_f64()).abs();
    assert!(difference < 0.2, "timestamps keep to the clock: {difference} s off");
}

#[test]
fn without_a_grant_nothing_passes_until_the_next_packet_after_it() {
    let mut sim = Sim::new(1);
    sim.join_all(2);
    sim.talk(&[0], 10, 0);
    sim.order(Command::SetGrants { peer: Sim::peer(0), grants: Grants { speak: false, hear: true, hear_own: false } });
    sim.run(SECOND);
    sim.talk(&[0], 10, 10);
    sim.run(SECOND);
    assert_eq!(sim.heard(1, 0), (0..10).collect::<Vec<_>>());
    assert_eq!(sim.dropped(DropReason::NoGrant), 10);
    sim.order(Command::SetGrants { peer: Sim::peer(0), grants: BOTH });
    sim.talk(&[0], 10, 20);
    sim.run(SECOND);
    assert_eq!(sim.heard(1, 0), (0..10).chain(20..30).collect::<Vec<_>>());
    assert_continuous(by_slot(&sim.clients[1]).values().next().expect("heard"));
}

#[test]
fn who_may_not_hear_gets_nothing() {
    let mut sim = Sim::new(1);
    sim.join_all(3);
    sim.order(Command::SetGrants { peer: Sim::peer(1), grants: Grants { speak: true, hear: false, hear_own: false } });
    sim.talk(&[0], 10, 0);
    sim.run(SECOND);
    assert!(sim.clients[1].received().is_empty());
    assert_eq!(sim.heard(2, 0).len(), 10);
}

#[test]
fn calls_do_not_hear_each_other() {
    let mut sim = Sim::new(1);
    sim.join_all(3);
    let stranger = sim.join(2, ClientOptions::default());
    assert!(sim.run_until(SECOND, |sim| sim.connected() == 4));
    sim.talk(&[0, stranger], 20, 0);
    sim.run(SECOND);
    assert!(sim.clients[stranger].received().is_empty());
    for listener in 0..3 {
        assert!(sim.heard(listener, stranger).is_empty());
    }
    sim.order(Command::AddPeer { call: CallId(1), peer: Sim::peer(stranger), grants: BOTH, max_speakers: MAX_SLOTS });
    sim.talk(&[0], 5, 20);
    sim.run(SECOND);
    assert_eq!(sim.heard(stranger, 0).len(), 5, "who is moved to the call hears it");
}

#[test]
fn twenty_speakers_and_eight_slots() {
    let mut sim = Sim::new(1);
    for _ in 0..20 {
        sim.join(1, ClientOptions { slots: 12, ..ClientOptions::default() });
    }
    assert!(sim.run_until(SECOND, |sim| sim.connected() == 20));
    let everybody: Vec<usize> = (0..20).collect();
    sim.talk(&everybody, 50, 0);
    sim.run(SECOND);
    for client in &sim.clients {
        assert_eq!(by_slot(client).len(), 8, "the limit, though 12 were offered");
    }
    assert!(sim.dropped(DropReason::NotSelected) > 0);
}

#[test]
fn a_call_forwards_as_many_speakers_as_it_was_told() {
    let mut sim = Sim::new(1);
    sim.join_all(5);
    let everybody = [0, 1, 2, 3];
    sim.talk(&everybody, 50, 0);
    sim.order(Command::SetCall { call: CallId(1), max_speakers: 2 });
    sim.run(SECOND);
    sim.talk(&everybody, 50, 50);
    sim.run(SECOND);
    let after = |sim: &Sim, from: u16| {
        let heard = |speaker: usize| sim.heard(4, speaker).iter().filter(|number| **number >= from).count();
        everybody.map(heard).iter().filter(|count| **count > 0).count()
    };
    assert_eq!((after(&sim, 0), after(&sim, 50)), (4, 2));
    sim.order(Command::SetCall { call: CallId(1), max_speakers: 3 });
    sim.talk(&everybody, 50, 100);
    sim.run(SECOND);
    assert_eq!(after(&sim, 100), 3);
}

#[test]
fn clients_without_levels_or_signalled_ssrc_are_heard() {
    let mut sim = Sim::new(1);
    for _ in 0..2 {
        sim.join(1, ClientOptions { audio_level: false, signal_ssrc: false, ..ClientOptions::default() });
    }
    assert!(sim.run_until(SECOND, |sim| sim.connected() == 2));
    sim.talk(&[0], 100, 0);
    sim.run(SECOND);
    assert_eq!(sim.heard(1, 0).len(), 100);
}

#[test]
fn reports_go_both_ways() {
    let mut sim = Sim::new(1);
    sim.join_all(2);
    sim.talk(&[0], 300, 0);
    sim.run(Duration::from_secs(4));
    let reports = |client: usize| -> Vec<Report> {
        sim.clients[client].received_rtcp().iter().flat_map(|compound| read(compound).expect("RTCP")).collect()
    };
    let speaker = sim.clients[0].ssrc();
    let publisher = reports(0);
    let block = publisher.iter().find_map(|report| match report {
        Report::Reception { ssrc, block } if *ssrc == speaker => Some(*block),
        _ => None,
    });
    let block = block.expect("the publisher is told how it is received");
    assert_eq!((block.total_lost, block.fraction_lost), (0, 0));
    let slot = sim.clients[1].received()[0].ssrc;
    let ours = |report: &&Report| matches!(report, Report::Sender { ssrc, .. } if *ssrc == slot);
    let listener = reports(1);
    assert!((1..=4).contains(&listener.iter().filter(ours).count()), "a sender report every few seconds");
    let Some(Report::Sender { ntp, .. }) = listener.iter().find(ours) else { panic!("no sender report") };
    assert!((ntp >> 32).abs_diff(2_208_988_800 + 1_800_000_000) < 60, "wall-clock time");
}

#[test]
fn what_listeners_report_lost_is_counted_once() {
    let mut sim = Sim::new(1);
    sim.join_all(2);
    sim.talk(&[0], 50, 0);
    sim.run(SECOND);
    let slot = sim.clients[1].received()[0].ssrc.to_be_bytes();
    let mut report = vec![0x81, 201, 0, 7, 0, 0, 0, 1];
    report.extend(slot);
    report.extend([25, 0, 0, 5]);
    report.extend([0; 16]);
    for _ in 0..3 {
        sim.clients[1].send_rtcp(&report);
        sim.pump();
        sim.run(PACKET);
    }
    assert_eq!(sim.core.metrics().lost_downlink, 5);
}

/// What the worker has to send a listener right now, packet by packet, without sending it.
fn waiting(sim: &mut Sim, listener: usize) -> Vec<Vec<usize>> {
    sim.core.flush_all();
    let to = Sim::address(listener);
    let entries = sim.core.outbox_mut().iter().filter(|datagrams| datagrams.path.remote == to);
    entries.map(|datagrams| datagrams.each().map(<[u8]>::len).collect()).collect()
}

/// Hands packets of these speakers to the worker, all in one turn.
fn in_one_turn(sim: &mut Sim, speakers: &[(usize, usize)]) {
    for (speaker, len) in speakers {
        let mut payload = vec![u8::try_from(*speaker).expect("few"), 0, 0];
        payload.resize(*len, 0xAB);
        sim.clients[*speaker].send_audio(30, &payload);
        while let Some((from, _, mut bytes)) = sim.clients[*speaker].poll_datagram() {
            sim.core.handle_datagram(sim.now, Path::udp(from), &mut bytes);
        }
    }
}

#[test]
fn packets_that_came_together_go_out_as_equal_segments_and_are_heard_as_they_were() {
    let mut sim = Sim::new(1);
    sim.join_all(5);
    sim.talk(&[0, 1, 2], 30, 0);
    let before: Vec<usize> = sim.clients.iter().map(|client| client.received().len()).collect();
    in_one_turn(&mut sim, &[(0, 80), (1, 100), (2, 90), (0, 60)]);
    let overhead = 12 + 16;
    assert_eq!(waiting(&mut sim, 4), [vec![100 + overhead, 100 + overhead, 100 + overhead, 60 + overhead]]);
    assert_eq!(waiting(&mut sim, 0), [vec![100 + overhead, 90 + overhead]], "nobody hears himself");
    sim.pump();
    sim.run(SECOND);
    for (listener, count) in before.into_iter().enumerate() {
        let mut heard: Vec<(u8, usize)> =
            sim.clients[listener].received()[count..].iter().map(|p| (p.payload[0], p.payload.len())).collect();
        heard.sort_unstable();
        let mut wanted = vec![(0, 60), (0, 80), (1, 100), (2, 90)];
        wanted.retain(|(speaker, _)| usize::from(*speaker) != listener);
        assert_eq!(heard, wanted, "without the padding");
        assert_eq!(sim.clients[listener].undecryptable(), 0);
    }
}

#[test]
fn what_comes_while_some_are_still_to_be_served_goes_out_with_what_waits_for_them() {
    let mut sim = Sim::new(1);
    sim.join_all(200);
    sim.talk(&[0, 1], 30, 0);
    let before: Vec<usize> = sim.clients.iter().map(|client| client.received().len()).collect();
    let mut sends = Vec::new();
    // As many as a send takes, then the rest.
    let mut send = |sim: &mut Sim, portions: usize| {
        for _ in 0..portions {
            let more = sim.core.flush();
            let outbox = std::mem::take(sim.core.outbox_mut());
            for datagrams in outbox.iter() {
                sends.push(datagrams.count());
                let listener = sim.clients.iter_mut().find(|client| client.address() == datagrams.path.remote);
                let listener = listener.expect("a listener");
                datagrams.each().for_each(|bytes| listener.handle_datagram(sim.now, bytes));
            }
            if !more {
                return;
            }
        }
    };
    in_one_turn(&mut sim, &[(0, 80)]);
    send(&mut sim, 1);
    in_one_turn(&mut sim, &[(1, 80)]);
    send(&mut sim, usize::MAX);
    let pairs = sends.iter().filter(|count| **count == 2).count();
    assert!((100..=180).contains(&pairs), "{pairs} of 198 in one go, the others had been served before");
    assert_eq!(sends.iter().sum::<usize>(), 2 * 199);
    for (listener, count) in before.into_iter().enumerate() {
        let heard = &sim.clients[listener].received()[count..];
        let speakers: Vec<u8> = heard.iter().map(|packet| packet.payload[0]).collect();
        let wanted: Vec<u8> = (0..2).filter(|speaker| usize::from(*speaker) != listener).collect();
        assert_eq!(speakers, wanted, "each once, in the order they came");
        assert_eq!(sim.clients[listener].undecryptable(), 0);
    }
}

#[test]
fn a_slot_that_changes_hands_within_a_turn_gets_what_was_accepted_before() {
    let mut sim = Sim::with(1, |settings| settings.max_slots = 1);
    sim.join_all(3);
    sim.talk(&[0], 30, 0);
    let count = sim.clients[2].received().len();
    in_one_turn(&mut sim, &[(0, 80), (0, 81)]);
    sim.order(Command::SetGrants { peer: Sim::peer(0), grants: Grants { speak: false, hear: true, hear_own: false } });
    in_one_turn(&mut sim, &[(1, 82)]);
    sim.pump();
    sim.run(SECOND);
    let heard = &sim.clients[2].received()[count..];
    let lengths: Vec<usize> = heard.iter().map(|packet| packet.payload.len()).collect();
    assert_eq!(lengths, [80, 81, 82]);
    assert_eq!(heard.iter().map(|packet| packet.marker).collect::<Vec<_>>(), [false, false, true]);
    assert!(heard.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
}

#[test]
fn a_slot_that_changes_hands_between_two_packets_of_a_turn_keeps_their_order() {
    let mut sim = Sim::with(1, |settings| settings.max_slots = 1);
    sim.join_all(3);
    sim.talk(&[0, 1], 30, 0);
    let count = sim.clients[2].received().len();
    in_one_turn(&mut sim, &[(0, 80), (1, 90), (0, 81)]);
    // It leaves within the turn, and the one who spoke with it is heard instead.
    sim.clients[0].close();
    in_one_turn(&mut sim, &[(1, 82), (1, 83)]);
    while let Some((from, _, mut bytes)) = sim.clients[0].poll_datagram() {
        sim.core.handle_datagram(sim.now, Path::udp(from), &mut bytes);
    }
    in_one_turn(&mut sim, &[(1, 84), (1, 85)]);
    assert_eq!(waiting(&mut sim, 2).concat().len(), 4, "two of each in one go");
    sim.pump();
    sim.run(SECOND);
    let heard = &sim.clients[2].received()[count..];
    let packets: Vec<_> = heard.iter().map(|packet| (packet.payload.len(), packet.marker)).collect();
    assert_eq!(packets, [(80, false), (81, false), (84, true), (85, false)]);
    assert!(heard.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
}

#[test]
fn what_is_due_waits_while_the_outbox_is_full() {
    let mut sim = Sim::new(1);
    sim.join_all(3);
    sim.talk(&[0], 20, 0);
    sim.now += Duration::from_secs(4);
    let (now, stranger) = (sim.now, Path::udp(Sim::address(99)));
    while !sim.core.outbox_mut().is_full() {
        sim.core.outbox_mut().push(stranger, &[0; 100]);
    }
    let full = sim.core.outbox_mut().len();
    assert!(sim.core.handle_timeout(now), "more is due");
    assert_eq!(sim.core.outbox_mut().len(), full);
    sim.core.outbox_mut().clear();
    assert!(!sim.core.handle_timeout(now));
    let reports = sim.core.outbox_mut().datagrams().filter(|(_, bytes)| bytes[0] >= 128).count();
    assert_eq!(reports, 3, "one for everybody");
}

#[test]
fn a_soft_beginning_is_heard_a_moment_later_and_in_order() {
    let mut sim = Sim::new(1);
    sim.join_all(2);
    let mut number = 0u16;
    let mut talk = |sim: &mut Sim, levels: &[u8]| {
        for level in levels {
            number += 1;
            let [high, low] = number.to_be_bytes();
            sim.clients[0].send_audio(*level, &[0, high, low, 0xAB]);
            sim.pump();
            sim.run(PACKET);
        }
        number
    };
    // The noise of the room is learnt; 4 dB above it is not voice yet.
    let noise = talk(&mut sim, &[58; 300]);
    let before = sim.heard(1, 0).len();
    let soft = talk(&mut sim, &[54, 54]);
    assert_eq!(sim.heard(1, 0).len(), before, "nobody knows yet what it becomes");
    let loud = talk(&mut sim, &[30; 20]);
    let heard = sim.heard(1, 0);
    assert_eq!(heard[before..], (noise + 1..=loud).collect::<Vec<_>>(), "{soft} and what follows");
    talk(&mut sim, &[58; 200]);
    let again = talk(&mut sim, &[58, 54, 54, 54, 54, 54, 54]);
    let before = sim.heard(1, 0).len();
    let loud = talk(&mut sim, &[30; 20]);
    assert_eq!(sim.heard(1, 0)[before..], (again - 3..=loud).collect::<Vec<_>>(), "80 ms at most");
    sim.run(PACKET);
    for packets in by_slot(&sim.clients[1]).values() {
        assert_continuous(packets);
    }
}

#[test]
fn a_sound_from_silence_brings_nothing_before_it() {
    let mut sim = Sim::new(1);
    sim.join_all(2);
    let mut number = 0u16;
    for (level, count) in [(80, 200), (30, 20), (80, 100), (30, 5)] {
        for _ in 0..count {
            number += 1;
            let [high, low] = number.to_be_bytes();
            sim.clients[0].send_audio(level, &[0, high, low, 0xAB]);
            sim.pump();
            sim.run(PACKET);
        }
    }
    let heard = sim.heard(1, 0);
    assert_eq!(heard[0], 201, "none of the silence before");
    assert_eq!(heard[heard.len() - 5..], [321, 322, 323, 324, 325]);
    assert!(!heard.contains(&320));
}
