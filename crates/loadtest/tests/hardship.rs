//! What the server stands on goes away under it: the database, room on the disk, file descriptors; or somebody floods it. A call
//! that runs does not notice, what cannot be done is answered clearly, and everything recovers by itself.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests fail the test")]

#[path = "../../storage/tests/support/postgres.rs"]
mod postgres;
mod support;

use std::collections::HashSet;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use hubbub_loadtest::engine::{EngineConfig, PeerSpec, Role, TalkPattern};
use hubbub_loadtest::{Engine, LoadTestError, Session, Signaling};
use hubbub_protocol::ClientMessage;
use postgres::Postgres;
use serde_json::json;
use support::{PATIENCE, Server};
use tokio::task::JoinSet;
use uuid::Uuid;

/// How long the database is away: longer than pools wait for a connection, and than sockets wait for a sign of life.
const AWAY: Duration = Duration::from_secs(30);

/// Two who speak and two who listen, whose sockets and sound must not suffer.
struct Call {
    engine: Engine,
    room: Uuid,
    /// Somebody with an open socket and no seat.
    bystander: Session,
    socket: Signaling,
}

impl Call {
    async fn begin(server: &Server) -> Self {
        Self::begin_with(server.accounts(5)).await
    }

    /// The last of `sessions` is the bystander.
    async fn begin_with(mut sessions: Vec<Session>) -> Self {
        let room = sessions[0].create_room("Hardship", 10).await.unwrap();
        let bystander = sessions.pop().unwrap();
        let engine = Engine::start(EngineConfig::default()).unwrap();
        let joins = (0..).zip(sessions).map(|(index, session)| {
            let talk = TalkPattern::Continuous;
            let role = if index < 2 { Role::Speaker { stream: index, talk } } else { Role::Listener };
            engine.join(PeerSpec { session, room, role })
        });
        for joined in join_all(joins).await {
            joined.unwrap();
        }
        let socket = Signaling::connect(&bystander).await.unwrap();
        Self { engine, room, bystander, socket }
    }

    /// The call goes on for `packets` more packets: everybody is connected, nothing is lost, sockets answer.
    async fn goes_on(&self, packets: u64) {
        self.engine.begin_window().await;
        let begin = Instant::now();
        loop {
            let now = self.engine.snapshot().await;
            assert_eq!((now.connected, now.lost_peers), (4, 0), "{now:?}");
            if now.received >= packets {
                assert_eq!(now.lost, 0, "{now:?}");
                break;
            }
            assert!(begin.elapsed() < PATIENCE, "the call stands still: {now:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.socket.request(ClientMessage::Ping {}).await.unwrap();
    }

    async fn make_room(&self) -> Result<Uuid, LoadTestError> {
        self.bystander.create_room("One more", 10).await
    }

    /// Takes the bystander's seat and gives it back.
    async fn come_and_go(&self) -> Result<(), LoadTestError> {
        self.socket.join(self.room, true).await?;
        self.socket.leave().await
    }

    /// What the server does again, without anybody's help.
    async fn recovers(&self) {
        let begin = Instant::now();
        loop {
            let again = (self.make_room().await, self.come_and_go().await);
            if let (Ok(_), Ok(())) = again {
                break;
            }
            assert!(begin.elapsed() < PATIENCE, "it does not recover: {again:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        self.goes_on(200).await;
    }

    /// Nothing of a call asks for the database, and who asks for something else is answered each time, whether it says nothing or
    /// is not there.
    async fn goes_on_without_database(&self, server: &Server) {
        let away = Instant::now();
        while away.elapsed() < AWAY {
            let asked = Instant::now();
            assert_eq!(code(self.make_room().await), "database-unavailable");
            assert_eq!(code(self.come_and_go().await), "unavailable");
            assert_eq!((status(server, "/healthz").await, status(server, "/readyz").await), (200, 503));
            // Two answers and a probe; each has a limit of its own.
            assert!(asked.elapsed() < PATIENCE, "answered only after {:?}", asked.elapsed());
            self.goes_on(6 * 50).await;
        }
    }

    /// Without anybody's help.
    async fn is_whole_again(&self, server: &Server) {
        self.recovers().await;
        let newcomer = Signaling::connect(&self.bystander).await.expect("logins of before hold");
        newcomer.join(self.room, true).await.expect("there is a seat for whoever comes now");
        assert_eq!(status(server, "/readyz").await, 200);
    }
}

/// The code of a refusal.
fn code<T: std::fmt::Debug>(result: Result<T, LoadTestError>) -> String {
    match result {
        Err(LoadTestError::Refused { code, .. }) => code,
        other => panic!("expected a refusal: {other:?}"),
    }
}

/// The status of a path.
async fn status(server: &Server, path: &str) -> u16 {
    status_at(&format!("{}{path}", server.url)).await
}

async fn status_at(url: &str) -> u16 {
    client().get(url).send().await.unwrap().status().as_u16()
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

/// A database that nobody else uses, a server on it, and a call.
async fn call_on_postgres() -> (Postgres, Server, Call) {
    let postgres = tokio::task::spawn_blocking(Postgres::start_own).await.unwrap();
    let url = postgres.create_database();
    let server = Server::start_with(&[("STORAGE__URL", &url)]).await;
    let call = Call::begin(&server).await;
    call.goes_on(200).await;
    (postgres, server, call)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o3_a_database_that_goes_away_and_comes_back() {
    let (mut postgres, server, call) = call_on_postgres().await;

    postgres.stop();
    call.goes_on_without_database(&server).await;
    postgres.resume();
    call.is_whole_again(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o3_a_database_that_hangs_and_goes_on() {
    let (postgres, server, call) = call_on_postgres().await;

    // Connections stay open, and nothing comes back on them.
    postgres.freeze();
    call.goes_on_without_database(&server).await;
    postgres.thaw();
    call.is_whole_again(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o6_a_disk_that_is_full_and_has_room_again() {
    // A file system of its own, seen by the server alone.
    let script = r#"mkdir -p data && mount -t tmpfs -o size=12m,mode=700 tmpfs data && exec "$0""#;
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let unshare = if is_root { "-m" } else { "-rm" };
    let server = Server::start_within(&["unshare", unshare, "sh", "-c", script], &[]).await;
    // The operator's command would look for the data outside of that file system.
    let mut sessions = Vec::new();
    for email in server.register(5).await {
        sessions.push(server.login(&email).await.unwrap());
    }
    let call = Call::begin_with(sessions).await;
    call.goes_on(200).await;

    let filler = server.data().join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    drop(file);
    // What SQLite has set aside is used up first.
    let mut refusal = None;
    for _ in 0..5_000 {
        if let Err(error) = call.make_room().await {
            refusal = Some(code::<()>(Err(error)));
            break;
        }
    }
    let refusal = refusal.expect("a full disk is noticed");
    assert!(["storage-full", "database-unavailable"].contains(&&*refusal), "{refusal}");
    assert_eq!(status(&server, "/healthz").await, 200);
    call.come_and_go().await.expect("reading goes on, and taking a seat is no more than that");
    call.goes_on(400).await;

    std::fs::remove_file(&filler).unwrap();
    call.recovers().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn file_descriptors_that_are_used_up_and_come_free() {
    const LIMIT: usize = 256;
    let script = format!(r#"ulimit -n {LIMIT} && exec "$0""#);
    let metrics = format!("127.0.0.1:{}", support::free_port());
    let server = Server::start_within(&["sh", "-c", &script], &[("METRICS__BIND", &metrics)]).await;
    let call = Call::begin(&server).await;
    call.goes_on(200).await;

    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    let hold = || TcpStream::connect(&address).unwrap();
    let mut held: Vec<TcpStream> = (0..LIMIT + 50).map(|_| hold()).collect();
    let complaint = "as many connections are open as the limit of open files allows";
    let begin = Instant::now();
    while !server.log().contains(complaint) {
        assert!(begin.elapsed() < PATIENCE, "they are not used up:\n{}", server.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Those that say nothing are closed after a while; others come in their place.
    for _ in 0..5 {
        call.goes_on(300).await;
        held.extend((0..20).map(|_| hold()));
        // A probe ends a process that does not answer, with all its calls; what is ready serves who is connected.
        for path in ["/healthz", "/readyz"] {
            assert_eq!(status_at(&format!("http://{metrics}{path}")).await, 200, "{path}");
        }
        let text = client().get(format!("http://{metrics}/metrics")).send().await.unwrap().text().await.unwrap();
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        assert_eq!(value("hubbub_http_connections_max "), Some(LIMIT as f64 / 2.0), "{text}");
        assert!(value("hubbub_http_connections ").is_some_and(|open| open <= LIMIT as f64 / 2.0), "{text}");
        assert!(value("hubbub_http_accept_waits_total ").is_some_and(|waits| waits >= 1.0), "{text}");
    }
    assert!(!server.log().contains("connections cannot be accepted"), "descriptors are left:\n{}", server.log());
    assert_eq!(server.log().matches(complaint).count(), 1, "said once, not at every attempt:\n{}", server.log());

    drop(held);
    call.recovers().await;
    assert_eq!(status(&server, "/readyz").await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prometheus_that_scrapes_a_hundred_times_a_second() {
    const SCRAPES: usize = 600;
    let address = format!("127.0.0.1:{}", support::free_port());
    let server = Server::start_with(&[("METRICS__BIND", &address)]).await;
    let call = Call::begin(&server).await;
    call.goes_on(200).await;

    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let begin = Instant::now();
    let scraping = tokio::spawn(async move {
        let (mut every, mut asked) = (tokio::time::interval(Duration::from_millis(10)), JoinSet::new());
        for _ in 0..SCRAPES {
            every.tick().await;
            let request = client.get(format!("http://{address}/metrics"));
            asked.spawn(async move {
                let answer = request.send().await.unwrap();
                (answer.status().as_u16(), answer.text().await.unwrap())
            });
        }
        asked.join_all().await
    });
    while !scraping.is_finished() {
        call.goes_on(100).await;
    }
    let (answers, took) = (scraping.await.unwrap(), begin.elapsed());

    assert!(answers.iter().all(|(status, text)| *status == 200 && text.contains("hubbub_sfu_rtp_out_total")));
    // An answer is made ten times a second at most, however many ask. No two are the same: the process's CPU time is in them.
    let made: HashSet<&str> = answers.iter().map(|(_, text)| text.as_str()).collect();
    let most = took.as_millis() / 100 + 1;
    assert!(made.len() as u128 <= most, "{} answers were made in {took:?}, at most {most}", made.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_is_in_the_log_up_to_the_first_packet() {
    let server = Server::start_with(&[("LOG__FORMAT", "json"), ("LOG__FILTER", "info,hubbub_signaling=debug")]).await;
    let call = Call::begin(&server).await;
    call.goes_on(100).await;
    let log = server.log();
    let lines: Vec<serde_json::Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let of = |message: &str| lines.iter().filter(|line| line["message"] == message).collect::<Vec<_>>();
    let (joined, first) = (of("participant joined"), of("first audio packet"));
    assert_eq!((joined.len(), of("media connected").len(), first.len()), (4, 4, 2), "{log}");
    for line in first {
        let ids = ["request.id", "socket.id", "user.id", "room.id", "participant.id"].map(|id| &line["span"][id]);
        assert!(ids.iter().all(|id| id.is_string()), "{line}");
        let same = |other: &&serde_json::Value| other["span"] == line["span"];
        assert!(joined.iter().any(&same) && of("offer answered").iter().any(same), "{line}\n{log}");
        assert_eq!(ids[3], &json!(call.room));
        assert!(
            lines.iter().any(|other| other["http.route"] == "/ws" && &other["span"]["request.id"] == ids[0]),
            "{log}"
        );
    }
}

/// One socket after the other, and how many there were: each is closed at once, or, `flooding`, by the server.
fn sockets_in_turn(session: &Session, flooding: bool) -> (Arc<AtomicUsize>, tokio::task::JoinHandle<()>) {
    /// A burst of 100 is let through, 100 more are refused, and who still goes on is closed (docs/PROTOCOL.md).
    const MESSAGES: usize = 1_000;
    let (session, done) = (session.clone(), Arc::new(AtomicUsize::new(0)));
    let counted = done.clone();
    let task = tokio::spawn(async move {
        loop {
            let Ok(socket) = Signaling::connect(&session).await else {
                // One user opens no more than a socket a second for long.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            if flooding {
                join_all((0..MESSAGES).map(|_| socket.request(ClientMessage::Ping {}))).await;
            }
            let closed = socket.view().borrow().closed.is_some();
            counted.fetch_add(usize::from(closed == flooding), Ordering::Relaxed);
        }
    });
    (done, task)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_user_who_floods_from_four_sockets_and_one_that_comes_and_goes() {
    let server = Server::start().await;
    let mut sessions = server.accounts(6);
    let flooder = sessions.pop().unwrap();
    let call = Call::begin_with(sessions).await;
    call.goes_on(200).await;

    let floods = [true, true, true, true, false].map(|flooding| sockets_in_turn(&flooder, flooding));
    let begin = Instant::now();
    // Each has come back at least once.
    while floods.iter().any(|(sockets, _)| sockets.load(Ordering::Relaxed) < 2) {
        assert!(begin.elapsed() < PATIENCE, "they are neither let in nor closed: {floods:?}");
        call.goes_on(200).await;
    }
    // Whoever else wants something gets it meanwhile.
    call.come_and_go().await.unwrap();
    call.make_room().await.unwrap();
    floods.iter().for_each(|(_, task)| task.abort());
    call.recovers().await;
}
