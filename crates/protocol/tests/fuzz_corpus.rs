//! The decoder's fuzz target, the file itself, on its committed corpus and on mutations of it.

#![allow(unused_attributes, reason = "the target is a program for libFuzzer, without a `main`")]

#[path = "../../../fuzz/fuzz_targets/message.rs"]
mod message;
#[path = "../../../fuzz/mutate.rs"]
mod mutate;

extern crate self as libfuzzer_sys;

/// In place of libFuzzer's: the target as a function.
#[macro_export]
macro_rules! fuzz_target {
    (|$data:ident: &[u8]| $body:expr) => {
        pub(crate) fn target($data: &[u8]) {
            $body
        }
    };
}

#[test]
fn message() {
    mutate::run("message", 50_000, message::target);
}
