//! Redundancy and retransmission.

use super::*;
use crate::rtp::red::Red;
use crate::rtp::rtcp;
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

/// A call of a speaker and a listener who are far apart and lose packets, from now on.
fn rough(seed: u64, options: &ClientOptions) -> Sim {
    let mut sim = Sim::new(seed);
    sim.join(1, options.clone());
    sim.join(1, options.clone());
    assert!(sim.run_until(SECOND, |sim| sim.connected() == 2));
    let network = Impairment { loss: 0.05, repeated: 0.0, delay: 50 * MILLISECOND, jitter: 10 * MILLISECOND };
    (sim.uplink, sim.downlink) = (network, network);
    sim
}

const MILLISECOND: Duration = Duration::from_millis(1);
/// How long the listener's jitter buffer holds what comes, after the packet with the shortest way.
const PLAYOUT: Duration = Duration::from_millis(200);

/// How many of 1000 packets did not come in time to be played.
fn missed(seed: u64, options: &ClientOptions) -> usize {
    let mut sim = rough(seed, options);
    let begun = sim.now;
    // The last ones are only there to show what was lost before them.
    sim.talk(&[0], 1040, 0);
    sim.run(SECOND);
    let mut arrived: HashMap<u16, Instant> = HashMap::new();
    for packet in sim.clients[1].received() {
        let red = (packet.payload_type == RED).then(|| Red::parse(&packet.payload, 111).expect("RED"));
        let blocks = red.iter().flat_map(|red| red.blocks()).map(|block| block.start..block.end);
        let primary = red.as_ref().map_or(0, |red| red.primary)..packet.payload.len();
        for range in blocks.chain([primary]) {
            let number = u16::from_be_bytes([packet.payload[range.start + 1], packet.payload[range.start + 2]]);
            arrived.entry(number).or_insert(packet.at);
        }
    }
    let sent = |number: u16| begun + PACKET * u32::from(number);
    let way = arrived.iter().map(|(number, at)| *at - sent(*number)).min().expect("some arrive");
    (20..1020).filter(|number| arrived.get(number).is_none_or(|at| *at > sent(*number) + way + PLAYOUT)).count()
}

/// The same with many networks, as a share.
fn share_missed(options: &ClientOptions) -> f64 {
    let missed: usize = (0..20).map(|seed| missed(seed, options)).sum();
    f64::from(u32::try_from(missed).expect("few")) / 20_000.0
}

#[test]
fn without_repair_a_tenth_is_missed() {
    let share = share_missed(&ClientOptions::default());
    assert!((0.08..0.12).contains(&share), "5 % lost on each way: {share}");
}

#[test]
fn retransmission_alone_keeps_the_promise() {
    let share = share_missed(&ClientOptions { nack: true, ..ClientOptions::default() });
    assert!(share < 0.01, "{share}");
}

#[test]
fn redundancy_alone_keeps_the_promise() {
    let share = share_missed(&ClientOptions { red: true, ..ClientOptions::default() });
    assert!(share < 0.01, "{share}");
}

#[test]
fn both_together_leave_next_to_nothing() {
    let share = share_missed(&ClientOptions { red: true, nack: true, ..ClientOptions::default() });
    assert!(share < 0.003, "{share}");
}

#[test]
fn what_redundancy_brings_back_reaches_those_without_it_under_its_own_number() {
    let mut sim = mixed(ClientOptions { red: true, ..ClientOptions::default() });
    sim.talk(&[0], 20, 0);
    sim.clients[0].lose_next();
    sim.talk(&[0], 21, 20);
    sim.run(SECOND);
    for listener in [2, 3] {
        assert_eq!(sim.heard(listener, 0), (0..41).collect::<Vec<_>>());
        assert_continuous(by_slot(&sim.clients[listener]).values().next().expect("heard"));
        let order: Vec<_> = sim.clients[listener].received().iter().map(|packet| packet.sequence).collect();
        assert!(order.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)), "in order");
    }
    assert_continuous(by_slot(&sim.clients[1]).values().next().expect("heard"));
    let metrics = sim.core.metrics();
    assert_eq!((metrics.red_recovered, metrics.nacks_out), (1, 0), "and is not asked for");
}

#[test]
fn a_publisher_is_asked_only_when_it_offered_to_answer() {
    for nack in [false, true] {
        let mut sim = Sim::new(1);
        sim.join(1, ClientOptions { nack, ..ClientOptions::default() });
        sim.join(1, ClientOptions::default());
        assert!(sim.run_until(SECOND, |sim| sim.connected() == 2));
        sim.talk(&[0], 20, 0);
        sim.clients[0].lose_next();
        sim.talk(&[0], 20, 20);
        sim.run(SECOND);
        let metrics = sim.core.metrics();
        let (asked, answered) = if nack { (1, 1) } else { (0, 0) };
        assert_eq!((metrics.nacks_out, metrics.nacks_answered), (asked, answered));
        let expected = (0..40).filter(|number| nack || *number != 20).collect::<Vec<_>>();
        assert_eq!(sim.heard(1, 0), expected, "in its place");
        let packets = sim.clients[1].received();
        let span = packets.iter().map(|packet| packet.sequence.wrapping_sub(packets[0].sequence)).max();
        assert_eq!(span, Some(39), "a number each, the lost one's too");
        assert_eq!(sim.clients[0].received_rtcp().iter().any(|rtcp| rtcp.windows(2).any(|w| w == [0x81, 205])), nack);
    }
}

/// A call of two speakers and a listener who may ask, after some talking; with what the listener's slots sent.
fn asking() -> (Sim, Vec<Received>) {
    let mut sim = Sim::new(1);
    for _ in 0..3 {
        sim.join(1, ClientOptions { nack: true, ..ClientOptions::default() });
    }
    assert!(sim.run_until(SECOND, |sim| sim.connected() == 3));
    sim.delivered = Some(Vec::new());
    sim.talk(&[0, 1], 30, 0);
    sim.run(SECOND / 10);
    let received = sim.clients[2].received().to_vec();
    (sim, received)
}

/// Lets a client ask for packets.
fn ask(sim: &mut Sim, client: usize, ssrc: u32, sequences: &[u16]) {
    let compound = rtcp::nack(1, "client", ssrc, sequences).expect("RTCP");
    sim.clients[client].send_rtcp(&compound);
    sim.pump();
    sim.run(20 * MILLISECOND);
}

#[test]
fn a_packet_sent_again_is_the_same_to_the_bit() {
    let (mut sim, received) = asking();
    let to = Sim::address(2);
    let of_listener = |sim: &Sim| -> Vec<Vec<u8>> {
        let all = sim.delivered.iter().flatten();
        all.filter(|(address, bytes)| *address == to && !(192..=223).contains(&bytes[1]))
            .map(|(_, b)| b.clone())
            .collect()
    };
    let first = of_listener(&sim);
    assert_eq!(first.len(), 60);
    for packet in &received {
        ask(&mut sim, 2, packet.ssrc, &[packet.sequence]);
    }
    let again = of_listener(&sim).split_off(first.len());
    assert_eq!(again.len(), 60);
    assert!(again.iter().all(|packet| first.contains(packet)), "one key stream must never cover two texts");
    assert_eq!(sim.core.metrics().retransmitted, 60);
}

#[test]
fn asking_cannot_make_more_of_less() {
    let (mut sim, received) = asking();
    let sequences = |ssrc: u32| -> Vec<u16> {
        received.iter().filter(|packet| packet.ssrc == ssrc).map(|packet| packet.sequence).collect()
    };
    for _ in 0..10 {
        let ssrc = received[0].ssrc;
        ask(&mut sim, 2, ssrc, &sequences(ssrc)[..2]);
        sim.run(SECOND / 10);
    }
    assert_eq!(sim.core.metrics().retransmitted, 6, "each three times at most");
    let other = received.iter().map(|packet| packet.ssrc).find(|ssrc| *ssrc != received[0].ssrc).expect("two speak");
    for _ in 0..20 {
        ask(&mut sim, 2, other, &sequences(other));
    }
    let metrics = sim.core.metrics();
    assert!((50..=80).contains(&metrics.retransmitted), "a second's worth, not 600: {}", metrics.retransmitted);
    assert_eq!(metrics.nacks_in, 20 + 600);
}

#[test]
fn asking_for_thousands_is_looked_at_for_a_thousand_a_second() {
    let (mut sim, received) = asking();
    let of = |ssrc: u32| received.iter().filter(move |packet| packet.ssrc == ssrc).map(|packet| packet.sequence);
    let first = of(received[0].ssrc).next().expect("a packet");
    let all: Vec<u16> = (0..4_000).map(|before| first.wrapping_sub(before)).rev().collect();
    let flood = rtcp::nack(1, "client", received[0].ssrc, &all).expect("RTCP");
    for _ in 0..10 {
        sim.clients[2].send_rtcp(&flood);
    }
    sim.pump();
    sim.run(20 * MILLISECOND);
    let asked = sim.core.metrics().nacks_in;
    assert!((1_000..1_100).contains(&asked), "{asked} of {} were looked at", 10 * all.len());
    assert!(sim.core.metrics().retransmitted <= 80);
    sim.run(2 * SECOND);
    let again = of(received[0].ssrc).next_back().expect("a packet");
    ask(&mut sim, 2, received[0].ssrc, &[again]);
    assert_eq!(sim.core.metrics().nacks_in, asked + 1, "who has calmed down is heard again");
}

#[test]
fn what_is_not_there_is_not_sent() {
    let (mut sim, received) = asking();
    let packet = &received[0];
    ask(&mut sim, 2, packet.ssrc, &[packet.sequence.wrapping_sub(1), packet.sequence.wrapping_add(2000)]);
    ask(&mut sim, 2, 12_345, &[packet.sequence]);
    ask(&mut sim, 1, packet.ssrc, &[packet.sequence]);
    assert_eq!(sim.core.metrics().retransmitted, 0, "unknown numbers, unknown sources, others' slots");
    let mut silent = Sim::new(1);
    silent.join_all(2);
    silent.talk(&[0], 10, 0);
    let packet = silent.clients[1].received()[0].clone();
    ask(&mut silent, 1, packet.ssrc, &[packet.sequence]);
    assert_eq!(silent.core.metrics().retransmitted, 0, "it was not negotiated");
}

#[test]
fn the_network_is_measured() {
    let mut sim = rough(7, &ClientOptions { nack: true, ..ClientOptions::default() });
    sim.talk(&[0], 500, 0);
    sim.uplink.loss = 0.0;
    let from_server = sim.clients[1].received_rtcp().iter().find(|rtcp| rtcp[1] == 200).expect("a report").clone();
    let came = sim.clients[1].received_rtcp_at(&from_server);
    for (highest, lost, wait) in [(100u8, 5, 0), (250, 13, 3100), (255, 23, 100)] {
        sim.run(wait * MILLISECOND);
        let mut report = vec![0x81, 201, 0, 7, 0, 0, 0, 1];
        report.extend(&from_server[4..8]);
        report.extend([13, 0, 0, lost, 0, 0, 0, highest, 0, 0, 0x01, 0xE0]);
        report.extend(&from_server[10..14]);
        let waited = (sim.now - came).as_micros() * 65_536 / 1_000_000;
        report.extend(u32::try_from(waited).expect("short").to_be_bytes());
        sim.clients[1].send_rtcp(&report);
        sim.pump();
    }
    sim.run(SECOND);
    let quality = sim.core.metrics().quality;
    assert_eq!(quality.round_trip.buckets[4], 3, "100 to 120 ms there and back");
    assert_eq!((quality.downlink.jitter.buckets[2], quality.downlink.jitter.sum), (1, 10_000), "480 units are 10 ms");
    assert_eq!((quality.downlink.loss.buckets[5], quality.downlink.loss.sum), (1, 53_333), "8 of 150");
    assert!(quality.uplink.jitter.sum > 0);
}

#[test]
fn sender_reports_keep_to_the_servers_clock_whoever_speaks() {
    let mut sim = Sim::new(1);
    for _ in 0..3 {
        sim.join(1, ClientOptions { slots: 1, ..ClientOptions::default() });
    }
    assert!(sim.run_until(SECOND, |sim| sim.connected() == 3));
    for round in 0..6 {
        sim.talk(&[round % 2], 120, 0);
        sim.run(Duration::from_millis(700));
    }
    let client = &sim.clients[2];
    let word = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().expect("four"));
    let mut reports = Vec::new();
    for rtcp in client.received_rtcp().iter().filter(|rtcp| rtcp[1] == 200) {
        let ntp = f64::from(word(&rtcp[8..12])) + f64::from(word(&rtcp[12..16])) / 4_294_967_296.0;
        reports.push((ntp, word(&rtcp[16..20]), client.received_rtcp_at(rtcp)));
    }
    assert!(reports.len() >= 4, "{} reports over five changes of the speaker", reports.len());
    for (ntp, timestamp, at) in &reports {
        let (first, ..) = reports[0];
        let wall = (*at - reports[0].2).as_secs_f64();
        assert!((ntp - first - wall).abs() < 0.01, "the wall clock's time of sending");
        let media = f64::from(timestamp.wrapping_sub(reports[0].1).cast_signed()) / 48_000.0;
        assert!((media - wall).abs() < 0.025, "the timestamp of that time: {media} s after {wall} s");
    }
}

/// A sender report in a compound (RFC 3550, section 6.4.1).
struct SenderReport {
    ssrc: u32,
    /// In seconds.
    ntp: f64,
    timestamp: u32,
    at: Instant,
}

/// All sender reports that a client received, slot by slot.
fn sender_reports(client: &TestClient) -> HashMap<u32, Vec<SenderReport>> {
    let mut slots: HashMap<u32, Vec<SenderReport>> = HashMap::new();
    for compound in client.received_rtcp() {
        let at = client.received_rtcp_at(compound);
        let mut rest = compound.as_slice();
        while let [_, kind, high, low, ..] = *rest {
            let (packet, later) = rest.split_at(4 * (1 + usize::from(u16::from_be_bytes([high, low]))));
            rest = later;
            if kind != 200 {
                continue;
            }
            let word = |at: usize| u32::from_be_bytes(packet[at..at + 4].try_into().expect("four"));
            let ntp = f64::from(word(8)) + f64::from(word(12)) / 4_294_967_296.0;
            let report = SenderReport { ssrc: word(4), ntp, timestamp: word(16), at };
            slots.entry(report.ssrc).or_default().push(report);
        }
    }
    slots
}

#[test]
fn each_slots_sender_reports_are_by_the_clock_of_who_is_heard_in_it() {
    // One speaker is on the listener's worker, the other one is not.
    let mut sim = Sim::of(2, 1, |_| {});
    for (worker, slots) in [(0, 1), (1, 1), (0, 2)] {
        sim.join_on(worker, 1, ClientOptions { slots, ..ClientOptions::default() });
    }
    assert!(sim.run_until(SECOND, |sim| sim.connected() == 3));
    sim.talk(&[0, 1], 350, 0);
    // One speaker's clock leaps by two seconds, and its slot's clock with it.
    sim.clients[1].skip_numbers(100);
    sim.talk(&[0, 1], 350, 350);
    let client = &sim.clients[2];
    let (heard, reports) = (by_slot(client), sender_reports(client));
    assert_eq!((heard.len(), reports.len()), (2, 2), "both slots are in use, and reported on");
    let mut leaps = Vec::new();
    for (slot, reports) in &reports {
        assert!(reports.len() >= 3, "{} reports in 14 seconds", reports.len());
        let mut offsets = Vec::new();
        for report in reports {
            // What came last in this slot says which timestamp belongs to which moment.
            let packet = heard[slot].iter().rev().find(|packet| packet.at <= report.at).expect("heard before");
            let wall = (report.at - packet.at).as_secs_f64();
            let media = f64::from(report.timestamp.wrapping_sub(packet.timestamp).cast_signed()) / 48_000.0;
            assert!((media - wall).abs() < 0.005, "{media} s after the packet that came {wall} s before");
            // How far the slot's clock is from the wall clock, but for a constant of its own.
            let since = report.ntp - reports[0].ntp;
            let clock = f64::from(report.timestamp.wrapping_sub(reports[0].timestamp).cast_signed()) / 48_000.0;
            offsets.push(clock - since);
        }
        leaps.push((offsets[offsets.len() - 1] * 10.0).round() / 10.0);
    }
    leaps.sort_by(f64::total_cmp);
    assert_eq!(leaps, [0.0, 2.0], "only the clock of the slot whose speaker's clock leapt");
}

#[test]
fn what_was_left_out_does_not_come_in_by_redundancy() {
    let mut sim = mixed(ClientOptions { red: true, ..ClientOptions::default() });
    let grant = |sim: &mut Sim, speak| {
        sim.order(Command::SetGrants { peer: Sim::peer(0), grants: Grants { speak, hear: true, hear_own: false } });
    };
    sim.talk(&[0], 20, 0);
    sim.run(SECOND);
    grant(&mut sim, false);
    sim.talk(&[0], 20, 20);
    sim.run(SECOND);
    grant(&mut sim, true);
    // Of a lost packet nobody knows whether it was spoken with the grant.
    sim.clients[0].lose_next();
    sim.talk(&[0], 20, 40);
    sim.run(SECOND);
    for listener in 1..4 {
        let muted =
            |packet: &Received| packet.payload.windows(2).any(|pair| pair[0] == 0 && (20..=40).contains(&pair[1]));
        assert!(!sim.clients[listener].received().iter().any(muted), "listener {listener}");
        assert_eq!(sim.clients[listener].received().len(), 39);
    }
    let whole = sim.clients[1].received().iter().filter(|packet| packet.payload_type == RED).count();
    assert_eq!(whole, 38, "only the first packet with the grant went without redundancy");
}
