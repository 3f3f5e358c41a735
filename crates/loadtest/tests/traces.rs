//! Traces as a collector gets them: a join from the request to the first packet, nothing secret, and nobody disturbed by a
//! collector that is away.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests fail the test")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hubbub_loadtest::{Peer, Session};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use reqwest::Method;
use support::{PASSWORD, PATIENCE, Server, free_port};
use tokio::net::TcpListener;

const KEY: &str = "the-key-to-the-collector";

/// A collector that keeps what it gets from those who have the key.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Span>>>);

impl Collector {
    /// Takes traces at this port.
    async fn listen(&self, port: u16) {
        let spans = self.0.clone();
        let take = async move |headers: HeaderMap, body: Bytes| {
            if headers.get("authorization").is_none_or(|value| value != &format!("Bearer {KEY}")) {
                return StatusCode::UNAUTHORIZED;
            }
            assert_eq!(headers["content-type"], "application/x-protobuf");
            let batch = ExportTraceServiceRequest::decode(body).unwrap();
            for resource in batch.resource_spans {
                let of = resource.resource.unwrap();
                assert_eq!(text(&of.attributes, "service.name").as_deref(), Some("choir"));
                spans.lock().unwrap().extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
            StatusCode::OK
        };
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let router = Router::new().route("/v1/traces", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
    }

    fn find(&self, wanted: impl Fn(&Span) -> bool) -> Option<Span> {
        self.0.lock().unwrap().iter().find(|span| wanted(span)).cloned()
    }

    /// Waits for such a span.
    async fn wait_for(&self, what: &str, wanted: impl Fn(&Span) -> bool) -> Span {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(span) = self.find(&wanted) {
                return span;
            }
            assert!(Instant::now() < deadline, "{what} does not come: {:#?}", self.0.lock().unwrap());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// An attribute that is a text.
fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        _ => None,
    }
}

fn has(span: &Span, event: &str) -> bool {
    span.events.iter().any(|found| found.name == event)
}

/// A server that sends its traces to this port.
async fn server(port: u16, settings: &[(&str, &str)]) -> Server {
    let endpoint = format!("http://127.0.0.1:{port}");
    let headers = format!("authorization: Bearer {KEY}");
    let mut all = vec![
        ("TRACES__ENDPOINT", endpoint.as_str()),
        ("TRACES__HEADERS", headers.as_str()),
        ("TRACES__SERVICE_NAME", "choir"),
        ("LOG__FILTER", "trace"),
    ];
    all.extend(settings);
    Server::start_with(&all).await
}

async fn people(server: &Server) -> Vec<Session> {
    let mut sessions = Vec::new();
    for email in server.register(2).await {
        sessions.push(server.login(&email).await.unwrap());
    }
    sessions
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_is_one_trace_from_the_request_to_the_first_packet() {
    let (collector, port) = (Collector::default(), free_port());
    collector.listen(port).await;
    // What is logged does not decide what is collected.
    let server = server(port, &[("LOG__FILTER", "warn")]).await;
    let sessions = people(&server).await;
    let room = sessions[0].create_room("Secret plans", 10).await.unwrap();
    let peer = Peer::join(&sessions[0], room, false).await.unwrap();
    peer.speak(0).await.unwrap();

    let join = collector.wait_for("the join", |span| span.name == "join" && has(span, "first audio packet")).await;
    for event in ["participant joined", "offer answered", "media connected"] {
        assert!(has(&join, event), "{event} is missing: {join:#?}");
    }
    let request = collector.wait_for("its request", |span| span.span_id == join.parent_span_id).await;
    assert_eq!((&*request.name, &request.trace_id), ("request", &join.trace_id));
    assert_eq!(text(&request.attributes, "http.route").as_deref(), Some("/ws"));
    assert_eq!(text(&request.attributes, "request.id"), text(&join.attributes, "request.id"));
    assert_eq!(text(&join.attributes, "room.id"), Some(room.to_string()));
    assert_eq!(text(&join.attributes, "participant.id"), Some(peer.seat().participant.to_string()));
    assert!(text(&join.attributes, "user.id").is_some() && text(&join.attributes, "socket.id").is_some());

    peer.leave().await.unwrap();
    let same = |span: &Span| {
        span.name == "socket" && text(&span.attributes, "socket.id") == text(&join.attributes, "socket.id")
    };
    let socket = collector.wait_for("the socket", same).await;
    assert_eq!((&socket.trace_id, &socket.parent_span_id), (&join.trace_id, &join.parent_span_id));

    // Strangers decide neither what is collected nor under which id.
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let theirs = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = http
        .get(format!("{}/api/server", server.url))
        .header("traceparent", format!("00-{theirs}-00f067aa0ba902b7-01"));
    let id = request.send().await.unwrap().headers()["x-request-id"].to_str().unwrap().to_owned();
    http.get(format!("{}/healthz", server.url)).send().await.unwrap();
    let mine = |span: &Span| text(&span.attributes, "request.id").as_ref() == Some(&id);
    let request = collector.wait_for("the request with a traceparent", mine).await;
    assert_ne!(request.trace_id, u128::from_str_radix(theirs, 16).unwrap().to_be_bytes());
    assert!(request.parent_span_id.is_empty());
    let quiet = |span: &Span| text(&span.attributes, "http.route").is_some_and(|route| route == "/healthz");
    assert_eq!(collector.find(quiet), None, "whether the server is well is of no interest");

    let told = format!("{:?}", collector.0.lock().unwrap());
    for secret in [PASSWORD, KEY, "@example.org", "Secret plans", "ice-pwd", "Bearer", "ticket="] {
        assert!(!told.contains(secret), "{secret} was sent to the collector");
    }
    assert!(!server.log().contains(KEY), "the collector's key is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_sent_before_the_end() {
    let (collector, port) = (Collector::default(), free_port());
    collector.listen(port).await;
    let mut server = server(port, &[]).await;
    let unknown = server.client().request(Method::GET, "/api/rooms/not-an-id", None, None).await;
    assert!(unknown.is_err());
    server.restart().await;
    let last = |span: &Span| text(&span.attributes, "http.route").is_some_and(|route| route == "/api/rooms/{id}");
    assert!(collector.find(last).is_some(), "the last request is missing");
}

/// Waits until the server's log has these words.
async fn said(server: &Server, words: &str) {
    let begin = Instant::now();
    while !server.log().contains(words) {
        assert!(begin.elapsed() < PATIENCE, "{words:?} is missing:\n{}", server.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_disturbs_nobody() {
    // It takes connections and never answers: the worst of all ways to be away.
    let deaf = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = deaf.local_addr().unwrap().port();
    let metrics = free_port();
    let bind = format!("127.0.0.1:{metrics}");
    let server = server(port, &[("TRACES__TIMEOUT_SECONDS", "1"), ("METRICS__BIND", &bind)]).await;
    let sessions = people(&server).await;
    let room = sessions[0].create_room("Tea", 10).await.unwrap();
    let (ada, bob) =
        (Peer::join(&sessions[0], room, false).await.unwrap(), Peer::join(&sessions[1], room, true).await.unwrap());

    // Deliveries fail meanwhile, and more than one does.
    let (http, begin, mut sent) = (reqwest::Client::builder().no_proxy().build().unwrap(), Instant::now(), 0);
    let failed = loop {
        server.client().request(Method::GET, "/api/server", None, None).await.unwrap();
        ada.speak(0).await.unwrap();
        sent += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
        let waiting_for = Instant::now();
        while bob.reception().distinct(0) < sent {
            assert!(waiting_for.elapsed() < PATIENCE, "bob has {} of {sent} packets", bob.reception().distinct(0));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let text = http.get(format!("http://{bind}/metrics")).send().await.unwrap().text().await.unwrap();
        let failed = text.lines().find_map(|line| line.strip_prefix(r#"hubbub_traces_spans_total{outcome="failed"} "#));
        if failed.unwrap().parse::<u64>().unwrap() > 100 {
            break failed.unwrap().to_owned();
        }
        assert!(begin.elapsed() < PATIENCE, "no delivery fails:\n{text}");
    };
    // It is counted a moment before it is said.
    said(&server, "does not take traces").await;
    assert_eq!(server.log().matches("does not take traces").count(), 1, "{failed} spans were given up");

    // It comes back.
    drop(deaf);
    let collector = Collector::default();
    collector.listen(port).await;
    collector.wait_for("a span", |_| true).await;
    said(&server, "takes traces again").await;
    assert_eq!(server.log().matches("takes traces again").count(), 1);
    ada.leave().await.unwrap();
    bob.leave().await.unwrap();
}
