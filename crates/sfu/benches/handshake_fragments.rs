//! What a peer with a validated address can make us spend before its handshake is done.

use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use hubbub_sfu::bench::HandshakeFragments;

const FRAGMENTS: usize = 200_000;

fn handshake_fragments(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("handshake_fragments_200k");
    group.sample_size(10).measurement_time(Duration::from_secs(2));
    let cases = [
        ("of_a_hello", HandshakeFragments::of_a_hello as fn() -> _),
        ("behind_a_hello_dtls12", || HandshakeFragments::behind_a_hello(true)),
        ("behind_a_hello_dtls13", || HandshakeFragments::behind_a_hello(false)),
    ];
    for (name, set_up) in cases {
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(set_up, |attack| attack.send(FRAGMENTS, || {}), BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group!(benches, handshake_fragments);
criterion_main!(benches);
