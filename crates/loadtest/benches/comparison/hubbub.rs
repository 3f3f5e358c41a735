//! Hubbub under test: the release binary with one media worker, accounts and rooms by `hubbub admin` and the public API.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use hubbub_loadtest::engine::{PeerId, PeerSpec, Role};
use hubbub_loadtest::session::RestClient;
use hubbub_loadtest::{Engine, Session, Signaling, Target};
use parking_lot::Mutex;
use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

use crate::Failure;
use crate::process::Server;
use crate::sfu::{Place, Sfu};

/// How long it may take to be ready.
const START: Duration = Duration::from_secs(20);

/// A running server.
pub(crate) struct Hubbub {
    server: Server,
    media_port: u16,
    sessions: Vec<Session>,
    rooms: Vec<Uuid>,
    prepared: Mutex<HashMap<usize, Signaling>>,
    _folder: TempDir,
}

/// The release binary beside this benchmark.
fn binary() -> Result<PathBuf, Failure> {
    let bench = std::env::current_exe()?;
    let folder = bench.ancestors().nth(2).ok_or("benchmarks are two folders below the target folder")?;
    let binary = folder.join("hubbub");
    if binary.exists() {
        Ok(binary)
    } else {
        Err(format!("{} is missing: cargo build --release --package hubbub-server", binary.display()).into())
    }
}

/// `hubbub 0.1.0`
pub(crate) fn version() -> Result<String, Failure> {
    let output = Command::new(binary()?).arg("--version").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

impl Hubbub {
    /// Starts it with so many accounts and rooms.
    pub(crate) async fn start(accounts: usize, rooms: usize) -> Result<Self, Failure> {
        let binary = binary()?;
        let folder = TempDir::new()?;
        let (port, media_port) = (free_port()?, free_port()?);
        let command = || {
            let mut command = Command::new(&binary);
            for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HUBBUB")) {
                command.env_remove(name);
            }
            command
                .current_dir(folder.path())
                .env("HUBBUB_CONFIG", "/dev/null")
                .env("HUBBUB__HTTP__BIND", format!("127.0.0.1:{port}"))
                .env("HUBBUB__DATA__DIR", folder.path().join("data"))
                .env("HUBBUB__LOG__FILTER", "warn")
                .env("HUBBUB__METRICS__BIND", "")
                .env("HUBBUB__MEDIA__BIND", "127.0.0.1")
                .env("HUBBUB__MEDIA__FIRST_PORT", media_port.to_string())
                // The most is looked for: it is what the server does, not what it admits.
                .env("HUBBUB__MEDIA__MAX_BUSY_PERCENT", "100")
                .env("HUBBUB__MEDIA__WORKERS", "1");
            for limit in ["REQUESTS", "ROOMS"] {
                command.env(format!("HUBBUB__LIMITS__{limit}"), "100000/1ms");
            }
            command
        };
        let log = folder.path().join("log");
        let mut server = Server::start(command(), &log)?;
        let client = RestClient::new(Target::parse(&format!("http://127.0.0.1:{port}"))?)?;
        let begin = Instant::now();
        while client.request(Method::GET, "/api/server", None, None).await.is_err() {
            if server.has_ended() || begin.elapsed() > START {
                let text = std::fs::read_to_string(&log).unwrap_or_default();
                return Err(format!("hubbub did not start: {}", text.trim()).into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let file = folder.path().join("accounts.json");
        let mut admin = command();
        admin.args(["admin", "users", "create", "--prefix", "bench", "--count"]).arg(accounts.to_string());
        let made = admin.arg("--json").arg(&file).output()?;
        if !made.status.success() {
            let text = String::from_utf8_lossy(&made.stderr);
            return Err(format!("hubbub admin could not make the accounts: {}", text.trim()).into());
        }
        let listed: Vec<Value> = serde_json::from_slice(&std::fs::read(&file)?)?;
        let sessions: Vec<Session> = listed
            .iter()
            .filter_map(|account| Some(Session::with_token(&client, account["accessToken"].as_str()?)))
            .collect();
        let mut made = Vec::with_capacity(rooms);
        for number in 0..rooms {
            // Each user may own so many rooms only.
            let owner = sessions.get(number % accounts.max(1)).ok_or("hubbub admin made no tokens")?;
            made.push(owner.create_room(&format!("Room {number}"), 5000).await?);
        }
        Ok(Self { server, media_port, sessions, rooms: made, prepared: Mutex::default(), _folder: folder })
    }
}

impl Sfu for Hubbub {
    fn server(&self) -> &Server {
        &self.server
    }

    fn media_address(&self) -> Option<SocketAddr> {
        Some((Ipv4Addr::LOCALHOST, self.media_port).into())
    }

    fn prepare<'a>(&'a self, place: Place) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let session = self.sessions.get(place.peer).ok_or("too few accounts")?;
            let signaling = Signaling::connect(session).await?;
            self.prepared.lock().insert(place.peer, signaling);
            Ok(())
        })
    }

    fn join<'a>(&'a self, engine: &'a Engine, place: Place, role: Role) -> BoxFuture<'a, Result<PeerId, Failure>> {
        Box::pin(async move {
            let room = *self.rooms.get(place.room).ok_or("too few rooms")?;
            let prepared = self.prepared.lock().remove(&place.peer);
            if let Some(signaling) = prepared {
                return Ok(engine.join_over(signaling, room, role).await?);
            }
            let session = self.sessions.get(place.peer).ok_or("too few accounts")?.clone();
            Ok(engine.join(PeerSpec { session, room, role }).await?)
        })
    }

    fn connect_speakers<'a>(&'a self, _: &'a Engine) -> BoxFuture<'a, Result<(), Failure>> {
        // Whoever joins hears everybody.
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A port that was free for TCP and UDP a moment ago.
fn free_port() -> Result<u16, Failure> {
    loop {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
}
