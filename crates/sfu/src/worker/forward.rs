//! Forwarding in two steps: packets that are accepted wait for the end of the worker's turn, and then every listener gets all of
//! its packets at once. Nobody waits for a packet that has not come yet; what came together goes out together.
//!
//! The second step touches each listener's state once, however many speak, and lays packets of one listener side by side
//! and equally long, so that the system takes them in one piece (UDP GSO).

use std::ops::Range;
use std::time::Instant;

use super::connection::{Connection, Slot};
use super::core::WorkerCore;
use crate::call::{Ear, MemberKey};
use crate::metrics::{DropReason, WorkerMetrics};
use crate::rtp::cache::Kept;
use crate::rtp::history::SentPacket;
use crate::rtp::packet::{FIXED_HEADER, OutHeader};
use crate::rtp::slot::Incoming;
use crate::transport::{Outbox, Path, Protocol};

/// Copies that wait at most, 12 bytes each: with the payloads few enough to stay in a core's cache.
const COPIES_MAX: usize = 8192;

/// The most padding a packet gets to be as long as another one of the same send. A packet by itself costs the system about
/// 1 µs more, and every byte of padding a byte of the listener's bandwidth; Opus at one bit rate varies by less than this.
const PADDING_MAX: usize = 48;

/// Segments of one send: half of what every kernel with GSO takes.
const SEGMENTS_MAX: usize = 32;

/// Payloads up to this may be segments: with all headers they fit every path that WebRTC works on. Longer ones go alone, because
/// the system refuses a segment that would have to be fragmented.
const SEGMENT_PAYLOAD_MAX: usize = 1100;

/// Where packets have many listeners, so many are served between two looks at what has come: the next packet to the same ones goes
/// out together with the one that waits for them. A system call for 64 addresses costs no more for each than a longer one.
const PORTION: usize = 64;

/// Listeners a packet has at least where it is worth looking.
const MANY: usize = 8;

/// A publisher's packet that is to be heard: authentic, selected, with a place in its stream.
#[derive(Clone, Debug)]
pub(super) struct Packet<'a> {
    /// The call as this worker knows it.
    pub(super) call: usize,
    /// The publisher in that call.
    pub(super) publisher: MemberKey,
    pub(super) incoming: Incoming,
    /// Without header, extension and padding.
    pub(super) payload: &'a [u8],
}

/// An accepted packet.
#[derive(Clone, Debug)]
struct Accepted {
    at: Instant,
    incoming: Incoming,
    payload: Range<usize>,
}

/// One copy of an accepted packet, in the list of its listener.
#[derive(Clone, Copy, Debug)]
struct Copy {
    /// Or [`NONE`]: the slot changes hands here.
    packet: u32,
    /// The listener's next one.
    next: u32,
    slot: u8,
}

/// The ends of a listener's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Queue {
    first: u32,
    last: u32,
}

const NONE: u32 = u32::MAX;
const EMPTY: Queue = Queue { first: NONE, last: NONE };

/// A packet of the listener that is being written.
#[derive(Clone, Debug)]
struct Ready {
    header: OutHeader,
    slot: u8,
    payload: Range<usize>,
}

/// What waits for the end of the turn. All memory is used again.
#[derive(Debug, Default)]
pub(super) struct Batch {
    payloads: Vec<u8>,
    packets: Vec<Accepted>,
    copies: Vec<Copy>,
    /// A list a listener, by its key in the worker.
    queues: Vec<Queue>,
    /// Listeners whose list is not empty, in the order of their first packet.
    waiting: Vec<usize>,
    /// How many of them have been served.
    served: usize,
    ready: Vec<Ready>,
}

impl Batch {
    pub(super) fn accept(&mut self, now: Instant, incoming: Incoming, payload: &[u8], ears: &[Ear]) {
        let start = self.payloads.len();
        self.payloads.extend_from_slice(payload);
        let packet = index(self.packets.len());
        self.packets.push(Accepted { at: now, incoming, payload: start..self.payloads.len() });
        for ear in ears {
            if ear.listener >= self.queues.len() {
                self.queues.resize(ear.listener + 1, EMPTY);
            }
            let copy = index(self.copies.len());
            let queue = &mut self.queues[ear.listener];
            match self.copies.get_mut(queue.last as usize) {
                Some(last) => last.next = copy,
                None => {
                    queue.first = copy;
                    self.waiting.push(ear.listener);
                }
            }
            queue.last = copy;
            self.copies.push(Copy { packet, next: NONE, slot: ear.slot });
        }
    }

    /// Notes that a listener's slot changes hands behind what waits for the listener; `false` when nothing does.
    pub(super) fn untune(&mut self, listener: usize, slot: u8) -> bool {
        let copy = index(self.copies.len());
        let Some(queue) = self.queues.get_mut(listener) else { return false };
        let Some(last) = self.copies.get_mut(queue.last as usize) else { return false };
        last.next = copy;
        queue.last = copy;
        self.copies.push(Copy { packet: NONE, next: NONE, slot });
        true
    }

    /// The next listeners, at most so many, when as many (or none) have been served since the last ones.
    pub(super) fn next_listeners(&self, count: usize) -> Option<&[usize]> {
        let rest = self.waiting.get(self.served..)?;
        self.served.is_multiple_of(count).then(|| &rest[..rest.len().min(count)])
    }

    /// The slots of the packets that wait for a listener.
    pub(super) fn waiting_slots(&self, listener: usize) -> impl Iterator<Item = u8> {
        let first = self.queues.get(listener).map_or(NONE, |queue| queue.first);
        let copy = |at: u32| self.copies.get(at as usize);
        std::iter::successors(copy(first), move |before| copy(before.next)).map(|copy| copy.slot)
    }

    fn is_full(&self) -> bool {
        self.copies.len() >= COPIES_MAX
    }

    /// Whether the packets have many listeners each.
    fn has_many_listeners(&self) -> bool {
        self.copies.len() >= MANY * self.packets.len()
    }

    /// The next listener and where its list begins; the list is empty from now on. `None` when all are served and forgotten.
    fn take_listener(&mut self) -> Option<(usize, u32)> {
        let Some(listener) = self.waiting.get(self.served).copied() else {
            self.payloads.clear();
            self.packets.clear();
            self.copies.clear();
            self.waiting.clear();
            self.served = 0;
            return None;
        };
        self.served += 1;
        let queue = std::mem::replace(&mut self.queues[listener], EMPTY);
        Some((listener, queue.first))
    }

    /// Leaves a listener's packets out; its slots change hands all the same.
    fn skip(&self, mut next: u32, slots: &mut [Slot]) {
        while let Some(copy) = self.copies.get(next as usize) {
            next = copy.next;
            if let Some(slot) = slots.get_mut(usize::from(copy.slot)).filter(|_| copy.packet == NONE) {
                slot.rewriter.untune();
            }
        }
    }

    /// Puts headers before a listener's packets, in the order they were accepted. Those whose place in the slot is gone are left out.
    fn make_ready(&mut self, mut next: u32, slots: &mut [Slot], metrics: &mut WorkerMetrics) {
        self.ready.clear();
        while let Some(copy) = self.copies.get(next as usize) {
            next = copy.next;
            let Some(slot) = slots.get_mut(usize::from(copy.slot)) else { continue };
            let Some(Accepted { at, incoming, payload }) = self.packets.get(copy.packet as usize) else {
                slot.rewriter.untune();
                continue;
            };
            let (payload_type, start) = slot.formats.take(incoming.audio);
            match slot.rewriter.rewrite(*at, incoming, payload_type) {
                Some(header) => {
                    metrics.red_stripped += u64::from(start > 0);
                    self.ready.push(Ready { header, slot: copy.slot, payload: payload.start + start..payload.end });
                }
                None => metrics.drop(DropReason::TooLate),
            }
        }
    }

    /// Writes what is ready.
    fn write(
        &mut self,
        path: Path,
        connection: &mut Connection,
        segments: bool,
        outbox: &mut Outbox,
        metrics: &mut WorkerMetrics,
    ) {
        let mut rest = self.ready.as_mut_slice();
        while !rest.is_empty() {
            let most = if segments { SEGMENTS_MAX } else { 1 };
            let (count, longest) = group(rest.iter().map(|ready| ready.payload.len()), most);
            let (group, later) = rest.split_at_mut(count);
            rest = later;
            let last = group.len() - 1;
            let overhead = FIXED_HEADER + connection.transport.rtp_overhead();
            outbox.append(path, longest + overhead, |out| {
                for (number, Ready { header, slot, payload }) in group.iter_mut().enumerate() {
                    header.padding = if number == last { 0 } else { padding(longest - payload.len()) };
                    if connection.transport.protect_rtp(*header, &self.payloads[payload.clone()], out).is_err() {
                        continue;
                    }
                    metrics.rtp_out += 1;
                    if let Some(slot) = connection.slots.get_mut(usize::from(*slot)) {
                        slot.sent.on_packet(payload.len());
                        connection.feedback.sent.on_packet(payload.len());
                        let OutHeader { marker, payload_type, padding, .. } = *header;
                        slot.history.note(header.index(), SentPacket { marker, payload_type, padding });
                    }
                }
            });
        }
    }
}

impl WorkerCore {
    /// Accepts a packet for everybody who hears its publisher now. It is sent by [`Self::flush`].
    pub(super) fn forward(&mut self, now: Instant, packet: &Packet<'_>) {
        let Some((call, _)) = self.calls.get(packet.call) else { return };
        let Incoming { stream, number, timestamp, audio, .. } = packet.incoming;
        self.caches.insert(now, stream, number, Kept { timestamp, audio }, packet.payload);
        self.batch.accept(now, packet.incoming, packet.payload, call.ears(packet.publisher));
    }

    /// Whether so much waits that it should not wait for the end of the turn.
    pub(crate) fn must_flush(&self) -> bool {
        self.batch.is_full() || self.outbox.is_full()
    }

    /// Writes packets that wait into the outbox, listener by listener, until it is full or a portion of many listeners is served;
    /// `true` when more wait. To be called at the end of every turn, and again after sending until nothing waits.
    pub(crate) fn flush(&mut self) -> bool {
        let portion = if self.batch.has_many_listeners() { PORTION } else { usize::MAX };
        let end = self.batch.served.saturating_add(portion);
        while !self.outbox.is_full() && self.batch.served < end {
            if !self.flush_one() {
                return false;
            }
        }
        self.batch.served < self.batch.waiting.len()
    }

    /// Writes all packets that wait, because listeners are about to change. Whoever can send flushes before that, so that the outbox
    /// need not hold all.
    pub(crate) fn flush_all(&mut self) {
        while self.flush_one() {}
    }

    /// Serves a listener; `false` when nobody waits.
    fn flush_one(&mut self) -> bool {
        self.listen_ahead();
        let Some((listener, first)) = self.batch.take_listener() else { return false };
        let connection = self.peers.get_mut(listener).and_then(|peer| peer.connection.as_mut());
        let Some(connection) = connection else { return true };
        let Some(path) = connection.transport.selected() else {
            self.batch.skip(first, &mut connection.slots);
            return true;
        };
        let segments = self.segments && path.protocol == Protocol::Udp;
        self.batch.make_ready(first, &mut connection.slots, &mut self.metrics);
        self.batch.write(path, connection, segments, &mut self.outbox, &mut self.metrics);
        true
    }
}

/// How many packets, from the first, go into one send, and the longest one's payload. All but the last are as long as that one or
/// get padding, the last may be shorter.
fn group(payloads: impl Iterator<Item = usize>, most: usize) -> (usize, usize) {
    let (mut count, mut shortest, mut longest) = (0, usize::MAX, 0);
    for payload in payloads.take(most) {
        let longest_then = payload.max(longest);
        if count > 0 && (longest_then > SEGMENT_PAYLOAD_MAX || longest_then - shortest > PADDING_MAX) {
            break;
        }
        count += 1;
        shortest = shortest.min(payload);
        longest = longest_then;
    }
    (count, longest)
}

#[expect(clippy::cast_possible_truncation, reason = "at most PADDING_MAX")]
const fn padding(bytes: usize) -> u8 {
    bytes as u8
}

#[expect(clippy::cast_possible_truncation, reason = "a batch ends long before")]
const fn index(len: usize) -> u32 {
    len as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rtp::payload::Audio;
    use crate::rtp::slot::SlotRewriter;
    use crate::sdp::Offer;
    use crate::test_client::{ClientOptions, TestClient};

    fn groups(payloads: &[usize]) -> Vec<(usize, usize)> {
        let mut groups = Vec::new();
        let mut rest = payloads;
        while !rest.is_empty() {
            let (count, longest) = group(rest.iter().copied(), SEGMENTS_MAX);
            groups.push((count, longest));
            rest = &rest[count..];
        }
        groups
    }

    #[test]
    fn packets_of_about_the_same_length_go_together() {
        assert_eq!(groups(&[80, 80, 80]), [(3, 80)]);
        assert_eq!(groups(&[80, 90, 70]), [(3, 90)]);
        assert_eq!(groups(&[80, 100, 3]), [(3, 100)], "the last one needs no padding");
        assert_eq!(groups(&[3, 80, 100]), [(1, 3), (2, 100)], "too much padding");
        assert_eq!(groups(&[80, 3, 80]), [(2, 80), (1, 80)], "only the last one may be shorter");
        assert_eq!(groups(&[1101, 1101, 80, 90]), [(1, 1101), (1, 1101), (2, 90)], "too long for segments");
        assert_eq!(groups(&[80; 70]), [(32, 80), (32, 80), (6, 80)]);
    }

    /// Whether the packets that wait for listener 5 go out with a marker, the slot's stream being a new one.
    fn markers(batch: &mut Batch, slots: &mut [Slot]) -> Vec<bool> {
        let (listener, first) = batch.take_listener().expect("it waits");
        assert_eq!(listener, 5);
        batch.make_ready(first, slots, &mut WorkerMetrics::default());
        assert_eq!(batch.take_listener(), None);
        batch.ready.iter().map(|ready| ready.header.marker).collect()
    }

    #[test]
    fn who_is_served_next_is_told_so_many_at_a_time_with_the_slots_in_which_something_waits() {
        let audio = Audio { codec: 111, primary: 0 };
        let incoming = Incoming { stream: 1, number: 1, timestamp: 0, marker: false, audio };
        let mut batch = Batch::default();
        assert_eq!(batch.next_listeners(2), Some(&[][..]));
        batch.accept(Instant::now(), incoming, &[0xAB], &[Ear::of(5, 0), Ear::of(7, 3), Ear::of(1, 1)]);
        batch.accept(Instant::now(), incoming, &[0xAB], &[Ear::of(7, 2)]);
        let waiting = |listener| batch.waiting_slots(listener).collect::<Vec<_>>();
        assert_eq!([0, 1, 5, 6, 7, 8].map(waiting), [vec![], vec![1], vec![0], vec![], vec![3, 2], vec![]]);
        let mut told = Vec::new();
        for _ in 0..3 {
            told.push(batch.next_listeners(2).map(<[usize]>::to_vec));
            assert!(batch.take_listener().is_some());
        }
        assert_eq!(told, [Some(vec![5, 7]), None, Some(vec![1])]);
    }

    #[test]
    fn many_listeners_are_eight_a_packet() {
        let audio = Audio { codec: 111, primary: 0 };
        let incoming = Incoming { stream: 1, number: 1, timestamp: 0, marker: false, audio };
        let ears: Vec<Ear> = (0..10).map(|listener| Ear::of(listener, 0)).collect();
        let mut batch = Batch::default();
        for (listeners, many) in [(7, false), (9, true), (7, false), (10, true)] {
            batch.accept(Instant::now(), incoming, &[0xAB], &ears[..listeners]);
            assert_eq!(batch.has_many_listeners(), many, "{} copies of {}", batch.copies.len(), batch.packets.len());
        }
    }

    #[test]
    fn a_slot_changes_hands_where_that_was_noted_among_the_packets() {
        let now = Instant::now();
        let offer = TestClient::new(([127, 0, 0, 1], 9).into(), ClientOptions::default()).offer();
        let offer = Offer::parse(&offer).expect("an offer");
        let mut slots = [Slot::new(offer.slots().next().expect("a slot"), SlotRewriter::new(7, 0, 0))];
        let accept = |batch: &mut Batch, number| {
            let audio = Audio { codec: 111, primary: 0 };
            let incoming = Incoming { stream: 1, number, timestamp: 0, marker: false, audio };
            batch.accept(now, incoming, &[0xAB], &[Ear::of(5, 0)]);
        };
        let mut batch = Batch::default();
        assert!(!batch.untune(5, 0), "nothing waits");
        accept(&mut batch, 1);
        accept(&mut batch, 2);
        assert!(batch.untune(5, 0));
        accept(&mut batch, 3);
        assert!(batch.untune(5, 0));
        assert_eq!(markers(&mut batch, &mut slots), [true, false, true]);
        accept(&mut batch, 4);
        accept(&mut batch, 5);
        assert_eq!(markers(&mut batch, &mut slots), [true, false], "the change behind the last packet held");

        accept(&mut batch, 6);
        assert!(batch.untune(5, 0));
        let (_, first) = batch.take_listener().expect("it waits");
        batch.skip(first, &mut slots);
        assert_eq!(batch.take_listener(), None);
        accept(&mut batch, 7);
        assert_eq!(markers(&mut batch, &mut slots), [true], "nobody could be sent to, and the slot changed hands");
    }

    proptest! {
        #[test]
        fn padding_stays_within_its_bound(payloads in proptest::collection::vec(1usize..1400, 1..100)) {
            let mut rest = payloads.as_slice();
            for (count, longest) in groups(&payloads) {
                let (group, later) = rest.split_at(count);
                prop_assert!(count <= SEGMENTS_MAX);
                prop_assert_eq!(group.iter().max(), Some(&longest));
                prop_assert!(group[..count - 1].iter().all(|payload| longest - payload <= PADDING_MAX));
                prop_assert!(count == 1 || longest <= SEGMENT_PAYLOAD_MAX);
                rest = later;
            }
        }
    }
}
