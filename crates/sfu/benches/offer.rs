//! What reading an offer costs whoever has received it: a browser's, and some as long as is accepted.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hubbub_sfu::Offer;

const CHROMIUM: &str = include_str!("../src/sdp/tests/fixtures/chromium.sdp");

/// Chromium's offer with more formats and more lines in its last m-line, and the line ends of the wire.
fn longer(formats: usize, lines: &str) -> String {
    let (before, last) = CHROMIUM.split_at(CHROMIUM.rfind("m=audio").unwrap_or_default());
    let last = last.replace("SAVPF", &format!("SAVPF{}", " 0".repeat(formats)));
    format!("{before}{last}{lines}").replace('\n', "\r\n")
}

fn offer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("offer");
    for (name, sdp) in [
        ("chromium", longer(0, "")),
        ("attributes", longer(0, &"a=x:1 y\n".repeat(6_500))),
        ("formats", longer(14_000, &"a=rtpmap:1 x\n".repeat(2_200))),
    ] {
        assert!(Offer::parse(&sdp).is_ok(), "{name}");
        group.throughput(Throughput::Bytes(sdp.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| Offer::parse(&sdp)));
    }
    group.finish();
}

criterion_group!(benches, offer);
criterion_main!(benches);
