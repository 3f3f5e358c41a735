//! The decoder on the committed corpus of its fuzz target and on mutations of it.

#[path = "../../../fuzz/mutate.rs"]
mod mutate;

#[test]
fn message() {
    mutate::run("message", 50_000, |data| {
        if let Ok(text) = std::str::from_utf8(data) {
            let _ = hubbub_protocol::decode(text);
        }
    });
}
