//! The real server for these tests: the `hubbub` binary beside the test, in an empty folder, with accounts made through
//! the public API.

use std::fs::File;
use std::net::{TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use hubbub_loadtest::session::RestClient;
use hubbub_loadtest::{LoadTestError, Session, Target};
use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

/// How long anything may take before a test gives up: generous, because machines that run tests are busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const PASSWORD: &str = "a quiet harbour at 7";

/// A running server; killed when the test ends.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    folder: TempDir,
}

impl Server {
    /// Starts the server on free ports and waits until it is ready.
    #[allow(dead_code, clippy::allow_attributes, reason = "some tests need settings")]
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with some settings, as environment variables without the prefix.
    #[allow(dead_code, clippy::allow_attributes, reason = "not every test needs settings")]
    pub(crate) async fn start_with(settings: &[(&str, &str)]) -> Self {
        let binary = binary();
        let folder = TempDir::new().unwrap();
        let port = free_port();
        let mut command = Command::new(&binary);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HUBBUB")) {
            command.env_remove(name);
        }
        command
            .current_dir(folder.path())
            .env("HUBBUB__HTTP__BIND", format!("127.0.0.1:{port}"))
            .env("HUBBUB__DATA__DIR", folder.path().join("data"))
            .env("HUBBUB__LOG__FILTER", "warn,hubbub_sfu=info,hubbub_signaling=info")
            .env("HUBBUB__METRICS__BIND", "")
            .env("HUBBUB__MEDIA__BIND", "127.0.0.1")
            .env("HUBBUB__MEDIA__FIRST_PORT", "0")
            // However loaded the machine is that runs the tests, nobody is refused for it.
            .env("HUBBUB__MEDIA__MAX_BUSY_PERCENT", "100")
            .env("HUBBUB__MEDIA__WORKERS", "2");
        for limit in ["REQUESTS", "REGISTER", "LOGIN", "VERIFY", "ROOMS"] {
            command.env(format!("HUBBUB__LIMITS__{limit}"), "100000/1ms");
        }
        for (key, value) in settings {
            command.env(format!("HUBBUB__{key}"), value);
        }
        let log = File::create(folder.path().join("log")).unwrap();
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let mut server = Self { child, url: format!("http://127.0.0.1:{port}"), folder };

        let client = server.client();
        let deadline = Instant::now() + PATIENCE;
        // The document about the server is public; it is there as soon as requests are.
        while client.request(Method::GET, "/api/server", None, None).await.is_err() {
            assert!(server.child.try_wait().unwrap().is_none(), "the server ended:\n{}", server.log());
            assert!(Instant::now() < deadline, "the server is not ready:\n{}", server.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        server
    }

    pub(crate) fn client(&self) -> RestClient {
        RestClient::new(Target::parse(&self.url).unwrap()).unwrap()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Registers `user0@example.org` and so on and confirms their addresses with the codes of the built-in outbox.
    pub(crate) async fn register(&self, count: usize) -> Vec<String> {
        let emails: Vec<String> = (0..count).map(|i| format!("user{i}@example.org")).collect();
        let client = &self.client();
        stream::iter(emails.iter().enumerate())
            .for_each_concurrent(4, |(i, email)| async move {
                let body = json!({"email": email, "username": format!("user{i}"), "password": PASSWORD});
                client.request(Method::POST, "/api/auth/register", None, Some(&body)).await.unwrap();
                let body = json!({"email": email, "code": code_for(client, email).await});
                client.request(Method::POST, "/api/auth/email/verify", None, Some(&body)).await.unwrap();
            })
            .await;
        emails
    }

    pub(crate) async fn login(&self, email: &str) -> Result<Session, LoadTestError> {
        Session::login(&self.client(), email, PASSWORD).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
    }
}

/// The code in the mail to `email`, which may take a moment to arrive.
async fn code_for(client: &RestClient, email: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let outbox = client.request(Method::GET, "/api/dev/outbox", None, None).await.unwrap();
        let mails = outbox["mails"].as_array().expect("the outbox lists mails");
        if let Some(mail) = mails.iter().find(|mail| mail["to"] == email) {
            let words = mail["text"].as_str().expect("mails have a text").split(|c: char| !c.is_ascii_alphanumeric());
            let mut codes = words.filter(|word| word.len() == 6 && word.bytes().all(|b| b.is_ascii_digit()));
            return codes.next().expect("the mail has a code").to_owned();
        }
        assert!(Instant::now() < deadline, "no mail to {email}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// `target/<profile>/hubbub`: the test itself is in `target/<profile>/deps/`.
fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(2).expect("tests are two folders below the target folder");
    let binary = folder.join("hubbub");
    assert!(binary.exists(), "{} is missing: build the server first (cargo build -p hubbub-server)", binary.display());
    binary
}

/// A port that was free for UDP and TCP a moment ago.
pub(crate) fn free_port() -> u16 {
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
