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

#[allow(dead_code, clippy::allow_attributes, reason = "not every test registers people")]
pub(crate) const PASSWORD: &str = "a quiet harbour at 7";

/// A running server; killed when the test ends.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    folder: TempDir,
    variables: Vec<(String, String)>,
    wrapper: Vec<String>,
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
        Self::start_within(&[], settings).await
    }

    /// The same, started by another program, whose arguments end with the server's path. It must become the server (`exec`).
    #[allow(dead_code, clippy::allow_attributes, reason = "not every test needs that")]
    pub(crate) async fn start_within(wrapper: &[&str], settings: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let port = free_port();
        let data = folder.path().join("data").display().to_string();
        let mut variables = vec![
            ("HTTP__BIND", format!("127.0.0.1:{port}")),
            ("DATA__DIR", data),
            ("LOG__FILTER", "warn,hubbub_sfu=info,hubbub_signaling=info".to_owned()),
            ("METRICS__BIND", String::new()),
            ("MEDIA__BIND", "127.0.0.1".to_owned()),
            ("MEDIA__FIRST_PORT", "0".to_owned()),
            // However loaded the machine is that runs the tests, nobody is refused for it.
            ("MEDIA__MAX_BUSY_PERCENT", "100".to_owned()),
            ("MEDIA__WORKERS", "2".to_owned()),
        ];
        for limit in ["REQUESTS", "REGISTER", "LOGIN", "VERIFY", "ROOMS"].map(|limit| format!("LIMITS__{limit}")) {
            variables.push((limit.leak(), "100000/1ms".to_owned()));
        }
        variables.extend(settings.iter().map(|(key, value)| (*key, (*value).to_owned())));
        let variables: Vec<_> = variables.into_iter().map(|(key, value)| (format!("HUBBUB__{key}"), value)).collect();
        let wrapper: Vec<String> = wrapper.iter().map(|part| (*part).to_owned()).collect();
        let child = spawn(&folder, &wrapper, &variables);
        let mut server = Self { child, url: format!("http://127.0.0.1:{port}"), folder, variables, wrapper };
        server.ready().await;
        server
    }

    async fn ready(&mut self) {
        let client = self.client();
        let deadline = Instant::now() + PATIENCE;
        // The document about the server is public; it is there as soon as requests are.
        while client.request(Method::GET, "/api/server", None, None).await.is_err() {
            assert!(self.child.try_wait().unwrap().is_none(), "the server ended:\n{}", self.log());
            assert!(Instant::now() < deadline, "the server is not ready:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// SIGTERM, its end, and a new start on the same data and port.
    #[allow(dead_code, clippy::allow_attributes, reason = "not every test needs that")]
    pub(crate) async fn restart(&mut self) {
        let signalled = Command::new("kill").args(["-TERM", &self.pid()]).status().unwrap();
        assert!(signalled.success());
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "the server does not end:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.child = spawn(&self.folder, &self.wrapper, &self.variables);
        self.ready().await;
    }

    /// The process, for `kill` and `/proc`.
    #[allow(dead_code, clippy::allow_attributes, reason = "not every test needs that")]
    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// The data folder as the server sees it, which may have file systems of its own.
    #[allow(dead_code, clippy::allow_attributes, reason = "not every test needs that")]
    pub(crate) fn data(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{}", self.pid(), self.folder.path().join("data").display()))
    }

    /// Makes `count` accounts with the operator's command.
    #[allow(dead_code, clippy::allow_attributes, reason = "not every test needs that")]
    pub(crate) fn accounts(&self, count: usize) -> Vec<Session> {
        let file = self.folder.path().join("accounts.json");
        let mut command = command(&self.folder, &[], &self.variables);
        command.args(["admin", "users", "create", "--prefix", "peer", "--ttl", "1h", "--count", &count.to_string()]);
        let output = command.arg("--json").arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let accounts = hubbub_loadtest::Account::read_all(&file).unwrap();
        let client = self.client();
        let session =
            |account: &hubbub_loadtest::Account| Session::with_token(&client, account.access_token.as_deref().unwrap());
        accounts.iter().map(session).collect()
    }

    /// A line of the process's /proc/…/status that counts kB, such as `VmRSS` (proc(5)), in bytes.
    #[allow(dead_code, clippy::allow_attributes, reason = "not every test looks at memory")]
    pub(crate) fn memory(&self, line: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let value = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
        value.unwrap().trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    pub(crate) fn client(&self) -> RestClient {
        RestClient::new(Target::parse(&self.url).unwrap()).unwrap()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Registers `user0@example.org` and so on and confirms their addresses with the codes of the built-in outbox.
    #[allow(dead_code, clippy::allow_attributes, reason = "not every test registers people")]
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

    #[allow(dead_code, clippy::allow_attributes, reason = "not every test registers people")]
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

fn command(folder: &TempDir, wrapper: &[String], variables: &[(String, String)]) -> Command {
    let binary = binary();
    let mut command = match wrapper {
        [] => Command::new(binary),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(binary);
            command
        }
    };
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HUBBUB")) {
        command.env_remove(name);
    }
    // The configuration of a server that is installed on this machine does not count.
    command.current_dir(folder.path()).stdin(Stdio::null()).env("HUBBUB_CONFIG", "/dev/null");
    for (name, value) in variables {
        command.env(name, value);
    }
    command
}

fn spawn(folder: &TempDir, wrapper: &[String], variables: &[(String, String)]) -> Child {
    let log = File::options().create(true).append(true).open(folder.path().join("log")).unwrap();
    command(folder, wrapper, variables).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
}

/// The code in the mail to `email`, which may take a moment to arrive.
#[allow(dead_code, clippy::allow_attributes, reason = "not every test registers people")]
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
