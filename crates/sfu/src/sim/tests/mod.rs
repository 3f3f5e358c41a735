mod attacks;
mod joining;
mod loss;
mod media;
mod moving;
mod spreading;
mod statistics;

use super::*;
use crate::event::LostReason;
use crate::metrics::DropReason;
use crate::test_client::Received;

const SECOND: Duration = Duration::from_secs(1);
const PACKET: Duration = Duration::from_millis(20);

impl Sim {
    fn dropped(&self, reason: DropReason) -> u64 {
        self.core.metrics().dropped(reason)
    }

    fn connected(&self) -> usize {
        self.events.iter().filter(|event| matches!(event, Event::Connected { .. })).count()
    }

    fn lost(&self) -> Vec<(PeerId, LostReason)> {
        let lost = |event: &Event| match event {
            Event::Lost { peer, reason } => Some((*peer, *reason)),
            _ => None,
        };
        self.events.iter().filter_map(lost).collect()
    }

    /// `count` packets from each of these clients, 20 ms apart; each carries its speaker and number.
    fn talk(&mut self, speakers: &[usize], count: u16, first: u16) {
        for number in first..first + count {
            for speaker in speakers {
                let [high, low] = number.to_be_bytes();
                self.speak(*speaker, &[u8::try_from(*speaker).expect("few"), high, low, 0xAB]);
            }
            self.run(PACKET);
        }
    }

    /// The numbers of a speaker's packets that a listener got, in order of sequence number of the slot.
    fn heard(&self, listener: usize, speaker: usize) -> Vec<u16> {
        let from = |packet: &&Received| usize::from(packet.payload[0]) == speaker;
        let mut packets: Vec<&Received> = self.clients[listener].received().iter().filter(from).collect();
        packets.sort_by_key(|packet| (packet.ssrc, packet.sequence));
        packets.iter().map(|packet| u16::from_be_bytes([packet.payload[1], packet.payload[2]])).collect()
    }
}

/// A listener's packets slot by slot, in order of arrival.
fn by_slot(client: &TestClient) -> HashMap<u32, Vec<Received>> {
    let mut slots: HashMap<u32, Vec<Received>> = HashMap::new();
    for packet in client.received() {
        slots.entry(packet.ssrc).or_default().push(packet.clone());
    }
    slots
}

/// Sequence numbers without gaps or repetition, whatever the order of arrival, and timestamps in the same order.
fn assert_continuous(packets: &[Received]) {
    let mut sorted = packets.to_vec();
    sorted.sort_by_key(|packet| packet.sequence.wrapping_sub(packets[0].sequence.wrapping_sub(1000)));
    for pair in sorted.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!((960..480_000).contains(&step), "timestamps move by {step}");
    }
}
