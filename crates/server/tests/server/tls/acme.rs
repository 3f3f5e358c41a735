//! Certificates from an ACME server, from the first start to renewal.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use time::Duration;

use super::ca::Ca;
use crate::harness::{PATIENCE, Reach, Server, Setup, free_port};

const NAME: &str = "talk.example.org";
const ISSUED: &str = r#"hubbub_tls_acme_orders_total{outcome="ok"}"#;
const FAILED: &str = r#"hubbub_tls_acme_orders_total{outcome="failed"}"#;
const EXPIRY: &str = "hubbub_tls_certificate_expiry_timestamp_seconds";

/// A server that asks an ACME server of its own.
struct Acme {
    setup: Setup,
    ca: Ca,
}

impl Acme {
    async fn new(challenge: &str) -> Self {
        let (setup, redirect) = (Setup::new(), free_port());
        let ca = Ca::start(setup.http, redirect).await;
        let root = setup.folder.path().join("root.pem");
        std::fs::write(&root, ca.root()).unwrap();
        let reach = Reach::secure(NAME, setup.http, &ca.root());
        let setup = setup
            .with("HUBBUB__TLS__ACME", "true")
            .with("HUBBUB__TLS__ACME_DOMAINS", "talk.example.org, www.example.org")
            .with("HUBBUB__TLS__ACME_CONTACT", "ops@example.org")
            .with("HUBBUB__TLS__ACME_DIRECTORY", &ca.directory)
            .with("HUBBUB__TLS__ACME_DIRECTORY_CA", &root.display().to_string())
            .with("HUBBUB__TLS__ACME_CHALLENGE", challenge)
            .with("HUBBUB__TLS__ACME_RETRY_SECONDS", "1")
            .with("HUBBUB__HTTP__REDIRECT_BIND", &format!("127.0.0.1:{redirect}"))
            .reached(reach);
        Self { setup, ca }
    }

    fn mode(&self, name: &str) -> u32 {
        let path = self.setup.data().join("acme").join(name);
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777
    }
}

async fn is_served(server: &Server) -> bool {
    server
        .reach
        .client()
        .get(format!("{}/healthz", server.base))
        .send()
        .await
        .is_ok_and(|answer| answer.status() == 200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_by_tls_alpn_01_is_had_once_and_kept() {
    let acme = Acme::new("tls-alpn-01").await;
    let server = acme.setup.start().await;
    server.metric_reaches(ISSUED, 1.0).await;
    assert!(is_served(&server).await);
    assert!(server.metric(EXPIRY).await.unwrap() > 1.0);
    let looked = server.metric(r#"hubbub_tls_handshakes_total{outcome="challenge"}"#).await;
    assert_eq!(looked, Some(2.0), "the ACME server has looked at both names");
    // The other name is in it too.
    let www = Reach::secure("www.example.org", acme.setup.http, &acme.ca.root());
    let url = format!("https://www.example.org:{}/healthz", acme.setup.http);
    assert_eq!(www.client().get(url).send().await.unwrap().status(), 200);
    assert_eq!((acme.mode(""), acme.mode("account.json"), acme.mode("certificate.pem")), (0o700, 0o600, 0o600));
    server.kill();

    let server = acme.setup.start().await;
    assert!(is_served(&server).await);
    assert_eq!((acme.ca.orders(), acme.ca.contacts()), (1, vec![serde_json::json!(["mailto:ops@example.org"])]));
    assert_eq!(server.metric(ISSUED).await, Some(0.0), "the second start has asked for nothing");
    assert_eq!(acme.ca.problems(), Vec::<String>::new(), "and the protocol was kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_by_http_01_is_had() {
    let acme = Acme::new("http-01").await;
    let server = acme.setup.start().await;
    server.metric_reaches(ISSUED, 1.0).await;
    assert!(is_served(&server).await);
    assert_eq!(server.metric(r#"hubbub_tls_handshakes_total{outcome="challenge"}"#).await, Some(0.0));
    assert_eq!(acme.ca.problems(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_near_its_end_is_renewed_under_running_connections() {
    let acme = Acme::new("tls-alpn-01").await;
    // Less than a third of the first one's life is left.
    acme.ca.lives(&[(Duration::hours(-3), Duration::hours(1)), (Duration::hours(-1), Duration::days(89))]);
    let server = acme.setup.start().await;
    let ada = server.user("ada").await;
    let mut socket = server.socket(&ada).await;
    server.metric_reaches(ISSUED, 2.0).await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    server.metric_reaches(EXPIRY, now + 80.0 * 86_400.0).await;
    socket.send(serde_json::json!({ "type": "ping", "id": 1 })).await;
    socket.wait_for("pong").await;
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    assert_eq!((acme.ca.orders(), server.metric(ISSUED).await), (2, Some(2.0)), "and then there is peace");
    assert_eq!(acme.ca.contacts().len(), 1, "one account for both");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acme_server_that_fails_is_named_and_asked_again_with_pauses() {
    let acme = Acme::new("tls-alpn-01").await;
    acme.ca.breaks(true);
    let server = acme.setup.spawn();
    let line = server.logged("there is no new TLS certificate for talk.example.org, www.example.org").await;
    assert!(line.contains("WARN") && line.contains("the next try is in"), "{line}");
    server.metric_reaches(FAILED, 2.0).await;
    assert_eq!(server.metric(EXPIRY).await, Some(0.0));
    assert!(!is_served(&server).await, "there is nothing to shake hands with");
    server.metric_reaches(r#"hubbub_tls_handshakes_total{outcome="no_certificate"}"#, 1.0).await;
    acme.ca.breaks(false);
    server.metric_reaches(ISSUED, 1.0).await;
    assert!(is_served(&server).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_leads_elsewhere_is_named_with_what_the_acme_server_saw() {
    let acme = Acme::new("tls-alpn-01").await;
    acme.ca.looks_at(free_port());
    let server = acme.setup.spawn();
    let line = server.logged("talk.example.org was not proved to be ours").await;
    assert!(line.contains("refused") && line.contains("its port 443 must lead to http.bind"), "{line}");
    acme.ca.looks_at(acme.setup.http);
    server.metric_reaches(ISSUED, 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_the_acme_server_has_forgotten_is_made_anew() {
    let acme = Acme::new("tls-alpn-01").await;
    let server = acme.setup.start().await;
    server.kill();
    std::fs::remove_file(acme.setup.data().join("acme/certificate.pem")).unwrap();
    acme.ca.forgets_accounts();
    let server = acme.setup.start().await;
    server.metric_reaches(ISSUED, 1.0).await;
    assert_eq!((server.metric(FAILED).await, acme.ca.contacts().len()), (Some(1.0), 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_names_and_other_servers_make_the_kept_certificate_useless() {
    let mut acme = Acme::new("tls-alpn-01").await;
    acme.setup.start().await.kill();
    acme.setup.set("HUBBUB__TLS__ACME_DOMAINS", "talk.example.org, www.example.org, new.example.org");
    let server = acme.setup.start().await;
    server.metric_reaches(ISSUED, 1.0).await;
    server.kill();
    assert_eq!(acme.ca.orders(), 2);
    // The same names at another server.
    let other = Ca::start(acme.setup.http, free_port()).await;
    std::fs::write(Path::new(&acme.setup.folder.path().join("root.pem")), other.root()).unwrap();
    acme.setup.set("HUBBUB__TLS__ACME_DIRECTORY", &other.directory);
    let server = acme.setup.spawn();
    server.metric_reaches(ISSUED, 1.0).await;
    assert_eq!((other.orders(), acme.ca.orders()), (1, 2));
    let until = std::time::Instant::now() + PATIENCE;
    let reach = Reach::secure("new.example.org", acme.setup.http, &other.root());
    let url = format!("https://new.example.org:{}/healthz", acme.setup.http);
    while reach.client().get(&url).send().await.is_err() {
        assert!(std::time::Instant::now() < until, "{}", server.log());
    }
}
