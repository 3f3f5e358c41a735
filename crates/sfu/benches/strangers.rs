//! What a stranger's packet costs once it was received: it is dropped before anything is copied. The kernel's part comes on top.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hubbub_sfu::bench::Strangers;

fn strangers(criterion: &mut Criterion) {
    let mut check = vec![0, 1, 0, 20, 0x21, 0x12, 0xa4, 0x42];
    check.extend([7; 12]);
    check.extend([0, 6, 0, 13]);
    check.extend(b"nobody00:them");
    check.extend([0; 3]);
    let mut hello = vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 187];
    hello.resize(200, 1);
    let mut rtp = vec![0x90, 111, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7];
    rtp.resize(100, 0xAB);
    let mut group = criterion.benchmark_group("strangers");
    for (name, kind) in [("check", check), ("client_hello", hello), ("rtp", rtp), ("garbage", vec![0xFF; 40])] {
        let mut strangers = Strangers::new(100, &kind);
        group.throughput(Throughput::Elements(strangers.send() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| strangers.send()));
    }
    group.finish();
}

criterion_group!(benches, strangers);
criterion_main!(benches);
