//! The Janus API over one WebSocket (its documentation, "WebSockets Interface"): a session with a handle a connection.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::Failure;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(30);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Pending = Arc<Mutex<HashMap<String, mpsc::UnboundedSender<Value>>>>;

/// A session.
pub(crate) struct Api {
    outgoing: tokio::sync::Mutex<SplitSink<Socket, Message>>,
    pending: Pending,
    next: AtomicU64,
    session: u64,
}

/// What a plugin answered.
pub(crate) struct Answer {
    pub(crate) data: Value,
    pub(crate) jsep: Value,
}

impl Api {
    /// Opens the socket and a session.
    pub(crate) async fn connect(url: &str) -> Result<Self, Failure> {
        let mut request = url.into_client_request()?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("janus-protocol"));
        let (socket, _) = tokio_tungstenite::connect_async(request).await?;
        let (outgoing, mut incoming) = socket.split();
        let pending = Pending::default();
        let waiting = Arc::clone(&pending);
        tokio::spawn(async move {
            while let Some(Ok(message)) = incoming.next().await {
                let Message::Text(text) = message else { continue };
                let Ok(value) = serde_json::from_str::<Value>(&text) else { continue };
                let transaction = value["transaction"].as_str().unwrap_or_default().to_owned();
                if let Some(waiter) = waiting.lock().get(&transaction) {
                    // Who waited may have given up.
                    let _ = waiter.send(value);
                }
            }
            waiting.lock().clear();
        });
        let mut api =
            Self { outgoing: tokio::sync::Mutex::new(outgoing), pending, next: AtomicU64::new(1), session: 0 };
        let created = api.ask(json!({"janus": "create"}), |_| true).await?;
        api.session = created["data"]["id"].as_u64().ok_or("janus gave no session")?;
        Ok(api)
    }

    /// A new handle of the VideoRoom plugin.
    pub(crate) async fn attach(&self) -> Result<u64, Failure> {
        let body = json!({"janus": "attach", "session_id": self.session, "plugin": "janus.plugin.videoroom"});
        let attached = self.ask(body, |_| true).await?;
        attached["data"]["id"].as_u64().ok_or_else(|| format!("janus gave no handle: {attached}").into())
    }

    /// A message to the plugin; the answer may come as an event later.
    pub(crate) async fn message(&self, handle: u64, body: Value, jsep: Option<Value>) -> Result<Answer, Failure> {
        let mut message = json!({"janus": "message", "session_id": self.session, "handle_id": handle, "body": body});
        if let Some(jsep) = jsep {
            message["jsep"] = jsep;
        }
        let answer = self.ask(message, |answer| answer["janus"] != "ack").await?;
        let data = &answer["plugindata"]["data"];
        if let Some(error) = data["error"].as_str() {
            return Err(format!("janus refused {}: {error}", body_name(&answer)).into());
        }
        Ok(Answer { data: data.clone(), jsep: answer["jsep"].clone() })
    }

    /// Says that the client's candidates are all known: it learns them from the checks.
    pub(crate) async fn no_more_candidates(&self, handle: u64) -> Result<(), Failure> {
        let completed = json!({
            "janus": "trickle", "session_id": self.session, "handle_id": handle, "candidate": {"completed": true},
        });
        self.ask(completed, |_| true).await.map(|_| ())
    }

    /// Sends, and waits for the first answer that counts.
    async fn ask(&self, mut message: Value, counts: impl Fn(&Value) -> bool) -> Result<Value, Failure> {
        let transaction = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        message["transaction"] = Value::from(transaction.clone());
        let (sender, mut answers) = mpsc::unbounded_channel();
        self.pending.lock().insert(transaction.clone(), sender);
        self.outgoing.lock().await.send(Message::text(message.to_string())).await?;
        let answer = tokio::time::timeout(ANSWER, async {
            loop {
                match answers.recv().await {
                    Some(answer) if answer["janus"] == "error" || counts(&answer) => break Some(answer),
                    Some(_) => {}
                    None => break None,
                }
            }
        })
        .await;
        self.pending.lock().remove(&transaction);
        let answer = answer.map_err(|_| "janus did not answer in 30 s")?.ok_or("janus closed the WebSocket")?;
        if answer["janus"] == "error" {
            return Err(format!("janus refused {}: {}", message["janus"], answer["error"]["reason"]).into());
        }
        Ok(answer)
    }
}

fn body_name(answer: &Value) -> String {
    answer["plugindata"]["data"]["videoroom"].to_string()
}
