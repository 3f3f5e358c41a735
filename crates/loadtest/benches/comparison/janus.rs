//! Janus under test: Debian's package with the VideoRoom plugin, as fast as its documentation makes it: one event loop,
//! ICE-lite, no NACK buffers for what has no NACK, no events.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use hubbub_loadtest::Engine;
use hubbub_loadtest::engine::{JoinTimes, MediaRequest, PeerId, RemoteDescription, Role};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::Failure;
use crate::janus_api::Api;
use crate::process::Server;
use crate::sfu::{Place, Sfu, all_of};

/// How long it may take to be ready.
const START: Duration = Duration::from_secs(20);
/// Where Debian puts plugins and transports, below /usr/lib.
const FOLDERS: [&str; 3] = ["/usr/lib/x86_64-linux-gnu/janus", "/usr/lib/aarch64-linux-gnu/janus", "/usr/lib/janus"];

/// A running server.
pub(crate) struct Janus {
    server: Server,
    api: Api,
    /// The publishers of each room.
    feeds: Mutex<HashMap<usize, Vec<u64>>>,
    /// Handles that wait for their peer.
    prepared: Mutex<HashMap<usize, u64>>,
    _folder: TempDir,
}

/// `janus 1.1.2`; `None` when it is not installed.
pub(crate) fn version() -> Option<String> {
    let output = Command::new("janus").arg("--version").output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let words = text.split_whitespace().map(|word| word.trim_matches(['(', ')', ',']));
    let number = words.into_iter().find(|word| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit()));
    Some(format!("janus {}", number.unwrap_or("of an unknown version")))
}

impl Janus {
    /// Starts it with so many rooms.
    pub(crate) async fn start(rooms: usize) -> Result<Self, Failure> {
        let folder = TempDir::new()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        write_configuration(folder.path(), port)?;
        let mut command = Command::new("janus");
        command.arg("--configs-folder").arg(folder.path());
        let log = folder.path().join("log");
        let mut server = Server::start(command, &log)?;
        let url = format!("ws://127.0.0.1:{port}");
        let begin = Instant::now();
        let api = loop {
            match Api::connect(&url).await {
                Ok(api) => break api,
                Err(error) => {
                    if server.has_ended() || begin.elapsed() > START {
                        let text = std::fs::read_to_string(&log).unwrap_or_default();
                        let last: Vec<&str> = text.lines().rev().take(5).collect();
                        return Err(format!("janus did not start: {error}: {}", last.join(" | ")).into());
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        };
        let handle = api.attach().await?;
        for room in 0..rooms {
            let body = json!({
                "request": "create", "room": room + 1, "publishers": 100, "audiocodec": "opus", "notify_joining": false,
                "audiolevel_event": false, "transport_wide_cc_ext": false,
            });
            let answer = api.message(handle, body, None).await?;
            if answer.data["videoroom"] != "created" {
                return Err(format!("janus made no room: {}", answer.data).into());
            }
        }
        Ok(Self { server, api, feeds: Mutex::default(), prepared: Mutex::default(), _folder: folder })
    }

    /// A connection that only sends.
    async fn publish(&self, engine: &Engine, place: Place, role: Role) -> Result<PeerId, Failure> {
        let handle = self.api.attach().await?;
        let started = Instant::now();
        let local = engine.describe(role);
        let feed = place.peer as u64 + 1;
        let body = json!({
            "request": "joinandconfigure", "ptype": "publisher", "room": place.room + 1, "id": feed,
            "audio": true, "video": false,
        });
        let jsep = json!({"type": "offer", "sdp": local.offer(0)});
        let answer = self.api.message(handle, body, Some(jsep)).await?;
        let remote = description(&answer.jsep)?;
        self.api.no_more_candidates(handle).await?;
        let id = connect(engine, local, remote, role, started).await?;
        self.feeds.lock().entry(place.room).or_default().push(feed);
        Ok(id)
    }

    /// A connection that hears some publishers.
    async fn subscribe(&self, engine: &Engine, place: Place, feeds: &[u64]) -> Result<PeerId, Failure> {
        let prepared = self.prepared.lock().remove(&place.peer);
        let handle = match prepared {
            Some(handle) => handle,
            None => self.api.attach().await?,
        };
        let started = Instant::now();
        let streams: Vec<Value> = feeds.iter().map(|feed| json!({"feed": feed})).collect();
        let body = json!({
            "request": "join", "ptype": "subscriber", "room": place.room + 1, "streams": streams, "use_msid": false,
        });
        let offer = self.api.message(handle, body, None).await?;
        let remote = description(&offer.jsep)?;
        let local = engine.describe(Role::Listener);
        let jsep = json!({"type": "answer", "sdp": local.answer(&remote)});
        self.api.message(handle, json!({"request": "start"}), Some(jsep)).await?;
        self.api.no_more_candidates(handle).await?;
        connect(engine, local, remote, Role::Listener, started).await
    }
}

impl Sfu for Janus {
    fn server(&self) -> &Server {
        &self.server
    }

    fn media_address(&self) -> Option<SocketAddr> {
        None
    }

    fn prepare<'a>(&'a self, place: Place) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let handle = self.api.attach().await?;
            self.prepared.lock().insert(place.peer, handle);
            Ok(())
        })
    }

    fn join<'a>(&'a self, engine: &'a Engine, place: Place, role: Role) -> BoxFuture<'a, Result<PeerId, Failure>> {
        Box::pin(async move {
            if role != Role::Listener {
                return self.publish(engine, place, role).await;
            }
            let feeds = self.feeds.lock().get(&place.room).cloned().unwrap_or_default();
            self.subscribe(engine, place, &feeds).await
        })
    }

    fn connect_speakers<'a>(&'a self, engine: &'a Engine) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let rooms = self.feeds.lock().clone();
            let rooms = rooms.into_iter().filter(|(_, feeds)| feeds.len() > 1);
            let speakers = rooms.flat_map(|(room, feeds)| {
                let others = |feed: &u64| feeds.iter().copied().filter(|other| other != feed).collect();
                feeds.iter().map(others).map(|others: Vec<u64>| (room, others)).collect::<Vec<_>>()
            });
            all_of(speakers.map(|(room, others)| async move {
                self.subscribe(engine, Place { peer: usize::MAX, room }, &others).await
            }))
            .await
        })
    }
}

async fn connect(
    engine: &Engine,
    local: hubbub_loadtest::engine::LocalDescription,
    remote: RemoteDescription,
    role: Role,
    started: Instant,
) -> Result<PeerId, Failure> {
    let join = JoinTimes { answered: started.elapsed(), ..JoinTimes::default() };
    Ok(engine.connect_media(MediaRequest { local, remote, room: Uuid::nil(), role, started, join }).await?)
}

fn description(jsep: &Value) -> Result<RemoteDescription, Failure> {
    let sdp = jsep["sdp"].as_str().ok_or("janus sent no SDP")?;
    Ok(RemoteDescription::parse(sdp)?)
}

fn write_configuration(folder: &Path, port: u16) -> Result<(), Failure> {
    let library = FOLDERS.into_iter().find(|path| Path::new(path).is_dir()).ok_or("janus has no folder of plugins")?;
    let write = |name: &str, text: String| std::fs::write(folder.join(name), text);
    let disable = |below: &str, keep: &str| -> Result<String, Failure> {
        let mut names: Vec<String> = std::fs::read_dir(Path::new(library).join(below))?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.ends_with(".so") && name != keep)
            .collect();
        names.sort();
        Ok(names.join(","))
    };
    let plugins = disable("plugins", "libjanus_videoroom.so")?;
    let transports = disable("transports", "libjanus_websockets.so")?;
    write(
        "janus.jcfg",
        format!(
            "general: {{\n  plugins_folder = \"{library}/plugins\"\n  transports_folder = \"{library}/transports\"\n\
             \x20 debug_level = 2\n  session_timeout = 0\n  event_loops = 1\n  hide_dependencies = true\n}}\n\
             nat: {{\n  ice_lite = true\n  full_trickle = false\n  ice_tcp = false\n}}\n\
             media: {{\n  ipv6 = false\n  rtp_port_range = \"20000-65000\"\n}}\n\
             plugins: {{\n  disable = \"{plugins}\"\n}}\ntransports: {{\n  disable = \"{transports}\"\n}}\n\
             events: {{\n  broadcast = false\n}}\n"
        ),
    )?;
    write(
        "janus.transport.websockets.jcfg",
        format!(
            "general: {{\n  json = \"plain\"\n  ws = true\n  ws_port = {port}\n  ws_ip = \"127.0.0.1\"\n  wss = false\n}}\n"
        ),
    )?;
    write("janus.plugin.videoroom.jcfg", "general: {\n}\n".to_owned())?;
    Ok(())
}
