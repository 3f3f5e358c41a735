//! Starts that must fail: one line on standard error, exit code 1.

use std::net::{TcpListener, UdpSocket};

use crate::harness::Setup;

/// Runs to the end and returns the one line.
pub(crate) fn refused(setup: &Setup) -> String {
    let output = setup.run_to_end();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("hubbub: ")).collect();
    assert_eq!(lines.len(), 1, "exactly one line of complaint:\n{text}");
    let unexpected: Vec<&str> =
        text.lines().filter(|line| !line.starts_with("hubbub: ") && !line.starts_with('{')).collect();
    assert!(unexpected.is_empty(), "besides log lines only one line: {unexpected:?}");
    lines[0].to_owned()
}

#[test]
fn a_wrong_key_in_the_file_is_named_with_the_file() {
    let setup = Setup::new();
    std::fs::write(setup.folder.path().join("hubbub.toml"), "[http]\nbnd = '127.0.0.1:1'\n").unwrap();
    let line = refused(&setup);
    assert!(line.starts_with("hubbub: unknown key http.bnd in ./hubbub.toml; [http] has bind, "), "{line}");
}

#[test]
fn a_wrong_value_in_the_environment_is_named_with_the_variable() {
    let line = refused(&Setup::new().with("HUBBUB__MEDIA__SLOTS", "many"));
    assert!(line.contains("media.slots in the environment variable HUBBUB__MEDIA__SLOTS is not valid"), "{line}");
    assert!(line.contains("the default is 8"), "{line}");
}

#[test]
fn config_check_says_whether_the_configuration_is_valid() {
    let setup = Setup::new();
    let output = setup.command().args(["config", "check"]).output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().contains("valid"));
    assert!(!setup.data().exists(), "checking makes nothing");
    let output = setup.command().env("HUBBUB__HTTP__BIND", "x").args(["config", "check"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_data_folder_that_cannot_be_made_is_named_with_its_cause_once() {
    let setup = Setup::new();
    std::fs::write(setup.data(), "a file").unwrap();
    let line = refused(&setup);
    assert!(
        line.starts_with(&format!("hubbub: the data folder {} cannot be used: ", setup.data().display())),
        "{line}"
    );
    assert_eq!(line.matches("os error").count(), 1, "{line}");
}

#[test]
fn a_taken_http_port_is_named() {
    let setup = Setup::new();
    let _taken = TcpListener::bind(("127.0.0.1", setup.http)).unwrap();
    let line = refused(&setup);
    assert!(line.contains(&format!("127.0.0.1:{}", setup.http)) && line.contains("http.bind"), "{line}");
}

#[test]
fn a_taken_metrics_port_is_named() {
    let setup = Setup::new();
    let _taken = TcpListener::bind(("127.0.0.1", setup.metrics)).unwrap();
    let line = refused(&setup);
    assert!(line.contains(&format!("127.0.0.1:{}", setup.metrics)) && line.contains("metrics.bind"), "{line}");
}

#[test]
fn a_taken_media_port_is_named() {
    let setup = Setup::new();
    let _taken = UdpSocket::bind(("127.0.0.1", setup.media)).unwrap();
    let line = refused(&setup);
    assert!(line.contains(&setup.media.to_string()) && line.contains("media.first_port"), "{line}");
}

#[test]
fn a_media_port_taken_for_tcp_only_is_named() {
    let setup = Setup::new();
    let _taken = TcpListener::bind(("127.0.0.1", setup.media)).unwrap();
    let line = refused(&setup);
    assert!(line.contains(&setup.media.to_string()) && line.contains("media.first_port"), "{line}");
}

#[test]
fn as_many_slots_as_the_configuration_allows_are_as_many_as_the_media_plane_has() {
    let setup = Setup::new().with("HUBBUB__MEDIA__SLOTS", "33");
    let output = setup.command().args(["config", "check"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let line = String::from_utf8(output.stderr).unwrap();
    assert!(line.contains("media.slots") && line.contains("expected 1 to 32"), "{line}");
}

#[test]
fn a_data_folder_that_cannot_be_made_is_named() {
    let mut setup = Setup::new();
    let file = setup.folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let data = file.join("data").display().to_string();
    setup.set("HUBBUB__DATA__DIR", &data);
    let line = refused(&setup);
    assert!(line.contains(&data) && line.contains("data.dir"), "{line}");
}

#[test]
fn a_data_folder_that_cannot_be_written_to_is_named() {
    let line = refused(&Setup::new().with("HUBBUB__DATA__DIR", "/proc/self"));
    assert!(line.contains("/proc/self") && line.contains("data.dir"), "{line}");
}

#[test]
fn an_unreachable_database_is_named_without_its_password() {
    let line = refused(&Setup::new().with("HUBBUB__STORAGE__URL", "postgres://ada:hunter2secret@127.0.0.1:1/hubbub"));
    assert!(line.contains("database") && line.contains("127.0.0.1:1"), "{line}");
    assert!(!line.contains("hunter2secret"), "{line}");
}

#[test]
fn the_version_is_that_of_the_crate() {
    let output = Setup::new().command().arg("--version").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), concat!("hubbub ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_printed_defaults_are_a_valid_configuration() {
    let setup = Setup::new();
    let output = setup.command().args(["config", "defaults"]).output().unwrap();
    let file = setup.folder.path().join("all.toml");
    std::fs::write(&file, output.stdout).unwrap();
    let output = setup.command().args(["config", "check", "--config"]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
