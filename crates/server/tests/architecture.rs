//! Keeps the table of crates in ARCHITECTURE.md true.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Every crate, and which others of ours it may use.
const ALLOWED: [(&str, &[&str]); 9] = [
    ("domain", &[]),
    ("protocol", &[]),
    ("sfu", &[]),
    ("storage", &["domain"]),
    ("auth", &["domain"]),
    ("api", &["auth", "domain"]),
    ("signaling", &["auth", "domain", "protocol", "sfu"]),
    ("server", &["api", "auth", "domain", "protocol", "sfu", "signaling", "storage"]),
    ("loadtest", &["protocol"]),
];

fn workspace() -> cargo_metadata::Metadata {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    MetadataCommand::new().manifest_path(manifest).no_deps().exec().expect("cargo metadata runs")
}

fn short(name: &str) -> Option<&str> {
    name.strip_prefix("hubbub-")
}

#[test]
fn there_are_exactly_the_crates_of_the_table() {
    let found: BTreeSet<String> = workspace()
        .workspace_packages()
        .iter()
        .map(|p| short(&p.name).expect("crates are called hubbub-…").to_owned())
        .collect();
    let expected: BTreeSet<String> = ALLOWED.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(found, expected);
}

#[test]
fn crates_use_only_the_crates_they_may() {
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.into_iter().collect();
    let mut wrong = Vec::new();
    for package in workspace().workspace_packages() {
        let name = short(&package.name).expect("crates are called hubbub-…");
        let used = package.dependencies.iter().filter(|d| d.kind != DependencyKind::Development);
        for dependency in used.filter_map(|d| short(&d.name)) {
            if !allowed[name].contains(&dependency) {
                wrong.push(format!("{name} uses {dependency}"));
            }
        }
    }
    assert!(wrong.is_empty(), "not allowed by ARCHITECTURE.md: {}", wrong.join(", "));
}

#[test]
fn only_storage_knows_sql_and_only_the_edges_know_http() {
    let mut wrong = Vec::new();
    for package in workspace().workspace_packages() {
        let name = short(&package.name).expect("crates are called hubbub-…");
        for dependency in package.dependencies.iter().filter(|d| d.kind != DependencyKind::Development) {
            let fine = match dependency.name.as_str() {
                "sqlx" => name == "storage",
                "axum" => matches!(name, "api" | "signaling" | "server"),
                "webrtc" => name == "loadtest",
                "anyhow" => matches!(name, "server" | "loadtest"),
                "ring" | "openssl" | "native-tls" => false,
                _ => true,
            };
            if !fine {
                wrong.push(format!("{name} uses {}", dependency.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join(", "));
}
