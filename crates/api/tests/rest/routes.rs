//! The router as a whole: what it answers, and how it fits beside others.

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse as _;
use axum::routing::get;

use crate::support::{Client, TestApi};

#[tokio::test]
async fn unknown_paths_under_api_are_problems() {
    let api = TestApi::new();
    for path in ["/api", "/api/", "/api/nothing", "/api/rooms/", "/api/a/b/c/d", "/api/docs/nothing.js"] {
        api.stranger().get(path).await.expect_problem(404, "not-found");
    }
    api.stranger().poke("/api/nothing").await.expect_problem(404, "not-found");
}

#[tokio::test]
async fn it_merges_with_routers_that_have_a_fallback() {
    let api = TestApi::new();
    let whole =
        Router::new().route("/ws", get(|| async { "socket" })).merge(api.router()).fallback(|| async { "page" });
    let client = Client::new(whole);
    assert_eq!(client.get("/ws").await.text(), "socket");
    assert_eq!(client.get("/rooms/1").await.text(), "page");
    client.get("/api/nothing").await.expect_problem(404, "not-found");
    client.get("/api/server").await.expect(200);
    client.delete("/api/rooms").await.expect_problem(405, "method-not-allowed");
}

#[tokio::test]
async fn a_layer_around_it_sees_which_route_matched() {
    let api = TestApi::new();
    let layered =
        api.router().layer(from_fn(|matched: Option<MatchedPath>, request: Request, next: Next| async move {
            let path = matched.map_or("none".to_owned(), |path| path.as_str().to_owned());
            ([("x-route", path)], next.run(request).await).into_response()
        }));
    let client = Client::new(layered);
    for (path, route) in [
        ("/api/rooms/0192f0c1-2b3c-7d4e-8f50-617283940a1b", "/api/rooms/{id}"),
        ("/api/users/me", "/api/users/me"),
        ("/api/users/x/avatar", "/api/users/{id}/avatar"),
        ("/api/what/ever", "/api/{*rest}"),
        ("/dev/outbox", "/dev/outbox"),
    ] {
        assert_eq!(client.get(path).await.header("x-route"), route);
    }
}

#[tokio::test]
async fn every_route_of_the_document_answers() {
    let api = TestApi::new();
    let document = hubbub_api::openapi_document();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.replace("{id}", "0192f0c1-2b3c-7d4e-8f50-617283940a1b").replace("{token}", "x");
        for (method, operation) in methods.as_object().unwrap() {
            let method = method.to_uppercase().parse().unwrap();
            let answer = api.stranger().send(method, &path, Some("application/json"), b"{}".to_vec()).await;
            let documented = operation["responses"].as_object().unwrap();
            assert!(documented.contains_key(&answer.status.to_string()), "{path}: {} {}", answer.status, answer.text());
            if operation.get("security").is_none() {
                answer.expect_problem(401, "unauthorized");
            }
        }
    }
}
