//! Certificate files: new ones, bad ones, old ones.

use std::fs;

use time::Duration;

use super::Secure;
use crate::certificates::{Authority, Pair};
use crate::harness::Setup;
use crate::startup::refused;

const EXPIRY: &str = "hubbub_tls_certificate_expiry_timestamp_seconds";
const TAKEN: &str = r#"hubbub_tls_reloads_total{outcome="ok"}"#;
const REFUSED: &str = r#"hubbub_tls_reloads_total{outcome="failed"}"#;

impl Secure {
    /// The certificate that somebody new is shown.
    async fn shown(&self) -> Vec<u8> {
        let stream = self.connect(&[b"http/1.1"]).await;
        stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    }

    fn write(&self, pair: &Pair) {
        pair.write(self.setup.folder.path());
    }
}

#[tokio::test]
async fn new_files_are_taken_over_and_bad_ones_are_not() {
    let secure = Secure::new();
    let server = secure.setup.start().await;
    let ada = server.user("ada").await;
    let mut socket = server.socket(&ada).await;
    let first = (secure.shown().await, server.metric(EXPIRY).await.unwrap());
    assert_eq!((server.metric(TAKEN).await, server.metric(REFUSED).await), (Some(0.0), Some(0.0)));

    secure.write(&secure.authority.issue(&["127.0.0.1"], Duration::days(180)));
    server.metric_reaches(TAKEN, 1.0).await;
    let second = (secure.shown().await, server.metric(EXPIRY).await.unwrap());
    assert!(second.0 != first.0 && second.1 > first.1 + 80.0 * 86_400.0, "{first:?} {second:?}");

    // Another's key, a file that is gone, and half a file: each is said once, and nothing else happens.
    let key = secure.setup.folder.path().join("key.pem");
    let good = fs::read_to_string(&key).unwrap();
    let other = Authority::new().issue(&["127.0.0.1"], Duration::days(1)).key;
    let problems: [(&dyn Fn(), &str, f64); 3] = [
        (&|| fs::write(&key, &other).unwrap(), "does not belong to the certificate", 1.0),
        (&|| fs::remove_file(&key).unwrap(), "cannot read", 2.0),
        (&|| fs::write(&key, &good[..60]).unwrap(), "is damaged", 3.0),
    ];
    for (spoil, problem, count) in problems {
        spoil();
        server.metric_reaches(REFUSED, count).await;
        let line = server.logged(problem).await;
        assert!(line.contains("WARN") && line.contains("stays the one before: tls.key"), "{line}");
        assert!(line.contains("key.pem"), "{line}");
        assert_eq!(secure.shown().await, second.0);
    }
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    assert_eq!(server.log().matches("stays the one before").count(), 3);
    assert_eq!((server.metric(TAKEN).await, server.metric(REFUSED).await), (Some(1.0), Some(3.0)));

    secure.write(&secure.authority.issue(&["127.0.0.1"], Duration::days(10)));
    server.metric_reaches(TAKEN, 2.0).await;
    assert_ne!(secure.shown().await, second.0);
    socket.send(serde_json::json!({ "type": "ping", "id": 1 })).await;
    socket.wait_for("pong").await;
}

#[tokio::test]
async fn an_expired_certificate_is_served_and_said_to_be_expired() {
    let secure = Secure::new();
    secure.write(&secure.authority.issue(&["127.0.0.1"], Duration::hours(-1)));
    let server = secure.setup.spawn();
    let line = server.logged("the TLS certificate has expired").await;
    assert!(line.contains("ERROR"), "{line}");
    server.metric_reaches(EXPIRY, 1.0).await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!(server.metric(EXPIRY).await.unwrap() < now);
    // A new one cures it without a restart.
    secure.write(&secure.authority.issue(&["127.0.0.1"], Duration::days(90)));
    server.metric_reaches(TAKEN, 1.0).await;
    assert_eq!(server.get("/healthz", None).await.0, 200);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_named() {
    let secure = Secure::new();
    secure.write(&secure.authority.issue(&["127.0.0.2", "*.example.org"], Duration::days(1)));
    let server = secure.setup.spawn();
    let line = server.logged("the certificate is not for 127.0.0.1").await;
    assert!(line.contains("WARN") && line.contains("127.0.0.2, *.example.org"), "{line}");
}

#[test]
fn files_that_cannot_be_used_end_the_start_with_one_line() {
    let secure = Secure::new();
    let (chain, key) = (secure.setup.folder.path().join("chain.pem"), secure.setup.folder.path().join("key.pem"));
    let (good_chain, good_key) = (fs::read_to_string(&chain).unwrap(), fs::read_to_string(&key).unwrap());
    let other = secure.authority.issue(&["127.0.0.1"], Duration::days(1));
    let cases = [
        (None, Some(good_key.as_str()), "tls.certificate: cannot read ", "expected a PEM file that this user may read"),
        (Some(good_chain.as_str()), None, "tls.key: cannot read ", "expected a PEM file that this user may read"),
        (
            Some("words"),
            Some(good_key.as_str()),
            "tls.certificate: ",
            "has no certificate; expected a PEM file with the server's",
        ),
        (Some(good_chain.as_str()), Some("words"), "tls.key: ", "has no private key; expected a PEM file with"),
        (
            Some(good_chain.as_str()),
            Some(other.key.as_str()),
            "tls.key: ",
            "does not belong to the certificate; expected the key it was",
        ),
    ];
    for (new_chain, new_key, start, right) in cases {
        for (path, text) in [(&chain, new_chain), (&key, new_key)] {
            match text {
                Some(text) => fs::write(path, text).unwrap(),
                None => drop(fs::remove_file(path)),
            }
        }
        let line = refused(&secure.setup);
        assert!(line.starts_with(&format!("hubbub: {start}")) && line.contains(right), "{line}");
        let check = secure.setup.command().args(["config", "check"]).output().unwrap();
        assert!(!check.status.success() && String::from_utf8(check.stderr).unwrap().contains(right));
    }
}

#[test]
fn a_taken_port_for_the_redirect_is_named() {
    let secure = Secure::new();
    let _taken = std::net::TcpListener::bind(("127.0.0.1", secure.redirect)).unwrap();
    let line = refused(&secure.setup);
    assert!(line.contains(&secure.redirect.to_string()) && line.contains("http.redirect_bind"), "{line}");
}

#[test]
fn a_redirect_without_tls_is_refused() {
    let line = refused(&Setup::new().with("HUBBUB__HTTP__REDIRECT_BIND", "127.0.0.1:0"));
    assert!(line.contains("http.redirect_bind") && line.contains("set tls.certificate and tls.key"), "{line}");
}
