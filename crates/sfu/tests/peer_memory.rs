//! What a connected peer with media costs in memory, once DTLS has done its work. A test binary of its own: it counts what the whole process
//! allocates.

use std::alloc::System;

use hubbub_sfu::bench::ConnectedPeers;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// So many that what the worker holds once counts little. Its tables, which grow by doubling, are nearly full then.
const PEERS: usize = 500;
/// A connected peer may hold this much.
const BYTES_MAX: usize = 5 * 1024;
/// What is not counted here: what the allocator adds to each piece. Measured once with mallinfo2(3).
const NOT_COUNTED: usize = 220;

/// Bytes allocated and not freed.
fn held() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}

#[test]
fn a_connected_peer_holds_less_than_5_kib() {
    let peers = ConnectedPeers::new(PEERS);
    let (count, with) = (peers.count, held());
    drop(peers);
    let each = (with - held()) / count + NOT_COUNTED;
    assert!(each <= BYTES_MAX, "{each} bytes");
    assert!(each > 2048 + NOT_COUNTED, "{each} bytes: or nothing was measured");
}
