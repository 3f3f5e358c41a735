//! `crates/api/openapi.json` is what the server says of itself. `HUBBUB_UPDATE=1 cargo test -p hubbub-api` writes it anew.

use std::path::Path;

#[test]
fn the_committed_document_is_fresh() {
    let mut fresh = serde_json::to_string_pretty(&hubbub_api::openapi_document()).unwrap();
    fresh.push('\n');
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    if std::env::var_os("HUBBUB_UPDATE").is_some() {
        std::fs::write(&path, &fresh).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == fresh, "{} is stale: run `make generate` and commit it", path.display());
}
