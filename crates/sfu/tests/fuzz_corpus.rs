//! The fuzz targets on their committed corpus and on mutations of it; `make fuzz` goes further.

#[path = "../../../fuzz/mutate.rs"]
mod mutate;

use hubbub_sfu::fuzz::TARGETS;

fn run(name: &str, mutations: usize) {
    let (_, target) = TARGETS.iter().find(|(target, _)| *target == name).expect("a target");
    mutate::run(name, mutations, target);
}

#[test]
fn stun() {
    run("stun", 20_000);
}

#[test]
fn rtp() {
    run("rtp", 20_000);
}

#[test]
fn red() {
    run("red", 50_000);
}

#[test]
fn rtcp() {
    run("rtcp", 50_000);
}

#[test]
fn sdp() {
    run("sdp", 10_000);
}

#[test]
fn tcp() {
    run("tcp", 50_000);
}

#[test]
fn hello() {
    run("hello", 20_000);
}

#[test]
fn dtls() {
    run("dtls", 10_000);
}

#[test]
fn worker() {
    run("worker", 3_000);
}

#[test]
fn every_target_has_a_test_and_a_corpus() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let mut folders: Vec<String> = std::fs::read_dir(folder)
        .expect("corpora")
        .map(|entry| entry.expect("a folder").file_name().into_string().expect("a name"))
        .filter(|name| name != "message")
        .collect();
    folders.sort();
    let mut names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(folders, names);
}
