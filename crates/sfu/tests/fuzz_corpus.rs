//! The fuzz targets of `fuzz/`, the files themselves, on their committed corpus and on mutations of it; `make fuzz` goes further.

#![allow(unused_attributes, reason = "the targets are programs for libFuzzer, without a `main`")]

#[path = "../../../fuzz/mutate.rs"]
mod mutate;

// Whose macro the targets call: here it is that of `mutate`.
extern crate self as libfuzzer_sys;

#[path = "../../../fuzz/fuzz_targets/dtls.rs"]
mod dtls;
#[path = "../../../fuzz/fuzz_targets/hello.rs"]
mod hello;
#[path = "../../../fuzz/fuzz_targets/red.rs"]
mod red;
#[path = "../../../fuzz/fuzz_targets/rtcp.rs"]
mod rtcp;
#[path = "../../../fuzz/fuzz_targets/rtp.rs"]
mod rtp;
#[path = "../../../fuzz/fuzz_targets/sdp.rs"]
mod sdp;
#[path = "../../../fuzz/fuzz_targets/stun.rs"]
mod stun;
#[path = "../../../fuzz/fuzz_targets/tcp.rs"]
mod tcp;
#[path = "../../../fuzz/fuzz_targets/worker.rs"]
mod worker;

/// Every target that has a test here.
const TARGETS: [&str; 9] = ["stun", "rtp", "red", "rtcp", "sdp", "tcp", "hello", "dtls", "worker"];

#[test]
fn stun() {
    mutate::run("stun", 20_000, stun::target);
}

#[test]
fn rtp() {
    mutate::run("rtp", 20_000, rtp::target);
}

#[test]
fn red() {
    mutate::run("red", 50_000, red::target);
}

#[test]
fn rtcp() {
    mutate::run("rtcp", 50_000, rtcp::target);
}

#[test]
fn sdp() {
    mutate::run("sdp", 10_000, sdp::target);
}

#[test]
fn tcp() {
    mutate::run("tcp", 50_000, tcp::target);
}

#[test]
fn hello() {
    mutate::run("hello", 20_000, hello::target);
}

#[test]
fn dtls() {
    mutate::run("dtls", 10_000, dtls::target);
}

#[test]
fn worker() {
    mutate::run("worker", 3_000, worker::target);
}

#[test]
fn every_target_has_a_test_a_corpus_and_a_program() {
    let fuzz = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let listed = |folder: &str| {
        let mut names: Vec<String> = std::fs::read_dir(fuzz.join(folder))
            .expect("a folder")
            .map(|entry| entry.expect("a file").path().file_stem().expect("a name").to_string_lossy().into_owned())
            .filter(|name| name != "message")
            .collect();
        names.sort();
        names
    };
    let mut tested = TARGETS.map(str::to_owned);
    tested.sort();
    assert_eq!(listed("corpus"), tested);
    assert_eq!(listed("fuzz_targets"), tested);
    let programs = std::fs::read_to_string(fuzz.join("Cargo.toml")).expect("a manifest");
    for name in tested.into_iter().chain(["message".to_owned()]) {
        assert!(
            programs.contains(&format!("[[bin]]\nname = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"\n")),
            "{name}"
        );
    }
}
