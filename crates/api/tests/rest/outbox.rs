//! The built-in outbox: who may read it, and what it shows.

use hubbub_domain::storage::{Outbox as _, OutboxMail};
use hubbub_domain::{OutboxMailId, Timestamp};

use crate::support::{Client, TestApi};

const PATHS: [&str; 4] = ["/api/dev/outbox", "/dev/outbox", "/dev/outbox.css", "/dev/outbox.js"];

async fn with_mail(visible: bool, trusted: &[&str]) -> TestApi {
    let api = TestApi::with(|config| {
        config.outbox_visible = visible;
        config.trusted_proxies = trusted.iter().map(|network| network.parse().unwrap()).collect();
    });
    let mail = OutboxMail {
        id: OutboxMailId::new(),
        to: "ada@example.org".into(),
        subject: "Your code".into(),
        text: "Your code is\n\n    271828\n\n<script>alert(1)</script>".into(),
        created_at: Timestamp(1_795_255_200_000_000),
    };
    api.auth.storage.put_outbox_mail(mail).await.unwrap();
    api
}

async fn sees(client: Client) -> bool {
    let mut seen = Vec::new();
    for path in PATHS {
        let answer = client.get(path).await;
        if answer.status != 200 {
            let text = answer.expect_problem(404, "not-found").text();
            assert_eq!(text, client.get("/api/nothing").await.text(), "as unknown as any other path");
            seen.push(false);
        } else {
            seen.push(true);
        }
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
    assert_eq!(client.get("/api/server").await.json()["devOutbox"], seen[0]);
    seen[0]
}

#[tokio::test]
async fn whoever_sits_at_the_machine_reads_the_mail() {
    let api = with_mail(true, &[]).await;
    for ip in ["127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1"] {
        assert!(sees(api.stranger().at(ip)).await, "{ip}");
    }
    for host in ["localhost:8080", "[::1]:8080", "hubbub.localhost"] {
        assert!(sees(api.stranger().at("127.0.0.1").header("host", host)).await, "{host}");
    }
    let local = api.stranger().at("127.0.0.1");
    let mails = local.get("/api/dev/outbox").await.expect(200).json();
    assert_eq!(mails["mails"][0]["to"], "ada@example.org");
    assert_eq!(mails["mails"][0]["createdAt"], "2026-11-21T10:00:00.000000Z");

    let page = local.get("/dev/outbox").await.expect(200);
    let csp = page.header("content-security-policy");
    assert!(csp.contains("default-src 'none'") && !csp.contains("unsafe"), "{csp}");
    let text = page.text();
    assert!(text.contains("<code>271828</code>") && text.contains("ada@example.org"), "{text}");
    assert!(!text.contains("<script>alert"), "{text}");
    assert_eq!(local.get("/dev/outbox.css").await.header("content-type"), "text/css; charset=utf-8");
    assert_eq!(local.get("/dev/outbox.js").await.header("content-type"), "text/javascript; charset=utf-8");
}

#[tokio::test]
async fn nobody_else_does() {
    let api = with_mail(true, &[]).await;
    for ip in ["198.51.100.1", "10.0.0.1", "169.254.1.1", "::2", "fe80::1"] {
        assert!(!sees(api.stranger().at(ip)).await, "{ip}");
    }
}

#[tokio::test]
async fn with_smtp_there_is_no_outbox() {
    let api = with_mail(false, &[]).await;
    assert!(!sees(api.stranger().at("127.0.0.1")).await);
}

#[tokio::test]
async fn a_proxy_on_the_machine_lets_nobody_in() {
    let api = with_mail(true, &[]).await;
    let local = api.stranger().at("127.0.0.1");
    for (name, value) in [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-for", "203.0.113.1"),
        ("x-forwarded-for", ""),
        ("forwarded", "for=203.0.113.1"),
        ("x-real-ip", "203.0.113.1"),
        ("via", "1.1 proxy"),
    ] {
        assert!(!sees(local.clone().header(name, value)).await, "{name}: {value}");
    }
    let trusting = with_mail(true, &["127.0.0.0/8"]).await;
    let local = trusting.stranger().at("127.0.0.1");
    assert!(!sees(local.clone().header("x-forwarded-for", "203.0.113.1")).await);
    assert!(!sees(local.clone().header("x-forwarded-for", "127.0.0.1, 203.0.113.1")).await);
    assert!(!sees(local.clone().header("forwarded", "for=203.0.113.1")).await, "only X-Forwarded-For is believed");
    assert!(sees(local.clone().header("x-forwarded-for", "127.0.0.1")).await, "somebody here, through the proxy here");
    assert!(sees(local).await);
}

#[tokio::test]
async fn another_sites_name_for_this_machine_does_not_help() {
    let api = with_mail(true, &[]).await;
    for host in ["evil.example", "127.0.0.1.evil.example:8080", "198.51.100.1", "x y"] {
        assert!(!sees(api.stranger().at("127.0.0.1").header("host", host)).await, "{host}");
    }
}
