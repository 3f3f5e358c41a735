//! What a worker is told when it begins.

use super::candidates::Candidates;
use crate::transport::Identity;

/// What a worker is told once.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Which worker it is.
    pub(crate) worker: usize,
    pub(crate) identity: Identity,
    pub(crate) candidates: Candidates,
    pub(crate) max_slots: usize,
    pub(crate) max_peers: usize,
    pub(crate) max_tcp_connections: usize,
    pub(crate) max_packets_per_second: u32,
    pub(crate) max_bytes_per_second: u32,
    /// How often it began anew.
    pub(crate) life: u16,
}

impl Settings {
    /// Where the numbers of streams begin: no two workers, and no two lives of one, give a stream the same.
    pub(super) const fn first_stream(&self) -> u64 {
        (self.worker as u64) << 56 | (self.life as u64) << 40
    }
}
