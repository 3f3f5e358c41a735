//! The cost of forwarding: decrypt, decide, rewrite, encrypt. Numbers are a call's packets out a second on one core,
//! without the kernel's part.

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

criterion_group!(benches, fan_out);
criterion_main!(benches);
