//! One harness for all tests here: starting and stopping `hubbub`, its log, and clients for REST and WebSocket.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use rustls::ClientConfig;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use crate::certificates::client_config;

/// How long anything may take before a test gives up: generous, because machines that run tests are busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const PASSWORD: &str = "a quiet harbour at 7";

/// A port that is free for UDP and TCP. Below the range from which the system takes ports for connections, and for each
/// process elsewhere, so that tests that run at the same time do not meet.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let base = 10_000 + u16::try_from(std::process::id() % 1_100).unwrap() * 20;
    loop {
        let port = base + NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && UdpSocket::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
}

/// What a server is started with. It outlives the process, so that one can be started again on the same ports and data.
pub(crate) struct Setup {
    pub(crate) http: u16,
    pub(crate) metrics: u16,
    pub(crate) media: u16,
    pub(crate) folder: Arc<TempDir>,
    reach: Option<Reach>,
    variables: BTreeMap<String, String>,
}

impl Setup {
    pub(crate) fn new() -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        // The configuration of a server that is installed on this machine does not count.
        std::fs::write(folder.path().join("hubbub.toml"), "").unwrap();
        let (http, metrics, media) = (free_port(), free_port(), free_port());
        let mut setup = Self { http, metrics, media, folder, reach: None, variables: BTreeMap::new() };
        let data = setup.data().display().to_string();
        setup.set("HUBBUB__HTTP__BIND", &format!("127.0.0.1:{http}"));
        setup.set("HUBBUB__METRICS__BIND", &format!("127.0.0.1:{metrics}"));
        setup.set("HUBBUB__MEDIA__FIRST_PORT", &media.to_string());
        setup.set("HUBBUB__MEDIA__BIND", "127.0.0.1");
        // However loaded the machine is that runs the tests, nobody is refused for it.
        setup.set("HUBBUB__MEDIA__MAX_BUSY_PERCENT", "100");
        setup.set("HUBBUB__MEDIA__WORKERS", "1");
        setup.set("HUBBUB__DATA__DIR", &data);
        setup.set("HUBBUB__LOG__FORMAT", "json");
        for limit in ["REQUESTS", "REGISTER", "LOGIN", "LOGIN_ACCOUNT", "VERIFY", "RESEND", "RESEND_ACCOUNT", "ROOMS"] {
            setup.set(&format!("HUBBUB__LIMITS__{limit}"), "100000/1ms");
        }
        setup
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// The server is not reached by HTTP at `http.bind`, but so.
    pub(crate) fn reached(mut self, reach: Reach) -> Self {
        self.reach = Some(reach);
        self
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hubbub"));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HUBBUB")) {
            command.env_remove(name);
        }
        command.envs(&self.variables);
        command
    }

    /// Runs to the end, for starts that must fail.
    pub(crate) fn run_to_end(&self) -> Output {
        let mut child = self.command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let deadline = Instant::now() + PATIENCE;
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                child.kill().unwrap();
                panic!("the server should have ended: {:?}", child.wait_with_output());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        child.wait_with_output().unwrap()
    }

    /// Starts and waits until it is ready.
    pub(crate) async fn start(&self) -> Server {
        let mut server = self.spawn();
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = server.child.try_wait().unwrap() {
                panic!("the server ended with {status}:\n{}", server.log());
            }
            if server.reach.client.get(format!("{}/readyz", server.base)).send().await.is_ok_and(|r| r.status() == 200)
            {
                return server;
            }
            assert!(Instant::now() < deadline, "the server is not ready:\n{}", server.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Starts and waits for nothing.
    pub(crate) fn spawn(&self) -> Server {
        let mut child = self.command().stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (lines, stderr) = (log.clone(), child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        let plain = || Reach {
            base: format!("http://127.0.0.1:{}", self.http),
            address: ([127, 0, 0, 1], self.http).into(),
            client: client(),
            tls: None,
        };
        let reach = self.reach.clone().unwrap_or_else(plain);
        Server { child, base: reach.base.clone(), reach, metrics: self.metrics, log, _folder: self.folder.clone() }
    }
}

/// How clients get to a server.
#[derive(Clone)]
pub(crate) struct Reach {
    base: String,
    address: SocketAddr,
    client: reqwest::Client,
    tls: Option<Arc<ClientConfig>>,
}

impl Reach {
    /// By https under a name, which stands for `127.0.0.1`; `root` is whom clients believe, in PEM.
    pub(crate) fn secure(host: &str, port: u16, root: &str) -> Self {
        let address = ([127, 0, 0, 1], port).into();
        let client = builder().resolve(host, address);
        let client = client.tls_certs_only([reqwest::Certificate::from_pem(root.as_bytes()).unwrap()]);
        let tls = Some(Arc::new(client_config(root, &[b"http/1.1"])));
        Self { base: format!("https://{host}:{port}"), address, client: client.build().unwrap(), tls }
    }

    pub(crate) const fn client(&self) -> &reqwest::Client {
        &self.client
    }
}

/// A running server; killed when the test ends.
pub(crate) struct Server {
    child: Child,
    pub(crate) base: String,
    pub(crate) reach: Reach,
    metrics: u16,
    log: Arc<Mutex<Vec<String>>>,
    /// The data must not vanish under the process.
    _folder: Arc<TempDir>,
}

impl Server {
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// Waits for a line with this text.
    pub(crate) async fn logged(&self, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let log = self.log();
            if let Some(line) = log.lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            assert!(Instant::now() < until, "{text:?} is not in the log:\n{log}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The value of a metric with its labels, as it is written; none when it is not there, or not yet.
    pub(crate) async fn metric(&self, name: &str) -> Option<f64> {
        let answer = client().get(format!("http://127.0.0.1:{}/metrics", self.metrics)).send().await.ok()?;
        let text = answer.text().await.ok()?;
        let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
        text.lines().find_map(value)
    }

    /// Waits until a metric has at least this value.
    pub(crate) async fn metric_reaches(&self, name: &str, value: f64) {
        let until = Instant::now() + PATIENCE;
        while self.metric(name).await.is_none_or(|found| found < value) {
            assert!(Instant::now() < until, "{name} is {:?}:\n{}", self.metric(name).await, self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// SIGKILL: no chance to tidy up.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the server has not ended:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Registers, reads the code from the outbox, verifies and logs in.
    pub(crate) async fn user(&self, name: &str) -> User {
        let email = format!("{name}@example.org");
        let body = json!({ "email": email, "username": name, "password": PASSWORD });
        let (status, answer) = self.post("/api/auth/register", None, &body).await;
        assert_eq!(status, 202, "{answer}\n{}", self.log());
        let code = self.code_for(&email).await;
        let body = json!({ "email": email, "code": code });
        let (status, answer) = self.post("/api/auth/email/verify", None, &body).await;
        assert_eq!(status, 204, "{answer}");
        self.login(name).await
    }

    /// The newest code that was mailed to `email`. Mail goes out after the answer, so that it may take a moment.
    pub(crate) async fn code_for(&self, email: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (status, outbox) = self.get("/api/dev/outbox", None).await;
            assert_eq!(status, 200, "{outbox}");
            let mails = outbox["mails"].as_array().unwrap();
            if let Some(mail) = mails.iter().find(|m| m["to"] == email) {
                let text = mail["text"].as_str().unwrap();
                let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|b| b.is_ascii_digit());
                let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
                return words.find(is_code).expect("the mail has a code").to_owned();
            }
            assert!(Instant::now() < deadline, "no mail to {email}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn login(&self, name: &str) -> User {
        let body = json!({ "email": format!("{name}@example.org"), "password": PASSWORD });
        let (status, answer) = self.post("/api/auth/login", None, &body).await;
        assert_eq!(status, 200, "{answer}");
        let text = |key: &str| answer[key].as_str().unwrap().to_owned();
        User { access: text("accessToken"), refresh: text("refreshToken") }
    }

    pub(crate) async fn room(&self, owner: &User, name: &str) -> String {
        let (status, room) = self.post("/api/rooms", Some(owner), &json!({ "name": name })).await;
        assert_eq!(status, 201, "{room}");
        room["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn post(&self, path: &str, user: Option<&User>, body: &Value) -> (u16, Value) {
        self.ask(reqwest::Method::POST, path, user, Some(body)).await
    }

    pub(crate) async fn get(&self, path: &str, user: Option<&User>) -> (u16, Value) {
        self.ask(reqwest::Method::GET, path, user, None).await
    }

    async fn ask(
        &self,
        method: reqwest::Method,
        path: &str,
        user: Option<&User>,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let mut request = self.reach.client.request(method, format!("{}{path}", self.base));
        if let Some(user) = user {
            request = request.bearer_auth(&user.access);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.expect("the server answers");
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or(Value::Null))
    }

    /// Opens a WebSocket and reads `welcome`.
    pub(crate) async fn socket(&self, user: &User) -> Socket {
        let url = format!("{}/ws?version=1", self.base.replacen("http", "ws", 1));
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {}", user.access).parse().unwrap());
        let tcp = TcpStream::connect(self.reach.address).await.unwrap();
        let connector = self.reach.tls.clone().map(Connector::Rustls);
        let opened = client_async_tls_with_config(request, tcp, None, connector).await;
        let (stream, _) = opened.expect("the socket opens");
        let mut socket = Socket(stream);
        assert_eq!(socket.next().await["type"], "welcome");
        socket
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Somebody who is logged in.
pub(crate) struct User {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// A WebSocket on which every answer is waited for with patience.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl From<WebSocketStream<MaybeTlsStream<TcpStream>>> for Socket {
    fn from(stream: WebSocketStream<MaybeTlsStream<TcpStream>>) -> Self {
        Self(stream)
    }
}

impl Socket {
    pub(crate) async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.expect("the socket is open");
    }

    pub(crate) async fn next(&mut self) -> Value {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a message comes") {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("expected a message, got {other:?}"),
            }
        }
    }

    /// Reads until a message of this type.
    pub(crate) async fn wait_for(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().await;
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// Reads until the server closes; the close code.
    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next()).await.expect("the server closes the socket") {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(Message::Close(None))) => panic!("closed without a code"),
                Some(Ok(_)) => {}
                other => panic!("expected a close frame, got {other:?}"),
            }
        }
    }
}

pub(crate) fn client() -> reqwest::Client {
    builder().build().unwrap()
}

/// A client that is like no other in one thing.
pub(crate) fn builder() -> reqwest::ClientBuilder {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| drop(rustls::crypto::aws_lc_rs::default_provider().install_default()));
    reqwest::Client::builder().no_proxy().timeout(PATIENCE)
}

pub(crate) async fn get(url: &str) -> reqwest::Result<(u16, Value)> {
    let response = client().get(url).send().await?;
    let status = response.status().as_u16();
    Ok((status, response.json().await.unwrap_or(Value::Null)))
}

pub(crate) async fn text(url: &str) -> String {
    client().get(url).send().await.unwrap().text().await.unwrap()
}
