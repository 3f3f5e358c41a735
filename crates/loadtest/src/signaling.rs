//! One WebSocket: requests with their answers, and what the server says of its own accord.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use hubbub_protocol::{ClientMessage, MediaState, Participant, SdpType, ServerMessage, SessionDescription};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use uuid::Uuid;

use crate::error::LoadTestError;
use crate::session::Session;

/// How long the server may take to answer a message.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Pending = Arc<Mutex<HashMap<u32, oneshot::Sender<ServerMessage>>>>;

/// What the server has said so far.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The server's opinion of the media connection.
    pub media: Option<MediaState>,
    /// Seats taken in the room, one's own included.
    pub participants: usize,
    /// Who is heard in which slot, by mid.
    pub slots: HashMap<String, Uuid>,
    /// Why the socket is closed; `None` while it is open.
    pub closed: Option<String>,
}

/// The seat that `join` got.
#[derive(Clone, Debug)]
pub struct Seat {
    /// One's own seat.
    pub participant: Uuid,
    /// How many slots to offer.
    pub slots: u32,
    /// Who was in the room, oneself included.
    pub participants: Vec<Participant>,
}

/// An open socket. Closed when dropped.
pub struct Signaling {
    outgoing: tokio::sync::Mutex<SplitSink<Socket, Message>>,
    pending: Pending,
    view: watch::Receiver<View>,
    next_id: AtomicU32,
    reader: JoinHandle<()>,
}

impl Signaling {
    /// Opens a socket with a fresh ticket.
    ///
    /// # Errors
    /// [`LoadTestError::Refused`] when the server does not let us in, [`LoadTestError::Unreachable`] when it does not
    /// answer.
    pub async fn connect(session: &Session) -> Result<Self, LoadTestError> {
        let url = session.target().socket(&session.ws_ticket().await?);
        let (socket, _) =
            within(ANSWER_TIMEOUT, "opening the WebSocket", tokio_tungstenite::connect_async(url.as_str()))
                .await?
                .map_err(|e| refused_or_unreachable(session, e))?;
        let (outgoing, incoming) = socket.split();
        let (view_sender, view) = watch::channel(View::default());
        let pending = Pending::default();
        let reader = tokio::spawn(read(incoming, pending.clone(), view_sender));
        let outgoing = tokio::sync::Mutex::new(outgoing);
        Ok(Self { outgoing, pending, view, next_id: AtomicU32::new(0), reader })
    }

    /// What the server has said so far, and a way to wait for more.
    #[must_use]
    pub fn view(&self) -> watch::Receiver<View> {
        self.view.clone()
    }

    /// Takes a seat.
    ///
    /// # Errors
    /// [`LoadTestError::Refused`] with the error's code.
    pub async fn join(&self, room_id: Uuid, muted: bool) -> Result<Seat, LoadTestError> {
        match self.request(ClientMessage::Join { room_id, resume_token: None, muted }).await? {
            ServerMessage::Joined { participant_id, slots, participants, .. } => {
                Ok(Seat { participant: participant_id, slots, participants })
            }
            other => Err(unexpected("join", &other)),
        }
    }

    /// Sends an offer and returns the answer's SDP.
    ///
    /// # Errors
    /// [`LoadTestError::Refused`] with the error's code.
    pub async fn offer(&self, sdp: String) -> Result<String, LoadTestError> {
        let description = SessionDescription { kind: SdpType::Offer, sdp };
        match self.request(ClientMessage::SessionDescription { description }).await? {
            ServerMessage::SessionDescription { description, .. } => Ok(description.sdp),
            other => Err(unexpected("session-description", &other)),
        }
    }

    /// Gives the seat up.
    ///
    /// # Errors
    /// [`LoadTestError::Closed`] when the socket is gone.
    pub async fn leave(&self) -> Result<(), LoadTestError> {
        match self.request(ClientMessage::Leave {}).await? {
            ServerMessage::Left { .. } => Ok(()),
            other => Err(unexpected("leave", &other)),
        }
    }

    /// Sends a message and waits for what answers it.
    ///
    /// # Errors
    /// [`LoadTestError::Refused`] when that is an `error`.
    pub async fn request(&self, message: ClientMessage) -> Result<ServerMessage, LoadTestError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let kind = ClientMessage::TYPES[message.type_index()];
        let mut json = serde_json::to_value(&message).expect("messages are valid JSON");
        json["id"] = Value::from(id);

        let (sender, answer) = oneshot::channel();
        self.pending.lock().insert(id, sender);
        let sent = self.outgoing.lock().await.send(Message::text(json.to_string())).await;
        if let Err(e) = sent {
            self.pending.lock().remove(&id);
            return Err(LoadTestError::Closed(e.to_string()));
        }
        match within(ANSWER_TIMEOUT, "the answer to a message", answer).await? {
            Ok(ServerMessage::Error { code, message, .. }) => {
                Err(LoadTestError::Refused { what: kind.to_owned(), code: code.as_str().to_owned(), detail: message })
            }
            Ok(answer) => Ok(answer),
            Err(_) => {
                let reason = self.view.borrow().closed.clone();
                Err(LoadTestError::Closed(reason.unwrap_or_else(|| "the connection was lost".to_owned())))
            }
        }
    }
}

impl Drop for Signaling {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Waits for `work`, but not longer than `limit`.
pub(crate) async fn within<T>(
    limit: Duration,
    what: &'static str,
    work: impl Future<Output = T>,
) -> Result<T, LoadTestError> {
    tokio::time::timeout(limit, work).await.map_err(|_| LoadTestError::TimedOut { what, seconds: limit.as_secs() })
}

async fn read(mut incoming: SplitStream<Socket>, pending: Pending, view: watch::Sender<View>) {
    let reason = loop {
        match incoming.next().await {
            Some(Ok(Message::Text(text))) => match serde_json::from_str::<ServerMessage>(&text) {
                Ok(message) => handle(message, &pending, &view),
                // Unknown types are ignored, as the protocol asks of clients.
                Err(e) => tracing::debug!(error = %e, "unknown message"),
            },
            Some(Ok(Message::Close(Some(frame)))) => break format!("{} {}", u16::from(frame.code), frame.reason),
            Some(Ok(Message::Close(None))) | None => break "without a reason".to_owned(),
            Some(Ok(_)) => {}
            Some(Err(e)) => break e.to_string(),
        }
    };
    view.send_modify(|view| view.closed = Some(reason));
    pending.lock().clear();
}

fn handle(message: ServerMessage, pending: &Pending, view: &watch::Sender<View>) {
    if let ServerMessage::News { messages } = message {
        return messages.into_iter().for_each(|message| handle(message, pending, view));
    }
    match &message {
        ServerMessage::Joined { participants, .. } => view.send_modify(|view| view.participants = participants.len()),
        ServerMessage::Participants { participants } => {
            view.send_modify(|view| view.participants += participants.len());
        }
        ServerMessage::AddPeer { .. } => view.send_modify(|view| view.participants += 1),
        ServerMessage::RemovePeer { .. } => view.send_modify(|view| {
            view.participants = view.participants.saturating_sub(1);
        }),
        ServerMessage::MediaState { state } => view.send_modify(|view| view.media = Some(*state)),
        ServerMessage::Slots { assignments } => view.send_modify(|view| {
            for slot in assignments {
                match slot.participant_id {
                    Some(participant) => view.slots.insert(slot.mid.clone(), participant),
                    None => view.slots.remove(&slot.mid),
                };
            }
        }),
        _ => {}
    }
    if let Some(waiting) = reply_to(&message).and_then(|id| pending.lock().remove(&id)) {
        // Whoever asked may have given up.
        let _ = waiting.send(message);
    }
}

fn reply_to(message: &ServerMessage) -> Option<u32> {
    match message {
        ServerMessage::Joined { reply_to, .. }
        | ServerMessage::Left { reply_to, .. }
        | ServerMessage::SessionDescription { reply_to, .. }
        | ServerMessage::MuteInfo { reply_to, .. }
        | ServerMessage::Pong { reply_to }
        | ServerMessage::Error { reply_to, .. } => *reply_to,
        _ => None,
    }
}

fn unexpected(request: &str, answer: &ServerMessage) -> LoadTestError {
    LoadTestError::Refused {
        what: request.to_owned(),
        code: ServerMessage::TYPES[answer.type_index()].to_owned(),
        detail: "not the answer to that message".to_owned(),
    }
}

fn refused_or_unreachable(session: &Session, error: SocketError) -> LoadTestError {
    match error {
        SocketError::Http(response) if !response.status().is_success() => LoadTestError::Refused {
            what: "the WebSocket".to_owned(),
            code: response.status().as_u16().to_string(),
            detail: response.status().canonical_reason().unwrap_or_default().to_owned(),
        },
        SocketError::Http(_) => LoadTestError::NotHubbub {
            url: session.target().rest("/ws").to_string(),
            reason: "it is no WebSocket".to_owned(),
        },
        other => LoadTestError::Unreachable { url: session.target().to_string(), reason: other.to_string() },
    }
}
