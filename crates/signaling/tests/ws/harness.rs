//! A server with accounts in memory and a media plane that only writes down what it is told; and clients for it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hubbub_auth::testing::Harness;
use hubbub_auth::{Identity, LoggedIn};
use hubbub_domain::room::{MaxParticipants, RoomDescription, RoomName};
use hubbub_domain::storage::Rooms;
use hubbub_domain::{NewRoom, Room, RoomId, RoomPatch, UserId};
use hubbub_protocol::MAX_MESSAGE_BYTES;
use hubbub_sfu::{AdmitError, CallId, Command, Event, Grants, Offer, PeerId, PeerStats};
use hubbub_signaling::{Config, MediaPlane, Signaling};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use url::Url;
use uuid::Uuid;

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// How long seats outlive their sockets in these tests.
pub(crate) const RESUME_WINDOW: Duration = Duration::from_millis(700);

/// Writes orders down. An offer of "panic" panics, and so does removing `fragile`.
#[derive(Default)]
pub(crate) struct Recorder {
    commands: Mutex<Vec<Command>>,
    pub(crate) fragile: Mutex<Option<PeerId>>,
    /// What it says of the peers of every call.
    pub(crate) stats: Mutex<Vec<PeerStats>>,
    /// Why nobody new finds room, if so.
    pub(crate) refuses: Mutex<Option<AdmitError>>,
}

#[async_trait::async_trait]
impl MediaPlane for Recorder {
    fn send(&self, command: Command) {
        let panics = match &command {
            Command::Offer { offer, .. } => *offer == Offer::parse("panic"),
            Command::RemovePeer { peer } => *self.fragile.lock() == Some(*peer),
            _ => false,
        };
        assert!(!panics, "the media plane is told to panic");
        self.commands.lock().push(command);
    }

    fn admit(&self, _: CallId) -> Result<(), AdmitError> {
        self.refuses.lock().map_or(Ok(()), Err)
    }

    async fn peer_stats(&self, call: CallId) -> Vec<PeerStats> {
        self.stats.lock().iter().filter(|stats| stats.call == call).cloned().collect()
    }
}

impl Recorder {
    /// Whether `peer` was added and not removed since.
    pub(crate) fn knows(&self, peer: PeerId) -> bool {
        let commands = self.commands.lock();
        commands.iter().fold(false, |known, command| match command {
            Command::AddPeer { peer: p, .. } if *p == peer => true,
            Command::RemovePeer { peer: p } if *p == peer => false,
            _ => known,
        })
    }

    /// How many peers were added and not removed since.
    pub(crate) fn known(&self) -> usize {
        let mut known = std::collections::HashSet::new();
        for command in &*self.commands.lock() {
            match command {
                Command::AddPeer { peer, .. } => drop(known.insert(*peer)),
                Command::RemovePeer { peer } => drop(known.remove(peer)),
                _ => {}
            }
        }
        known.len()
    }

    /// The newest grants of `peer`.
    pub(crate) fn grants(&self, peer: PeerId) -> Option<Grants> {
        let commands = self.commands.lock();
        commands.iter().rev().find_map(|command| match command {
            Command::AddPeer { peer: p, grants, .. } | Command::SetGrants { peer: p, grants } if *p == peer => {
                Some(*grants)
            }
            _ => None,
        })
    }

    /// How many speakers the media plane was told to forward, in the order told.
    pub(crate) fn max_speakers(&self) -> Vec<usize> {
        let told = |command: &Command| match command {
            Command::AddPeer { max_speakers, .. } | Command::SetCall { max_speakers, .. } => Some(*max_speakers),
            _ => None,
        };
        self.commands.lock().iter().filter_map(told).collect()
    }

    /// The relayed addresses that `peer` named.
    pub(crate) fn relayed(&self, peer: PeerId) -> Vec<SocketAddr> {
        let named = |command: &Command| match command {
            Command::Relayed { peer: p, address } if *p == peer => Some(*address),
            _ => None,
        };
        self.commands.lock().iter().filter_map(named).collect()
    }

    /// The numbers of `peer`'s offers.
    pub(crate) fn offers(&self, peer: PeerId) -> Vec<u64> {
        let commands = self.commands.lock();
        let request = |command: &Command| match command {
            Command::Offer { peer: p, request, .. } if *p == peer => Some(*request),
            _ => None,
        };
        commands.iter().filter_map(request).collect()
    }

    /// Waits until there are `count` offers of `peer`.
    pub(crate) async fn wait_offers(&self, peer: PeerId, count: usize) -> Vec<u64> {
        eventually("the offers arrive", || self.offers(peer).len() >= count).await;
        self.offers(peer)
    }
}

pub(crate) struct World {
    pub(crate) accounts: Harness,
    pub(crate) signaling: Signaling,
    pub(crate) media: Arc<Recorder>,
    pub(crate) events: UnboundedSender<Event>,
    pub(crate) address: SocketAddr,
}

/// What most tests run with.
pub(crate) fn config() -> Config {
    Config { resume_window: RESUME_WINDOW, ..Config::new(Url::parse("https://talk.example.org").unwrap()) }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let media = Arc::new(Recorder::default());
        let (events, receiver) = unbounded_channel();
        let accounts = hubbub_auth::testing::auth();
        let (storage, auth, clock) = (accounts.storage.clone(), accounts.auth.clone(), accounts.clock.clone());
        let signaling = Signaling::new(config, storage, auth, clock, media.clone());
        tokio::spawn(signaling.clone().run(receiver));
        let address = serve(signaling.router()).await;
        Self { accounts, signaling, media, events, address }
    }

    pub(crate) async fn room(&self, owner: &LoggedIn) -> RoomId {
        self.room_with(owner, false, 100).await.id
    }

    pub(crate) async fn room_with(&self, owner: &LoggedIn, is_private: bool, seats: i64) -> Room {
        let room = NewRoom {
            name: RoomName::parse("Secret garden").unwrap(),
            description: RoomDescription::parse("").unwrap(),
            is_private,
            max_participants: MaxParticipants::new(seats).unwrap(),
            max_forwarded_speakers: None,
        };
        self.accounts.storage.create_room(owner.user.id, room, u64::MAX, self.accounts.now()).await.unwrap().unwrap()
    }

    pub(crate) async fn change_room(&self, room: RoomId, patch: RoomPatch) {
        self.accounts.clock.advance(Duration::from_secs(1));
        self.accounts.storage.update_room(room, patch, self.accounts.now()).await.unwrap().unwrap();
        self.signaling.handle_event(hubbub_domain::DomainEvent::RoomUpdated(room));
    }

    pub(crate) async fn user(&self, name: &str) -> LoggedIn {
        self.accounts.logged_in(name).await
    }

    /// A socket of `user` that has heard `welcome`.
    pub(crate) async fn connect(&self, user: &LoggedIn) -> Client {
        connect(self.address, user).await
    }

    /// A socket of `user` in `room`, and its `joined`.
    pub(crate) async fn joined(&self, user: &LoggedIn, room: RoomId) -> (Client, Value) {
        let mut client = self.connect(user).await;
        let joined = client.join(room).await;
        (client, joined)
    }

    /// A socket of a new user in `room`, and its seat.
    pub(crate) async fn guest(&self, name: &str, room: RoomId) -> (Client, Uuid) {
        let user = self.user(name).await;
        let (client, joined) = self.joined(&user, room).await;
        (client, seat(&joined))
    }
}

pub(crate) async fn serve(router: axum::Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

pub(crate) async fn connect(address: SocketAddr, user: &LoggedIn) -> Client {
    let bearer = format!("Bearer {}", user.tokens.access.expose());
    let mut client = open(address, "/ws?version=1", &[("authorization", &bearer)]).await.expect("a handshake");
    let welcome = client.expect("welcome").await;
    assert_eq!(welcome["userId"], json!(user.user.id));
    client
}

/// Opens a socket, or says with which HTTP status that was refused.
pub(crate) async fn open(address: SocketAddr, path: &str, headers: &[(&'static str, &str)]) -> Result<Client, u16> {
    let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(address).await.unwrap();
    match client_async(request, stream).await {
        Ok((socket, _)) => Ok(Client { socket, news: VecDeque::new() }),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<TcpStream>,
    /// What came in a message and was not asked for yet.
    news: VecDeque<Value>,
}

impl Client {
    pub(crate) async fn send(&mut self, message: Value) {
        self.send_text(message.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: String) {
        assert!(text.len() < 2 * MAX_MESSAGE_BYTES);
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// The next message, of type `kind`.
    #[track_caller]
    pub(crate) fn expect(&mut self, kind: &'static str) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        async move {
            let message = self.next().await;
            assert_eq!(message["type"], kind, "at {caller}: {message}");
            message
        }
    }

    /// The next message, an error with `code`.
    pub(crate) async fn expect_error(&mut self, code: &'static str) -> Value {
        let message = self.expect("error").await;
        assert_eq!(message["code"], code, "{message}");
        assert!(message["message"].as_str().is_some_and(|text| !text.is_empty()));
        message
    }

    /// The next message; news one by one.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            if let Some(message) = self.news.pop_front() {
                return message;
            }
            match timeout(PATIENCE, self.socket.next()).await.expect("a message in time") {
                Some(Ok(Message::Text(text))) => self.news = apart(&text).into(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("instead of a message: {other:?}"),
            }
        }
    }

    /// Sends a message and takes its answer.
    pub(crate) async fn ask(&mut self, message: Value) -> Value {
        self.send(message).await;
        self.next().await
    }

    pub(crate) async fn join(&mut self, room: RoomId) -> Value {
        self.send(json!({"type": "join", "roomId": room, "id": 1})).await;
        let joined = self.expect("joined").await;
        assert_eq!(joined["replyTo"], 1);
        joined
    }

    /// Nothing was sent to this client that it has not read.
    pub(crate) async fn expect_quiet(&mut self) {
        let answer = self.ask(json!({"type": "ping", "id": 4_000_000_000_u32})).await;
        assert_eq!(answer, json!({"type": "pong", "replyTo": 4_000_000_000_u32}));
    }

    /// Reads until the server closes; the close code.
    pub(crate) async fn expect_close(&mut self) -> u16 {
        self.messages_until_close().await.1
    }

    /// What comes before the server closes, and the close code.
    pub(crate) async fn messages_until_close(&mut self) -> (Vec<Value>, u16) {
        let mut messages: Vec<Value> = std::mem::take(&mut self.news).into();
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("a close in time") {
                Some(Ok(Message::Text(text))) => messages.extend(apart(&text)),
                Some(Ok(Message::Close(Some(frame)))) => return (messages, frame.code.into()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("instead of a close frame: {other:?}"),
            }
        }
    }

    /// Lets the network fail: no close frame.
    pub(crate) fn drop_connection(self) {
        drop(self);
    }
}

/// A message, or those that its news are.
fn apart(text: &str) -> Vec<Value> {
    let mut message: Value = serde_json::from_str(text).unwrap();
    if message["type"] == "news" { serde_json::from_value(message["messages"].take()).unwrap() } else { vec![message] }
}

/// The seat of a `joined`.
pub(crate) fn seat(joined: &Value) -> Uuid {
    serde_json::from_value(joined["participantId"].clone()).unwrap()
}

pub(crate) fn peer(seat: Uuid) -> PeerId {
    PeerId(seat.as_u128())
}

pub(crate) fn identity(user: &LoggedIn, world: &World) -> Identity {
    world.accounts.auth.authenticate(user.tokens.access.expose()).unwrap()
}

pub(crate) fn is_user(participant: &Value, user: UserId) -> bool {
    participant["userId"] == json!(user)
}

/// Waits until `condition` holds.
pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let waited = timeout(PATIENCE, async {
        while !condition() {
            sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("never came true: {what}"));
}
