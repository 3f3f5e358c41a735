//! Fifteen thousand joins and leaves, after which everything is as it was: tables, timers and connections are empty as
//! at the very beginning, and memory is compared with what was held after the first joins, when everybody had left just
//! so. A test binary of its own: it counts what the whole process allocates.

use std::alloc::System;

use hubbub_sfu::bench::{Left, Soak};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Joins after which all leave. Each round is as long as the others, since tables keep the room that the most at a time needed.
const ROUND: u64 = 2_500;
/// Rounds with which later ones are compared.
const FIRST: u64 = 2;
const REST: u64 = 4;
/// So many handshakes are finished at least. Of those who join 60 in 100 are gone or begin anew at their next turn,
/// which comes once in 40 ms; a handshake takes 60 to 80 ms on the soak's network, or 100 and more when something of it
/// gets lost. That lets more than a third of all finish, about 5 400.
const CONNECTED_MIN: u64 = 4_000;
/// Chance moves what is held by half of this; a trace of every peer would be more, which is 16 bytes a peer.
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
    let mut round = || {
        soak.run(ROUND);
        assert_eq!(soak.left(), nothing, "everybody has left");
        held()
    };
    let before = (0..FIRST).map(|_| round()).max().unwrap_or_default();
    let after = (0..REST).map(|_| round()).last().unwrap_or_default();
    let soaked = soak.soaked();
    println!("{soaked:?}, {before} bytes, then {after}");
    assert!(after <= before + GROWTH_MAX, "{before} bytes, and after {} peers more {after}", REST * ROUND);
    assert!(soaked.connected > CONNECTED_MIN && soaked.migrations > 100 && soaked.lost > 300, "{soaked:?}");
    assert!(soaked.rtp_in > 500 && soaked.rtp_out > soaked.rtp_in, "{soaked:?}");
}
