//! What one media thread has counted, and how the threads' counts are put together.

use std::time::Duration;

use super::Histogram;
use super::api::PeerState;
use super::entry::Entry;

/// Of one thread, since its window began.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    pub(super) connected: usize,
    pub(super) connecting: usize,
    pub(super) lost_peers: usize,
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) lost: u64,
    pub(super) reordered: u64,
    pub(super) duplicates: u64,
    pub(super) repaired_by_nack: u64,
    pub(super) repaired_by_red: u64,
    pub(super) sent_again: u64,
    pub(super) latency: Histogram,
    pub(super) cpu: Duration,
    pub(super) send_lateness: Histogram,
    pub(super) receive_lag: Histogram,
    /// Every time of arrival came from the kernel.
    pub(super) without_timestamp: u64,
}

impl Totals {
    /// Adds a peer.
    pub(super) fn add_peer(&mut self, entry: &Entry) {
        match entry.state() {
            PeerState::Connected => self.connected += 1,
            PeerState::Connecting => self.connecting += 1,
            PeerState::Lost(_) => self.lost_peers += 1,
            PeerState::Left => {}
        }
        self.add_counters(entry);
    }

    /// Adds what a peer has sent and heard, which counts even when it is there no more.
    pub(super) fn add_counters(&mut self, entry: &Entry) {
        self.sent += entry.peer.counters.sent;
        self.sent_again += entry.peer.counters.sent_again;
        for stream in entry.peer.ears().streams() {
            self.received += stream.received;
            self.lost += stream.lost();
            self.reordered += stream.reordered;
            self.duplicates += stream.duplicates;
            self.repaired_by_nack += stream.repaired_by_nack;
            self.repaired_by_red += stream.repaired_by_red;
            self.latency.add(stream.latency());
        }
    }

    /// Adds another thread's.
    pub(super) fn add(&mut self, other: &Self) {
        self.connected += other.connected;
        self.connecting += other.connecting;
        self.lost_peers += other.lost_peers;
        self.sent += other.sent;
        self.received += other.received;
        self.lost += other.lost;
        self.reordered += other.reordered;
        self.duplicates += other.duplicates;
        self.repaired_by_nack += other.repaired_by_nack;
        self.repaired_by_red += other.repaired_by_red;
        self.sent_again += other.sent_again;
        self.latency.add(&other.latency);
        self.cpu += other.cpu;
        self.send_lateness.add(&other.send_lateness);
        self.receive_lag.add(&other.receive_lag);
        self.without_timestamp += other.without_timestamp;
    }
}

/// CPU time of the calling thread.
pub(super) fn thread_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
