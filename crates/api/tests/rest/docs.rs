//! What the server says of itself: the document, its page, and what needs no login.

use serde_json::json;

use crate::support::TestApi;

#[tokio::test]
async fn the_document_is_served_as_it_is_committed() {
    let api = TestApi::new();
    let served = api.stranger().get("/api/openapi.json").await.expect(200).json();
    assert_eq!(served, hubbub_api::openapi_document());
    assert!(served["openapi"].as_str().unwrap().starts_with("3.1"));
}

#[tokio::test]
async fn the_page_works_without_the_internet_and_without_inline_scripts() {
    let api = TestApi::new();
    let moved = api.stranger().get("/api/docs").await.expect(308);
    assert_eq!(moved.header("location"), "/api/docs/");
    let page = api.stranger().get("/api/docs/").await.expect(200);
    let csp = page.header("content-security-policy");
    assert!(csp.contains("script-src 'self';") && csp.contains("default-src 'none'"), "{csp}");
    let text = page.text();
    assert!(!text.contains("http://") && !text.contains("https://"), "{text}");

    let quoted = text.split('"').filter(|part| [".js", ".css", ".png"].iter().any(|end| part.ends_with(end)));
    let files: Vec<&str> = quoted.map(|file| file.trim_start_matches("./")).collect();
    assert!(files.len() >= 5, "{files:?}");
    for file in &files {
        let file = api.stranger().get(&format!("/api/docs/{file}")).await.expect(200);
        assert_eq!(file.header("x-content-type-options"), "nosniff");
    }
    let start = api.stranger().get("/api/docs/swagger-initializer.js").await.expect(200).text();
    assert!(start.contains("/api/openapi.json") && !start.contains("petstore"), "{start}");
}

#[tokio::test]
async fn clients_learn_what_they_need_before_anybody_logs_in() {
    let api = TestApi::with(|config| config.server_name = "The Teapot".into());
    let info = api.stranger().get("/api/server").await.expect(200).json();
    let expected = json!({
        "name": "The Teapot", "version": env!("CARGO_PKG_VERSION"), "registrationOpen": true, "devOutbox": false,
        "passwordMin": 8, "passwordMax": 128, "maxForwardedSpeakers": 8,
    });
    assert_eq!(info, expected);
}

#[tokio::test]
async fn ice_servers_come_from_the_configuration() {
    let api = TestApi::new();
    let none = api.user("ada").await.get("/api/ice-servers").await.expect(200).json();
    assert_eq!(none, json!({ "iceServers": [], "ttlSeconds": 3600 }));

    let api = TestApi::with(|config| {
        config.ice_servers = std::sync::Arc::new(vec![
            hubbub_api::IceServerConfig {
                urls: vec!["stun:stun.example.org".into()],
                username: None,
                credential: None,
            },
            hubbub_api::IceServerConfig {
                urls: vec!["turn:turn.example.org".into()],
                username: Some("u".into()),
                credential: Some("c".into()),
            },
        ]);
    });
    let list = api.user("ada").await.get("/api/ice-servers").await.expect(200).json();
    assert_eq!(
        list["iceServers"],
        json!([
            { "urls": ["stun:stun.example.org"] },
            { "urls": ["turn:turn.example.org"], "username": "u", "credential": "c" },
        ])
    );
}
