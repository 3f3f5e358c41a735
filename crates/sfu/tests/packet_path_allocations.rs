//! Nothing is allocated between a packet in and its copies out. A test binary of its own: it counts what the whole process
//! allocates.

use std::alloc::System;
use std::time::Duration;

use hubbub_sfu::bench::{PacketPath, Spoken};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SPEAKERS: usize = 3;
const LISTENERS: usize = 50;
const PACKET: Duration = Duration::from_millis(20);

#[test]
fn two_hundred_packets_of_three_speakers_to_fifty_listeners_allocate_nothing() {
    allocates_nothing(PacketPath::new(SPEAKERS, LISTENERS));
    // Two workers, and what is said on each crosses to the other.
    allocates_nothing(PacketPath::over(2, SPEAKERS, LISTENERS));
}

fn allocates_nothing(mut path: PacketPath) {
    let to_all = SPEAKERS * (LISTENERS - 1);
    // Buffers grow to their size, and everybody who speaks gets a slot.
    for _ in 0..50 {
        assert_eq!(path.step_after(PACKET), to_all);
    }
    let mut spoken: Vec<Spoken> = (0..200).map(|_| path.speak(PACKET)).collect();
    let region = Region::new(ALLOCATOR);
    let forwarded: usize = spoken.iter_mut().map(|spoken| path.forward(spoken)).sum();
    let counted = region.change();
    assert_eq!(forwarded, 200 * to_all);
    assert_eq!((counted.allocations, counted.reallocations, counted.deallocations), (0, 0, 0), "{counted:?}");
    drop(spoken);
    assert!(region.change().deallocations > 200, "or nothing was counted");
}
