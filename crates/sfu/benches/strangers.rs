//! What a stranger's packet costs once it was received: it is dropped before anything is copied. The kernel's part comes on top.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hubbub_sfu::bench::{Strangers, strangers_datagrams};

fn strangers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("strangers");
    for (name, kind, _) in strangers_datagrams() {
        let mut strangers = Strangers::new(100, &kind);
        group.throughput(Throughput::Elements(strangers.send() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| strangers.send()));
    }
    group.finish();
}

criterion_group!(benches, strangers);
criterion_main!(benches);
