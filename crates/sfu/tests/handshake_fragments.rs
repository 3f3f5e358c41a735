//! 200 000 handshake fragments of one byte must cost next to no memory. A test binary of its own: it counts what the
//! whole process allocates. The time they cost is measured by the benchmark of the same name.

use std::alloc::System;

use hubbub_sfu::bench::HandshakeFragments;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const FRAGMENTS: usize = 200_000;
/// A peer that only attacks may hold this much.
const BYTES_MAX: usize = 1_000_000;

/// Bytes allocated and not freed. What grew or shrank in place is counted by the allocator as one of the two as well.
fn held() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}

#[test]
fn two_hundred_thousand_fragments_hold_less_than_a_megabyte() {
    let cases: [(&str, HandshakeFragments); 3] = [
        ("of a ClientHello", HandshakeFragments::of_a_hello()),
        ("behind a ClientHello, DTLS 1.2", HandshakeFragments::behind_a_hello(true)),
        ("behind a ClientHello, DTLS 1.3", HandshakeFragments::behind_a_hello(false)),
    ];
    let mut total = 0;
    for (case, mut attack) in cases {
        let before = held();
        let mut most = 0;
        attack.send(FRAGMENTS, || most = most.max(held().saturating_sub(before)));
        assert!(most <= BYTES_MAX, "{case}: {most} bytes");
        total += most;
    }
    assert!(total > 0, "an unfinished ClientHello is held, or nothing was measured");
}
