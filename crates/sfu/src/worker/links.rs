//! The queues between workers: one bounded ring of bytes for each ordered pair, written by one thread and read by the other.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mio::Waker;
use rtrb::{Consumer, Producer, RingBuffer};

use super::record::{RECORD_MAX, Record, RelayOutbox};
use crate::worker_set::WorkerSet;

/// Memory for all queues together at most, in bytes; a page of it is used only once records reach it.
const MEMORY: usize = 64 << 20;
/// A queue's size at most: a thousand packets or more, which is what a call's speakers send in seconds.
const QUEUE_MAX: usize = 256 << 10;
/// And at least: ten of the largest packets, a hundred usual ones.
const QUEUE_MIN: usize = 16 << 10;

/// Wakes a worker, but only once until it looks.
#[derive(Debug)]
pub(super) struct Doorbell {
    waker: Arc<Waker>,
    rung: AtomicBool,
}

impl Doorbell {
    pub(super) const fn new(waker: Arc<Waker>) -> Self {
        Self { waker, rung: AtomicBool::new(false) }
    }

    fn ring(&self) {
        // The exchange on both sides makes sure that who finds the bell rung was heard: the other side reads its queues
        // after it has taken the ringing back.
        if !self.rung.swap(true, Ordering::AcqRel) {
            // A worker that is gone needs no waking.
            let _: io::Result<()> = self.waker.wake();
        }
    }

    /// To be called before the queues are read.
    pub(super) fn answer(&self) {
        self.rung.swap(false, Ordering::AcqRel);
    }
}

/// One worker's ends of the queues. They outlive a panic of the worker's core.
#[derive(Debug)]
pub(crate) struct Links {
    outgoing: Vec<Option<Outgoing>>,
    incoming: Vec<(usize, Consumer<u8>)>,
    others: WorkerSet,
    /// To whom something was sent since they were last woken.
    waiting: WorkerSet,
    record: Vec<u8>,
}

#[derive(Debug)]
struct Outgoing {
    queue: Producer<u8>,
    /// News that did not fit: sent before anything else.
    late: VecDeque<Vec<u8>>,
}

impl Outgoing {
    /// `false` when there is no room. Packets are left out then; news waits, and packets after it wait for nothing.
    fn send(&mut self, record: &[u8]) -> bool {
        self.send_late();
        let sent = self.late.is_empty() && self.queue.push_entire_slice(record).is_ok();
        if !sent && !Record::is_packet(record) {
            self.late.push_back(record.to_vec());
            return true;
        }
        sent
    }

    fn send_late(&mut self) {
        while let Some(record) = self.late.front() {
            if self.queue.push_entire_slice(record).is_err() {
                return;
            }
            self.late.pop_front();
        }
    }
}

impl Links {
    /// The links of `workers` workers with each other, in their order.
    pub(crate) fn between(workers: usize) -> Vec<Self> {
        let pairs = workers * workers.saturating_sub(1);
        let bytes = (MEMORY / pairs.max(1)).clamp(QUEUE_MIN, QUEUE_MAX);
        Self::with_queues(workers, bytes)
    }

    pub(super) fn with_queues(workers: usize, bytes: usize) -> Vec<Self> {
        let one = |index| Self {
            outgoing: (0..workers).map(|_| None).collect(),
            incoming: Vec::with_capacity(workers),
            others: (0..workers).filter(|other| *other != index).collect(),
            waiting: WorkerSet::NONE,
            record: vec![0; RECORD_MAX],
        };
        let mut links: Vec<Self> = (0..workers).map(one).collect();
        for from in 0..workers {
            for to in (0..workers).filter(|to| *to != from) {
                let (queue, consumer) = RingBuffer::new(bytes);
                links[from].outgoing[to] = Some(Outgoing { queue, late: VecDeque::new() });
                links[to].incoming.push((from, consumer));
            }
        }
        links
    }

    /// Every other worker.
    pub(crate) const fn others(&self) -> WorkerSet {
        self.others
    }

    /// Puts what is in the outbox into the queues. Returns how many records went out and how many packets found no room.
    pub(crate) fn send(&mut self, outbox: &mut RelayOutbox) -> (u64, u64) {
        let (mut sent, mut left_out) = (0, 0);
        for (to, record) in outbox.iter() {
            for worker in to.iter() {
                let Some(Some(outgoing)) = self.outgoing.get_mut(worker) else { continue };
                self.waiting.insert(worker);
                if !outgoing.send(record) {
                    left_out += 1;
                } else if Record::is_packet(record) {
                    sent += 1;
                }
            }
        }
        outbox.clear();
        (sent, left_out)
    }

    /// Tries again with news that found no room.
    pub(super) fn send_late(&mut self) {
        for (worker, outgoing) in self.outgoing.iter_mut().enumerate() {
            if let Some(outgoing) = outgoing.as_mut().filter(|outgoing| !outgoing.late.is_empty()) {
                outgoing.send_late();
                self.waiting.insert(worker);
            }
        }
    }

    /// Wakes those to whom something was sent.
    pub(super) fn wake(&mut self, doorbells: &[Arc<Doorbell>]) {
        for worker in std::mem::take(&mut self.waiting).iter() {
            if let Some(doorbell) = doorbells.get(worker) {
                doorbell.ring();
            }
        }
    }

    /// Takes what the others had sent when this was called, one record after the other. What comes meanwhile rings again.
    pub(crate) fn receive(&mut self, mut handle: impl FnMut(usize, &[u8])) {
        for (from, queue) in &mut self.incoming {
            let mut there = queue.slots();
            while there > 0 {
                let Ok(head) = queue.read_chunk(2) else { break };
                let (first, second) = head.as_slices();
                let len = match (first, second) {
                    ([a, b], _) => Record::len([*a, *b]),
                    ([a], [b]) => Record::len([*a, *b]),
                    _ => break,
                };
                let Some(record) = self.record.get_mut(..len) else { break };
                if queue.pop_entire_slice(record).is_err() {
                    break;
                }
                there = there.saturating_sub(len);
                handle(*from, record);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Crossing, Standing};
    use crate::ids::{CallId, PeerId};
    use crate::rtp::payload::Audio;
    use crate::rtp::slot::Incoming;

    fn packet(number: u64, payload: &[u8]) -> Record<'_> {
        let standing = Standing { rank: -20.0, loudness: -20.0, words: true, voice_ms_ago: 0, listed_ms: 0 };
        let audio = Audio { codec: 111, primary: 0 };
        let incoming = Incoming { stream: 1, number, timestamp: 0, marker: false, audio };
        Record::Packet { call: CallId(1), publisher: PeerId(1), standing, incoming, payload }
    }

    fn gone(publisher: u128) -> Record<'static> {
        Record::Crossing { call: CallId(1), publisher: PeerId(publisher), crossing: Crossing::Gone }
    }

    /// What arrives, by number for packets and by publisher, negative, for news.
    fn received(links: &mut Links) -> Vec<(usize, i64)> {
        let mut records = Vec::new();
        links.receive(|from, bytes| {
            records.push((
                from,
                match Record::read(bytes).expect("a record") {
                    Record::Packet { incoming, .. } => i64::try_from(incoming.number).expect("small"),
                    Record::Crossing { publisher, .. } => -i64::try_from(publisher.0).expect("small"),
                    Record::Restarted => 0,
                },
            ));
        });
        records
    }

    #[test]
    fn each_record_reaches_whom_it_is_for_once_and_in_order() {
        let mut links = Links::between(3);
        let mut outbox = RelayOutbox::default();
        let everybody = links[0].others();
        for number in 1..=100 {
            outbox.push(if number % 2 == 0 { everybody } else { [2].into_iter().collect() }, &packet(number, &[1; 80]));
        }
        assert_eq!(links[0].send(&mut outbox), (150, 0));
        assert!(outbox.is_empty());
        outbox.push([2].into_iter().collect(), &packet(1000, &[1; 80]));
        links[1].send(&mut outbox);
        assert_eq!(received(&mut links[1]), (1..=50).map(|n| (0, 2 * n)).collect::<Vec<_>>());
        let third = received(&mut links[2]);
        assert_eq!(third[..100], (1..=100).map(|n| (0, n)).collect::<Vec<_>>());
        assert_eq!(third[100..], [(1, 1000)]);
        assert!(received(&mut links[2]).is_empty() && received(&mut links[0]).is_empty());
    }

    #[test]
    fn a_full_queue_loses_packets_and_no_news_and_keeps_the_order() {
        let mut links = Links::with_queues(2, 1000);
        let mut outbox = RelayOutbox::default();
        let other = links[0].others();
        for number in 1..=20 {
            outbox.push(other, &packet(number, &[1; 28]));
        }
        assert_eq!(links[0].send(&mut outbox), (10, 10), "of 100 bytes each");
        outbox.push(other, &gone(7));
        outbox.push(other, &packet(21, &[1; 28]));
        assert_eq!(links[0].send(&mut outbox), (0, 1), "nothing overtakes the news");
        assert_eq!(received(&mut links[1]), (1..=10).map(|n| (0, n)).collect::<Vec<_>>());
        outbox.push(other, &packet(22, &[1; 28]));
        assert_eq!(links[0].send(&mut outbox), (1, 0));
        assert_eq!(received(&mut links[1]), [(0, -7), (0, 22)]);
        for _ in 0..30 {
            outbox.push(other, &gone(8));
        }
        links[0].send(&mut outbox);
        assert_eq!(received(&mut links[1]).len(), 27);
        links[0].send_late();
        assert_eq!(received(&mut links[1]).len(), 3, "without anything new to send");
    }

    #[test]
    fn records_cross_the_end_of_the_ring() {
        let mut links = Links::with_queues(2, 331);
        let mut outbox = RelayOutbox::default();
        for number in 1..=1000 {
            let payload = vec![7; usize::try_from(number % 190).expect("small")];
            outbox.push(links[0].others(), &packet(number, &payload));
            assert_eq!(links[0].send(&mut outbox), (1, 0));
            let mut whole = false;
            links[1].receive(|_, bytes| whole = Record::read(bytes) == Some(packet(number, &payload)));
            assert!(whole, "{number}");
        }
    }

    #[test]
    fn a_worker_is_woken_once_until_it_looks() {
        let mut poll = mio::Poll::new().expect("a poll");
        let waker = Arc::new(Waker::new(poll.registry(), mio::Token(0)).expect("a waker"));
        let doorbells = [Arc::new(Doorbell::new(Arc::clone(&waker))), Arc::new(Doorbell::new(waker))];
        let mut links = Links::between(2);
        let mut outbox = RelayOutbox::default();
        let mut events = mio::Events::with_capacity(8);
        let mut woken = |links: &mut Links| {
            links.wake(&doorbells);
            poll.poll(&mut events, Some(std::time::Duration::ZERO)).expect("polled");
            events.iter().count()
        };
        assert_eq!(woken(&mut links[0]), 0, "nothing was sent");
        let mut woken_after_sending = || {
            outbox.push(links[0].others(), &packet(1, &[1; 80]));
            links[0].send(&mut outbox);
            woken(&mut links[0])
        };
        assert_eq!([woken_after_sending(), woken_after_sending()], [1, 0]);
        doorbells[1].answer();
        assert_eq!(woken_after_sending(), 1);
    }
}
