//! Somebody who asks.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request};
use serde_json::Value;
use tower::ServiceExt as _;

use super::Answer;

/// A client at some address with some headers. Cheap to clone; nothing is kept between requests.
#[derive(Clone)]
pub(crate) struct Client {
    router: axum::Router,
    peer: SocketAddr,
    headers: Vec<(&'static str, String)>,
}

impl Client {
    pub(crate) fn new(router: axum::Router) -> Self {
        let headers = vec![("host", "127.0.0.1:8080".to_owned())];
        Self { router, peer: "198.51.100.1:4711".parse().unwrap(), headers }
    }

    /// From another address.
    pub(crate) fn at(mut self, ip: &str) -> Self {
        self.peer = SocketAddr::new(ip.parse().unwrap(), 4711);
        self
    }

    /// With a header more; a second one of the same name is sent beside the first, except for `host`.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if name == "host" {
            self.headers.retain(|(other, _)| *other != name);
        }
        self.headers.push((name, value.into()));
        self
    }

    /// With an access token.
    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, Vec::new()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.json(Method::POST, path, body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.json(Method::PATCH, path, body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None, Vec::new()).await
    }

    /// POST without a body.
    pub(crate) async fn poke(&self, path: &str) -> Answer {
        self.send(Method::POST, path, None, Vec::new()).await
    }

    pub(crate) async fn put_picture(&self, content_type: &str, bytes: Vec<u8>) -> Answer {
        self.send(Method::PUT, "/api/users/me/avatar", Some(content_type), bytes).await
    }

    async fn json(&self, method: Method, path: &str, body: Value) -> Answer {
        self.send(method, path, Some("application/json"), body.to_string().into_bytes()).await
    }

    /// Any request.
    pub(crate) async fn send(&self, method: Method, path: &str, content_type: Option<&str>, body: Vec<u8>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).extension(ConnectInfo(self.peer));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let request = request.body(Body::from(body)).unwrap();
        Answer::read(self.router.clone().oneshot(request).await.unwrap()).await
    }
}
