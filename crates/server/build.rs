//! The web client is embedded from `web/dist`: a new build of it must be noticed.

fn main() {
    let dist = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/dist");
    // Without the folder there is nothing to watch, and every build would start again. Failing is harmless.
    let _ = std::fs::create_dir_all(dist);
    println!("cargo::rerun-if-changed={dist}");
}
