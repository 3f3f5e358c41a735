//! The cost of forwarding: decrypt, decide, rewrite, encrypt. Numbers are a call's packets out a second on one core,
//! without the kernel's part.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hubbub_sfu::bench::PacketPath;

fn fan_out(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fan_out");
    for (speakers, listeners) in [(3, 10), (3, 300)] {
        let mut path = PacketPath::new(speakers, listeners);
        let packets = path.step();
        assert_eq!(packets, speakers * (listeners - 1));
        group.throughput(Throughput::Elements(packets as u64));
        let name = BenchmarkId::from_parameter(format!("{speakers}x{listeners}"));
        group.bench_function(name, |bencher| bencher.iter(|| path.step()));
    }
    group.finish();
}

/// Rooms of two, so many packets a turn as a socket gives. `cold`: between turns other memory is used, as the kernel does between a peer's packets; with
/// few rooms and without that, everything is in the core's cache.
fn rooms_of_two(criterion: &mut Criterion) {
    const TURN: usize = 32;
    let mut group = criterion.benchmark_group("rooms_of_two");
    group.sample_size(20);
    for (rooms, cold) in [(10, false), (500, false), (500, true)] {
        let mut path = PacketPath::pairs(rooms);
        let mut others = Others::new();
        group.throughput(Throughput::Elements(2 * rooms as u64));
        let name = format!("{rooms}{}", if cold { "/cold" } else { "" });
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                let turns = |_| {
                    let mut spoken = path.speak(Duration::from_micros(1));
                    let (packets, took) = path.in_turns(&mut spoken, TURN, || others.work(cold));
                    assert_eq!(packets, 2 * rooms);
                    took
                };
                (0..times).map(turns).sum()
            });
        });
    }
    group.finish();
}

/// Whoever else uses the caches.
struct Others {
    memory: Vec<u64>,
    at: u64,
}

impl Others {
    /// More than the second cache of any core has, which is what a worker shares with nobody but the kernel.
    fn new() -> Self {
        Self { memory: vec![1; 1 << 20], at: 1 }
    }

    fn work(&mut self, cold: bool) {
        for _ in 0..if cold { 50_000 } else { 0 } {
            // Steps that a processor does not guess (G. Marsaglia, "Xorshift RNGs", 2003).
            self.at ^= self.at << 13;
            self.at ^= self.at >> 7;
            self.at ^= self.at << 17;
            let len = self.memory.len() as u64;
            self.memory[usize::try_from(self.at % len).expect("an index")] += 1;
        }
    }
}

criterion_group!(benches, fan_out, rooms_of_two);
criterion_main!(benches);
