//! The decoder's fuzz target, the file itself, on its committed corpus and on mutations of it.

#![allow(unused_attributes, reason = "the target is a program for libFuzzer, without a `main`")]

#[path = "../../../fuzz/fuzz_targets/message.rs"]
mod message;
#[path = "../../../fuzz/mutate.rs"]
mod mutate;

// Whose macro the targets call: here it is that of `mutate`.
extern crate self as libfuzzer_sys;

#[test]
fn message() {
    mutate::run("message", 50_000, message::target);
}
