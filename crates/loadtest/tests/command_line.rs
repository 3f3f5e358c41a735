//! The program as people start it, when it cannot do what it was told: one line that says why, and exit code 2.

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
        loadtest(&["--url", url, "--accounts", file, "--room", ROOM, "--speakers", "1", "--listeners", "0", "--quiet"])
            .await
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
async fn options_and_files_that_are_wrong_are_said_in_one_line() {
    let folder = TempDir::new().unwrap();
    let file = accounts(&folder, &json!([{"email": "ada@example.org", "password": PASSWORD}]));
    let dead = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let scenario = folder.path().join("lecture.toml");
    let scenario = scenario.to_str().unwrap();
    std::fs::write(scenario, "speakers = 1\nlisteners = 0\n\n[ramp]\njoins_a_second = 5\n").unwrap();
    for (arguments, expected) in [
        (
            &["run", scenario, "--accounts", &file][..],
            "lecture.toml, line 5: ramp.joins_a_second: no such key; expected one of: joins_per_second, over",
        ),
        (&["check", scenario], "line 5: ramp.joins_a_second"),
        (&["run", "missing.toml", "--accounts", &file], "the scenario missing.toml cannot be read: No such file"),
        (&[], "--accounts"),
        (&["run"], "--accounts"),
        (&["--accounts", &file, "--duration", "30"], "500ms, 30s, 10m or 2h"),
        (&["--accounts", &file, "--speekers", "3"], "'--speekers'"),
        (&["--accounts", &file, "--speakers", "0", "--listeners", "0"], "at least one of them"),
        (&["--accounts", &file, "--max-loss", "1"], "need --find-max"),
        (
            &["--accounts", &file, "--url", &dead, "--speakers", "1", "--listeners", "0", "--metrics-url", &dead],
            "metrics at http://127.0.0.1",
        ),
        (&["--accounts", &file, "--metrics-url", "9464"], "expected http://127.0.0.1:9464/metrics"),
        (
            &["--accounts", &file, "--html", "/nowhere/report.html"],
            "the report /nowhere/report.html cannot be written: No such file",
        ),
    ] {
        one_line_and_exit_2(&loadtest(arguments).await, expected);
    }
    std::fs::write(scenario, "speakers = 1\nlisteners = 0\n[talk]\naudio = \"voice.opus\"\n").unwrap();
    let output = loadtest(&["run", scenario, "--accounts", &file, "--url", &dead, "--quiet"]).await;
    one_line_and_exit_2(&output, "voice.opus");

    std::fs::write(scenario, "speakers = 1\n[churn]\nper_minute = 5\n").unwrap();
    for (option, expected) in [
        (["--find-max", "listeners"], "no largest load is looked for with churn: expected no [churn], or no find_max"),
        (["--fail-if-starved-over", "0"], "nobody can tell who is starved: expected none of these"),
    ] {
        let arguments = ["run", scenario, "--accounts", &file, "--url", &dead, "--quiet", option[0], option[1]];
        one_line_and_exit_2(&loadtest(&arguments).await, expected);
    }
}

#[tokio::test]
async fn help_and_check_are_no_errors() {
    let help = loadtest(&["--help"]).await;
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("--find-max"));
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/loadtest/meetings.toml");
    let check = loadtest(&["check", example]).await;
    let text = String::from_utf8_lossy(&check.stdout);
    assert!(check.status.success() && text.starts_with("Meetings: 200 peers in 20 rooms, 3 speakers"), "{text}");
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
    let arguments =
        ["--url", &url, "--accounts", &file, "--room", ROOM, "--speakers", "1", "--listeners", "0", "--quiet"];
    one_line_and_exit_2(&loadtest(&arguments).await, "does not answer as a Hubbub server does: 404");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_refuses_is_said_in_one_line() {
    let server = Server::start_with(&[("MEDIA__WORKERS", "1"), ("MEDIA__MAX_PEERS_PER_WORKER", "2")]).await;
    let emails = server.register(3).await;
    let owner = server.login(&emails[0]).await.unwrap();
    let small = owner.create_room("Small", 2).await.unwrap().to_string();
    let folder = TempDir::new().unwrap();
    let mut list: Vec<Value> = emails.iter().map(|email| json!({"email": email, "password": PASSWORD})).collect();
    let file = accounts(&folder, &json!(list));
    let run = async |file: &str, more: &[&str]| {
        let common = ["--url", &server.url, "--accounts", file, "--quiet", "--duration", "1s", "--speakers", "1"];
        loadtest(&[&common[..], more].concat()).await
    };
    one_line_and_exit_2(&run(&file, &["--listeners", "0", "--room", ROOM]).await, "refused join: room-not-found");
    one_line_and_exit_2(&run(&file, &["--listeners", "2", "--room", &small]).await, "room-full");
    one_line_and_exit_2(&run(&file, &["--listeners", "2"]).await, "server-busy");

    list[1]["password"] = json!("not the password");
    let file = accounts(&folder, &json!(list));
    let expected = format!("refused the login of {}: invalid-credentials", emails[1]);
    one_line_and_exit_2(&run(&file, &["--listeners", "1"]).await, &expected);
    list[1] = json!({"email": emails[1], "accessToken": "not a token"});
    let file = accounts(&folder, &json!(list));
    one_line_and_exit_2(&run(&file, &["--listeners", "1"]).await, "unauthorized");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_login_is_one_line_also_of_a_server_that_asks_to_slow_down() {
    let server = Server::start_with(&[("LIMITS__LOGIN", "1/1s")]).await;
    let emails = server.register(2).await;
    let folder = TempDir::new().unwrap();
    let list: Vec<Value> = emails.iter().map(|email| json!({"email": email, "password": "not the password"})).collect();
    let file = accounts(&folder, &json!(list));
    let arguments = ["--url", &server.url, "--accounts", &file, "--speakers", "1", "--listeners", "1"];
    let expected = format!("refused the login of {}: invalid-credentials", emails[0]);
    one_line_and_exit_2(&loadtest(&arguments).await, &expected);
}
