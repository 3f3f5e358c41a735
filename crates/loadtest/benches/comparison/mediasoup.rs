//! mediasoup under test, where it is installed: one worker, one port for all (`WebRtcServer`), and the smallest application that
//! can be written for it (mediasoup.mjs). Whoever speaks and hears has a connection for each, as with mediasoup's own client.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use hubbub_loadtest::Engine;
use hubbub_loadtest::engine::{
    Credentials, JoinTimes, LocalDescription, MediaRequest, PeerId, RemoteDescription, RemoteMedia, Role,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::Failure;
use crate::process::Server;
use crate::sfu::{Place, Sfu, all_of};

/// How long it may take to be ready.
const START: Duration = Duration::from_secs(20);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(30);
/// The variable that names the folder in which `npm install mediasoup` was run.
pub(crate) const FOLDER: &str = "MEDIASOUP_FOLDER";
/// The application.
const APPLICATION: &str = include_str!("mediasoup.mjs");

type Pending = std::sync::Arc<Mutex<HashMap<u64, oneshot::Sender<Value>>>>;

/// A running server.
pub(crate) struct Mediasoup {
    server: Server,
    outgoing: tokio::sync::Mutex<OwnedWriteHalf>,
    pending: Pending,
    next: std::sync::atomic::AtomicU64,
    media: SocketAddr,
    /// Who speaks in each room.
    producers: Mutex<HashMap<usize, Vec<String>>>,
    _folder: TempDir,
}

/// `mediasoup 3.27.1`; `None` where nobody said where it is.
pub(crate) fn version() -> Option<String> {
    let package = PathBuf::from(std::env::var_os(FOLDER)?).join("node_modules/mediasoup/package.json");
    let package: Value = serde_json::from_slice(&std::fs::read(package).ok()?).ok()?;
    Some(format!("mediasoup {}", package["version"].as_str()?))
}

impl Mediasoup {
    /// Starts it.
    pub(crate) async fn start() -> Result<Self, Failure> {
        let installed = std::env::var_os(FOLDER).ok_or_else(|| format!("{FOLDER} names no folder"))?;
        let folder = TempDir::new()?;
        let application = folder.path().join("mediasoup.mjs");
        std::fs::write(&application, APPLICATION)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let media = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new("node");
        command.arg(&application).arg(installed).arg(port.to_string()).arg(media.port().to_string());
        let log = folder.path().join("log");
        let mut server = Server::start(command, &log)?;
        let begin = Instant::now();
        let socket = loop {
            match TcpStream::connect(("127.0.0.1", port)).await {
                Ok(socket) => break socket,
                Err(error) => {
                    if server.has_ended() || begin.elapsed() > START {
                        let text = std::fs::read_to_string(&log).unwrap_or_default();
                        return Err(format!("mediasoup did not start: {error}: {}", text.trim()).into());
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        };
        socket.set_nodelay(true)?;
        let (incoming, outgoing) = socket.into_split();
        let mut lines = BufReader::new(incoming).lines();
        let hello = lines.next_line().await?.ok_or("mediasoup closed the connection")?;
        let hello: Value = serde_json::from_str(&hello)?;
        let worker = hello["worker"].as_i64().ok_or("mediasoup did not say which process its worker is")?;
        server.adopt(i32::try_from(worker)?)?;
        let pending = Pending::default();
        let waiting = std::sync::Arc::clone(&pending);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let Ok(answer) = serde_json::from_str::<Value>(&line) else { continue };
                let waiter = answer["id"].as_u64().and_then(|id| waiting.lock().remove(&id));
                // Who waited may have given up.
                let _ = waiter.map(|waiter| waiter.send(answer));
            }
            waiting.lock().clear();
        });
        Ok(Self {
            server,
            outgoing: tokio::sync::Mutex::new(outgoing),
            pending,
            next: std::sync::atomic::AtomicU64::new(0),
            media,
            producers: Mutex::default(),
            _folder: folder,
        })
    }

    /// Asks the application.
    async fn ask(&self, mut request: Value) -> Result<Value, Failure> {
        let id = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        request["id"] = Value::from(id);
        let (sender, answer) = oneshot::channel();
        self.pending.lock().insert(id, sender);
        self.outgoing.lock().await.write_all(format!("{request}\n").as_bytes()).await?;
        let answer = tokio::time::timeout(ANSWER, answer).await.map_err(|_| "mediasoup did not answer in 30 s")?;
        let answer = answer.map_err(|_| "mediasoup closed the connection")?;
        match answer["error"].as_str() {
            Some(error) => Err(format!("mediasoup refused {request}: {error}").into()),
            None => Ok(answer),
        }
    }

    /// A connection that sends, or one that hears all of a room but `except`.
    async fn connect(
        &self,
        engine: &Engine,
        place: Place,
        role: Role,
        except: Option<&str>,
    ) -> Result<PeerId, Failure> {
        let started = Instant::now();
        let local = engine.describe(role);
        let answer = self.ask(request(&local, place, except)).await?;
        let remote = description(&answer, local.microphone.is_none())?;
        let join = JoinTimes { answered: started.elapsed(), ..JoinTimes::default() };
        let media = MediaRequest { local, remote, room: Uuid::nil(), role, started, join };
        let id = engine.connect_media(media).await?;
        if let Some(producer) = answer["producer"].as_str() {
            self.producers.lock().entry(place.room).or_default().push(producer.to_owned());
        }
        Ok(id)
    }
}

impl Sfu for Mediasoup {
    fn server(&self) -> &Server {
        &self.server
    }

    fn media_address(&self) -> Option<SocketAddr> {
        Some(self.media)
    }

    fn prepare<'a>(&'a self, _: Place) -> BoxFuture<'a, Result<(), Failure>> {
        // All share a connection.
        Box::pin(std::future::ready(Ok(())))
    }

    fn join<'a>(&'a self, engine: &'a Engine, place: Place, role: Role) -> BoxFuture<'a, Result<PeerId, Failure>> {
        Box::pin(self.connect(engine, place, role, None))
    }

    fn connect_speakers<'a>(&'a self, engine: &'a Engine) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let rooms = self.producers.lock().clone();
            let rooms = rooms.into_iter().filter(|(_, producers)| producers.len() > 1);
            let speakers = rooms.flat_map(|(room, producers)| producers.into_iter().map(move |own| (room, own)));
            all_of(speakers.map(|(room, own)| async move {
                self.connect(engine, Place { peer: usize::MAX, room }, Role::Listener, Some(&own)).await
            }))
            .await
        })
    }
}

fn request(local: &LocalDescription, place: Place, except: Option<&str>) -> Value {
    let fingerprint = local.fingerprint.trim_start_matches("sha-256 ");
    let mut request = json!({"room": place.room, "fingerprint": fingerprint});
    if let Some(ssrc) = local.microphone {
        request["ssrc"] = Value::from(ssrc);
    }
    if let Some(except) = except {
        request["except"] = Value::from(except);
    }
    request
}

fn description(answer: &Value, sends: bool) -> Result<RemoteDescription, Failure> {
    let text = |key: &str| answer[key].as_str().ok_or_else(|| Failure::from(format!("mediasoup named no {key}")));
    let streams = answer["streams"].as_array().map_or(&[][..], Vec::as_slice);
    let media = streams.iter().filter_map(|stream| {
        let opus = stream["opus"].as_u64()?.try_into().ok()?;
        Some(RemoteMedia { mid: stream["mid"].as_str()?.to_owned(), opus, sends, red: None, nack: false })
    });
    Ok(RemoteDescription {
        credentials: Credentials { ufrag: text("ufrag")?.to_owned(), password: text("password")?.to_owned() },
        fingerprint: format!("sha-256 {}", text("fingerprint")?.to_uppercase()),
        udp: vec![text("address")?.parse()?],
        audio_level: None,
        media: media.collect(),
    })
}
