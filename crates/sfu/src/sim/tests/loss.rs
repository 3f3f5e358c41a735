//! Redundancy and retransmission.

use super::*;
use crate::test_client::RED;

/// A call of a speaker, and listeners with and without redundant audio.
fn mixed(speaker: ClientOptions) -> Sim {
    let mut sim = Sim::new(1);
    let listener = ClientOptions { microphone: false, ..ClientOptions::default() };
    sim.join(1, speaker);
    sim.join(1, ClientOptions { red: true, ..listener.clone() });
    sim.join(1, ClientOptions { opus: 96, ..listener.clone() });
    sim.join(1, ClientOptions { red: true, opus: 96, ..listener });
    assert!(sim.run_until(SECOND, |sim| sim.connected() == 4));
    sim
}

#[test]
fn redundancy_passes_to_those_who_have_it_and_is_stripped_for_others() {
    let mut sim = mixed(ClientOptions { red: true, ..ClientOptions::default() });
    sim.talk(&[0], 50, 0);
    sim.run(SECOND);
    let redundant = sim.clients[1].received();
    assert_eq!(redundant.len(), 50);
    assert!(redundant.iter().all(|packet| packet.payload_type == RED));
    assert_eq!(redundant[0].payload, [111, 0, 0, 0, 0xAB], "nothing came before the first packet");
    assert_eq!(redundant[1].payload, [0x80 | 111, 15, 0, 4, 111, 0, 0, 0, 0xAB, 0, 0, 1, 0xAB]);
    for listener in [2, 3] {
        assert_eq!(sim.heard(listener, 0), (0..50).collect::<Vec<_>>(), "the primary blocks");
        let packets = sim.clients[listener].received();
        assert!(packets.iter().all(|packet| packet.payload_type == 96), "with the listener's number for Opus");
    }
    assert_eq!(sim.core.metrics().red_stripped, 100);
}

#[test]
fn plain_opus_is_plain_opus_for_all() {
    let mut sim = mixed(ClientOptions::default());
    sim.talk(&[0], 20, 0);
    sim.run(SECOND);
    for listener in 1..4 {
        assert_eq!(sim.heard(listener, 0).len(), 20);
    }
    assert!(sim.clients[1].received().iter().all(|packet| packet.payload_type == 111));
    assert_eq!(sim.core.metrics().red_stripped, 0);
}

#[test]
fn redundancy_that_lies_is_dropped_and_counted() {
    let mut sim = mixed(ClientOptions { red: true, ..ClientOptions::default() });
    sim.talk(&[0], 10, 0);
    let before = sim.clients[1].received().len();
    let ssrc = sim.clients[0].ssrc().to_be_bytes();
    let lies = [&[0x80 | 111, 15, 3, 255, 111, 1][..], &[111], &[0x80 | 13, 15, 0, 1, 111, 1, 1], &[0xFF; 40]];
    for (number, payload) in (0..).zip(lies) {
        let mut packet = vec![0x80, RED, 0x7F, number, 0, 0, 0, 1];
        packet.extend(ssrc);
        packet.extend_from_slice(payload);
        sim.clients[0].send_rtp(&packet);
        sim.pump();
        sim.run(PACKET);
    }
    assert_eq!(sim.dropped(DropReason::BadRed), 4);
    assert_eq!(sim.clients[1].received().len(), before);
}

#[test]
fn redundant_audio_that_was_not_negotiated_is_dropped() {
    let mut sim = mixed(ClientOptions::default());
    let mut packet = vec![0x80, RED, 0, 1, 0, 0, 0, 1];
    packet.extend(sim.clients[0].ssrc().to_be_bytes());
    packet.extend([111, 1, 2, 3]);
    sim.clients[0].send_rtp(&packet);
    sim.pump();
    sim.run(SECOND);
    assert_eq!(sim.dropped(DropReason::PayloadType), 1);
}
