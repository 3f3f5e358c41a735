//! `hubbub backup` and `hubbub restore`: what was there is there again, and nothing is ever overwritten.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::json;

use crate::harness::{Setup, client};

fn run(setup: &Setup, arguments: &[&str]) -> Output {
    setup.command().args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap().trim().to_owned()
}

/// Runs to a success; the one line.
fn succeeds(setup: &Setup, arguments: &[&str]) -> String {
    let output = run(setup, arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Runs to a refusal; the one line.
fn refused(setup: &Setup, arguments: &[&str]) -> String {
    let output = run(setup, arguments);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    let line = text(&output.stderr);
    assert_eq!(line.lines().count(), 1, "{line}");
    line
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A PNG of 8 by 8 pixels.
const PNG: &[u8] =
    b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x08\x00\x00\x00\x08\x08\x02\x00\x00\
    \x00\x4b\x6d\x29\xdc\x00\x00\x00\x11\x49\x44\x41\x54\x78\x9c\x63\x38\x21\x17\x85\x15\x31\x0c\x2d\x09\x00\x5e\x19\
    \x50\x01\xe6\x64\x2a\x10\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82";

#[tokio::test]
async fn what_was_backed_up_beside_a_running_server_is_there_again_after_a_restore() {
    let setup = Setup::new();
    let server = setup.start().await;
    let ada = server.user("ada").await;
    let room = server.room(&ada, "Before").await;
    let picture = client().put(format!("{}/api/users/me/avatar", server.base)).bearer_auth(&ada.access);
    let picture = picture.header("content-type", "image/png").body(PNG).send().await.unwrap();
    assert!(picture.status().is_success(), "{}", picture.status());
    let (_, me) = server.get("/api/users/me", Some(&ada)).await;
    let avatar = format!("{}{}", server.base, me["avatarUrl"].as_str().unwrap());
    let seen = client().get(&avatar).bearer_auth(&ada.access).send().await.unwrap().bytes().await.unwrap();

    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("backup.tar");
    let path = file.to_str().unwrap();
    let line = succeeds(&setup, &["backup", path]);
    assert!(line.contains("1 users and 1 rooms"), "{line}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(names(place.path()), ["backup.tar"], "nothing else is left");
    let before = fs::read(&file).unwrap();
    assert!(refused(&setup, &["backup", path]).contains("exists and is not overwritten"));
    assert_eq!(fs::read(&file).unwrap(), before);
    let later = server.room(&ada, "After the backup").await;

    let line = refused(&setup, &["restore", path, "--force"]);
    assert!(line.contains("a server runs on the data folder"), "{line}");
    server.kill();
    let line = refused(&setup, &["restore", path]);
    assert!(line.contains("exists") && line.contains("--force"), "{line}");
    let line = succeeds(&setup, &["restore", path, "--force"]);
    assert!(line.contains("1 users and 1 rooms") && line.contains("before-restore-"), "{line}");
    let aside = names(&setup.data()).into_iter().find(|name| name.starts_with("before-restore-")).unwrap();
    let aside: Vec<String> = names(&setup.data().join(aside));
    assert!(aside.contains(&"hubbub.db".to_owned()) && aside.contains(&"secret.key".to_owned()), "{aside:?}");

    let server = setup.start().await;
    let (status, _) = server.get("/api/auth/me", Some(&ada)).await;
    assert_eq!(status, 200, "the secret is the same: logins of before hold");
    assert_eq!(server.get(&format!("/api/rooms/{room}"), Some(&ada)).await.0, 200);
    assert_eq!(server.get(&format!("/api/rooms/{later}"), Some(&ada)).await.0, 404, "that came later");
    let again = client().get(&avatar).bearer_auth(&ada.access).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(again, seen, "the picture");

    // On another machine.
    let other = Setup::new();
    succeeds(&other, &["restore", path]);
    let modes =
        ["hubbub.db", "secret.key"].map(|name| fs::metadata(other.data().join(name)).unwrap().permissions().mode());
    assert_eq!(modes.map(|mode| mode & 0o777), [0o600; 2]);
    let server = other.start().await;
    assert_eq!(server.get("/api/auth/me", Some(&ada)).await.0, 200);
    server.login("ada").await;
}

#[tokio::test]
async fn a_backup_while_people_write_is_one_moment() {
    let setup = Setup::new();
    let server = setup.start().await;
    let ada = server.user("ada").await;
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("backup.tar");
    let command = {
        let mut command = setup.command();
        command.arg("backup").arg(&file);
        tokio::task::spawn_blocking(move || command.output().unwrap())
    };
    let mut made = 0;
    while !command.is_finished() {
        server.room(&ada, "One more").await;
        made += 1;
    }
    let output = command.await.unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(made > 0, "writing went on");
    let other = Setup::new();
    succeeds(&other, &["restore", file.to_str().unwrap()]);
}

#[tokio::test]
async fn what_is_not_a_whole_backup_is_refused_and_nothing_is_touched() {
    let setup = Setup::new();
    setup.start().await.kill();
    let place = tempfile::tempdir().unwrap();
    let whole = place.path().join("whole.tar");
    succeeds(&setup, &["backup", whole.to_str().unwrap()]);
    let bytes = fs::read(&whole).unwrap();
    let with = |name: &str, content: &[u8]| -> PathBuf {
        let path = place.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let mut flipped = bytes.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let other = Setup::new();
    for (file, expected) in [
        (place.path().join("missing.tar"), "cannot be opened"),
        (with("empty.tar", b""), "not a whole backup"),
        (with("text.tar", &b"not a tar archive".repeat(100)), "not a whole backup"),
        (with("half.tar", &bytes[..bytes.len() / 2]), "is damaged: hubbub.db"),
        (with("flipped.tar", &flipped), "is damaged: hubbub.db"),
    ] {
        let line = refused(&other, &["restore", file.to_str().unwrap()]);
        assert!(line.contains(expected) && line.contains(file.to_str().unwrap()), "{line}");
        assert_eq!(names(&other.data()), ["server.lock"], "nothing is left of it");
    }
    let before = names(&setup.data());
    refused(&setup, &["restore", place.path().join("flipped.tar").to_str().unwrap(), "--force"]);
    assert_eq!(names(&setup.data()), before, "what is there stays");
}

#[test]
fn without_a_server_or_with_postgres_it_says_what_to_do() {
    let setup = Setup::new();
    let line = refused(&setup, &["backup", "backup.tar"]);
    assert!(line.contains("has no secret.key"), "{line}");
    let setup = setup.with("HUBBUB__STORAGE__URL", "postgres://ada:hunter2@127.0.0.1/hubbub");
    for arguments in [["backup", "x.tar"], ["restore", "x.tar"]] {
        let line = refused(&setup, &arguments);
        assert!(line.contains("pg_dump") && !line.contains("hunter2"), "{line}");
    }
    assert!(!setup.folder.path().join("backup.tar").exists() && !setup.folder.path().join("x.tar").exists());
}

#[tokio::test]
async fn two_servers_do_not_share_a_data_folder() {
    let setup = Setup::new();
    let server = setup.start().await;
    let mut second = Setup::new();
    second.set("HUBBUB__DATA__DIR", setup.data().to_str().unwrap());
    let output = second.run_to_end();
    let line = text(&output.stderr).lines().last().unwrap().to_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(line.starts_with("hubbub: a server runs on the data folder"), "{line}");
    let ada = server.user("ada").await;
    let _ = server.post("/api/rooms", Some(&ada), &json!({ "name": "Tea" })).await;
}
