//! What came back.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Response};
use http_body_util::BodyExt as _;
use serde_json::Value;

/// An answer, read to its end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// Fails with the answer's text unless it has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// Fails unless this is a complete problem (RFC 9457) with this status and code.
    #[track_caller]
    pub(crate) fn expect_problem(self, status: u16, code: &str) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], "about:blank");
        assert!(problem["title"].is_string() && !problem["detail"].as_str().unwrap().is_empty(), "{problem}");
        assert_eq!(problem.get("errors").is_some(), code == "validation-failed", "{problem}");
        assert_eq!(self.headers.contains_key("retry-after"), matches!(status, 429 | 503), "{:?}", self.headers);
        self
    }

    /// Fails unless this is a 422 that names these fields, in this order.
    #[track_caller]
    pub(crate) fn expect_fields(self, fields: &[&str]) -> Self {
        let answer = self.expect_problem(422, "validation-failed");
        let named: Vec<String> =
            answer.json()["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap().into()).collect();
        assert_eq!(named, fields, "{}", answer.text());
        answer
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// One header's value.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers));
        value.to_str().unwrap()
    }

    /// The `Set-Cookie` of a name: its value and its attributes.
    pub(crate) fn cookie(&self, name: &str) -> Option<(String, Vec<String>)> {
        self.headers.get_all("set-cookie").iter().find_map(|header| {
            let mut parts = header.to_str().unwrap().split("; ").map(ToOwned::to_owned);
            let (found, value) = parts.next()?.split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned()))?;
            (found == name).then(|| (value, parts.collect()))
        })
    }
}
