//! What containers and service managers ask of the server, and what it tells them.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use crate::harness::{PATIENCE, Setup, get};

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

#[tokio::test(flavor = "multi_thread")]
async fn a_healthcheck_says_when_the_server_is_not_ready() {
    let setup = Setup::new();
    let server = setup.start().await;
    assert_eq!(get(&format!("http://127.0.0.1:{}/readyz", setup.metrics)).await.unwrap().0, 200);
    // The database vanishes under the server.
    std::fs::write(setup.data().join("hubbub.db"), "no database").unwrap();
    let deadline = std::time::Instant::now() + PATIENCE;
    let complaint = loop {
        let (code, complaint) = healthcheck(&setup, &["--ready"]);
        if code == Some(1) {
            break complaint;
        }
        assert!(std::time::Instant::now() < deadline, "a damaged database is noticed");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(complaint.contains("/readyz at 127.0.0.1:") && complaint.contains("answers 503"), "{complaint}");
    assert_eq!(healthcheck(&setup, &[]).0, Some(0), "the process is well");
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_is_told_when_the_server_is_there_and_when_it_ends() {
    let setup = Setup::new();
    let path = setup.folder.path().join("notify");
    let told = UnixDatagram::bind(&path).unwrap();
    told.set_read_timeout(Some(PATIENCE)).unwrap();
    let setup = setup.with("NOTIFY_SOCKET", path.to_str().unwrap());
    let mut server = setup.start().await;
    let hear = || {
        let mut buffer = [0; 256];
        let length = told.recv(&mut buffer).expect("a word to systemd");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    assert_eq!(hear().trim_end(), "READY=1");
    server.signal("TERM");
    let last = hear();
    assert!(last.starts_with("STOPPING=1\nEXTEND_TIMEOUT_USEC="), "{last}");
    server.ended().await;
}
