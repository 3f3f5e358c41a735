//! What containers and service managers ask of the server, and what it tells them.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;

use serde_json::json;

use crate::harness::{PATIENCE, Setup};

/// Exit code and complaint of `hubbub healthcheck`.
fn healthcheck(setup: &Setup, arguments: &[&str]) -> (Option<i32>, String) {
    let output = setup.command().arg("healthcheck").args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthcheck_asks_the_server_of_its_own_configuration() {
    for metrics in [true, false] {
        let mut setup = Setup::new();
        if !metrics {
            setup.set("HUBBUB__METRICS__BIND", "");
            setup.set("HUBBUB__HTTP__BIND", &format!("0.0.0.0:{}", setup.http));
        }
        let (code, complaint) = healthcheck(&setup, &[]);
        assert_eq!(code, Some(1));
        assert!(complaint.contains("is the server running?") && complaint.lines().count() == 1, "{complaint}");
        let mut server = setup.start().await;
        assert_eq!(healthcheck(&setup, &[]), (Some(0), String::new()));
        assert_eq!(healthcheck(&setup, &["--ready"]), (Some(0), String::new()));
        server.signal("TERM");
        server.ended().await;
        assert_eq!(healthcheck(&setup, &[]).0, Some(1));
    }
}

#[test]
fn a_healthcheck_says_what_is_answered_instead() {
    for (answer, complaint) in [
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n", "/readyz at 127.0.0.1:"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "what answers speaks no HTTP"),
    ] {
        let setup = Setup::new();
        let listener = TcpListener::bind(("127.0.0.1", setup.metrics)).unwrap();
        let other = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut question = Vec::new();
            while !question.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                question.push(byte[0]);
            }
            assert!(question.starts_with(b"GET /readyz HTTP/1.1\r\n"));
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let (code, said) = healthcheck(&setup, &["--ready"]);
        other.join().unwrap();
        assert_eq!(code, Some(1));
        assert!(said.contains(complaint) && said.lines().count() == 1, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_is_told_when_the_server_is_there_and_when_it_ends() {
    let setup = Setup::new().with("HUBBUB__SERVER__DRAIN_SECONDS", "7200");
    let path = setup.folder.path().join("notify");
    let told = UnixDatagram::bind(&path).unwrap();
    told.set_read_timeout(Some(PATIENCE)).unwrap();
    let setup = setup.with("NOTIFY_SOCKET", path.to_str().unwrap());
    let mut server = setup.start().await;
    let ada = server.user("ada").await;
    let room = server.room(&ada, "Tea").await;
    let mut socket = server.socket(&ada).await;
    socket.send(json!({ "type": "join", "roomId": room })).await;
    socket.wait_for("joined").await;
    let hear = || {
        let mut buffer = [0; 256];
        let length = told.recv(&mut buffer).expect("a word to systemd");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    assert_eq!(hear().trim_end(), "READY=1");
    server.signal("TERM");
    // The most that can be said at once.
    let most = format!("EXTEND_TIMEOUT_USEC={}", u32::MAX);
    assert_eq!(hear().trim_end(), format!("STOPPING=1\n{most}"));
    socket.wait_for("server-draining").await;
    // As long as somebody is in a room it is said again.
    assert_eq!(hear().trim_end(), most);
    socket.send(json!({ "type": "leave" })).await;
    server.ended().await;
}
