//! Ten thousand joins and leaves, after which everything is as it was. A test binary of its own: it counts what the whole
//! process allocates.

use std::alloc::System;

use hubbub_sfu::bench::{Left, Soak};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Joins until there are as many as there ever are of those who vanished and are not given up yet; and some more, since tables are as
/// large as chance has had them be.
const FIRST: [u64; 2] = [5_000, 2_500];
const REST: u64 = 5_000;
/// Tables keep the room they once needed; a trace of every peer would be more than this, which is 32 bytes a peer.
const GROWTH_MAX: usize = 160 * 1000;

/// Bytes allocated and not freed, by the worker and by the clients of the simulation.
fn held() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}

#[test]
fn ten_thousand_come_and_go_and_leave_nothing_behind() {
    let nothing = Left { forgotten: true, timers: 0, tcp: 0, connected: 0 };
    let mut soak = Soak::new(1);
    assert_eq!(soak.left().timers, 0);
    let mut before = 0;
    for joins in FIRST {
        soak.run(joins);
        assert_eq!(soak.left(), nothing, "after the first of them");
        before = held().max(before);
    }
    soak.run(REST);
    assert_eq!(soak.left(), nothing, "after all of them");
    let after = held();
    let soaked = soak.soaked();
    println!("{soaked:?}, {before} bytes, then {after}");
    assert!(after <= before + GROWTH_MAX, "{before} bytes, and after {REST} peers more {after}");
    assert!(soaked.connected > 1_000 && soaked.migrations > 100 && soaked.lost > 300, "{soaked:?}");
    assert!(soaked.rtp_in > 500 && soaked.rtp_out > soaked.rtp_in, "{soaked:?}");
}
