//! The program as people start it: what it prints, and with which exit code.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests fail the test")]

mod support;

use std::net::TcpListener;

use std::process::Output;

use serde_json::{Value, json};
use support::{PASSWORD, Server};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

const ROOM: &str = "0192a0b0-0000-7000-8000-000000000000";

async fn loadtest(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hubbub-loadtest")).args(arguments).output().await.unwrap()
}

fn accounts(folder: &TempDir, content: &Value) -> String {
    let path = folder.path().join("accounts.json");
    std::fs::write(&path, content.to_string()).unwrap();
    path.display().to_string()
}

fn one_line_and_exit_2(output: &Output, expected: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains(expected) && text.lines().count() == 1, "expected {expected:?} in one line, got:\n{text}");
    assert!(output.stdout.is_empty());
    assert!(!text.contains(PASSWORD), "{text}");
}

#[tokio::test]
async fn what_cannot_work_is_said_in_one_line() {
    let folder = TempDir::new().unwrap();
    let file = accounts(&folder, &json!([{"email": "ada@example.org", "password": PASSWORD}]));
    let run = async |url: &str, file: &str| {
        loadtest(&["--url", url, "--accounts", file, "--room", ROOM, "--speakers", "1", "--listeners", "0"]).await
    };
    one_line_and_exit_2(&run("talk.example.org", &file).await, "expected http://host:port");
    one_line_and_exit_2(&run("https://talk.example.org", &file).await, "--i-own-this-server");
    let missing = folder.path().join("missing.json").display().to_string();
    one_line_and_exit_2(&run("http://127.0.0.1:1", &missing).await, "missing.json cannot be read");

    // Nobody listens there any more.
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    one_line_and_exit_2(&run(&format!("http://{dead}"), &file).await, "cannot be reached: Connection refused");

    let wrong = accounts(&folder, &json!([{"email": "ada@example.org"}]));
    one_line_and_exit_2(
        &run("http://127.0.0.1:1", &wrong).await,
        "neither accessToken nor password for ada@example.org",
    );
    let none = accounts(&folder, &json!([]));
    one_line_and_exit_2(&run("http://127.0.0.1:1", &none).await, "too few accounts: 0 for 1");
}

#[tokio::test]
async fn somebody_who_is_no_hubbub_server_is_recognised() {
    let folder = TempDir::new().unwrap();
    let file = accounts(&folder, &json!([{"email": "ada@example.org", "password": PASSWORD}]));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let _ = socket.read(&mut [0; 4096]).await.unwrap();
            let answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\nconnection: close\r\n\r\nnginx";
            socket.write_all(answer).await.unwrap();
            socket.shutdown().await.unwrap();
        }
    });
    let arguments = ["--url", &url, "--accounts", &file, "--room", ROOM, "--speakers", "1", "--listeners", "0"];
    one_line_and_exit_2(&loadtest(&arguments).await, "does not answer as a Hubbub server does: 404");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_ends_in_a_report() {
    let server = Server::start().await;
    let emails = server.register(5).await;
    let room = server.login(&emails[0]).await.unwrap().create_room("Load", 10).await.unwrap().to_string();
    let folder = TempDir::new().unwrap();
    let mut list: Vec<Value> = emails.iter().map(|email| json!({"email": email, "password": PASSWORD})).collect();
    let file = accounts(&folder, &json!(list));
    let common = ["--url", &server.url, "--room", &room, "--speakers", "2", "--listeners", "3", "--duration", "1s"];

    let output = loadtest(&[&common[..], &["--accounts", &file, "--json"]].concat()).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["speakers"], &report["listeners"]), (&json!(2), &json!(3)));
    let sent = report["packetsSent"].as_u64().unwrap();
    assert!(sent > 0);
    // Each of the two speakers is heard by the four others.
    assert_eq!(report["packetsHeard"], sent * 4, "{report}");
    for zero in ["packetsLost", "duplicates", "reordered", "foreignPackets", "silentPairs"] {
        assert_eq!(report[zero], 0, "{zero}: {report}");
    }
    assert!(report["joinMilliseconds"]["p50"].as_f64().unwrap() > 0.0);
    assert!(report["firstPacketMilliseconds"]["max"].as_f64().unwrap() > 0.0);

    let output = loadtest(&[&common[..], &["--accounts", &file]].concat()).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("lost           0 (0.000 %)"), "{text}");

    let unknown_room =
        ["--url", &server.url, "--accounts", &file, "--room", ROOM, "--speakers", "1", "--listeners", "0"];
    let output = loadtest(&unknown_room).await;
    one_line_and_exit_2(&output, "refused join: room-not-found");

    list[1]["password"] = json!("not the password");
    let file = accounts(&folder, &json!(list));
    let output = loadtest(&[&common[..], &["--accounts", &file]].concat()).await;
    one_line_and_exit_2(&output, &format!("refused the login of {}: invalid-credentials", emails[1]));
}
