//! A Postgres server for tests, started by the tests: only the standard library, so that other crates' tests can
//! include this file with `#[path]`.
//!
//! With `HUBBUB_TEST_POSTGRES=postgres://…` (a user that may create databases) that server is used. Otherwise one is
//! started from the installed binaries in a folder of its own, reachable only through a socket in that folder, and ended
//! with the value, or with the test process however it ends.

#![allow(dead_code, clippy::allow_attributes, reason = "not every test that includes this file needs all of it")]

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Starts the server as a child and ends it when standard input does, so that no server outlives its test.
const KEEPER: &str = r#"
trap : HUP INT TERM
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c max_connections=100 \
    >>"$2/log" 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -INT $server
wait $server
"#;

/// A Postgres server that a test may use as it likes.
pub(crate) struct Postgres {
    binaries: PathBuf,
    /// What databases are addressed by: everything but their name.
    address: Address,
}

enum Address {
    /// The URL of somebody else's server.
    Given(String),
    /// Ours.
    Own { folder: PathBuf, keeper: Option<(Child, ChildStdin)> },
}

impl Postgres {
    /// The server named by `HUBBUB_TEST_POSTGRES`, else a fresh one.
    pub(crate) fn start() -> Self {
        match std::env::var("HUBBUB_TEST_POSTGRES") {
            Ok(url) if !url.is_empty() => Self { binaries: binaries(), address: Address::Given(url) },
            _ => Self::start_own(),
        }
    }

    /// A fresh server, which the test may also stop and start again.
    pub(crate) fn start_own() -> Self {
        let binaries = binaries();
        let folder = make_folder();
        let mut server = Self { binaries, address: Address::Own { folder: folder.clone(), keeper: None } };
        let made = as_server_user(&server.binaries.join("initdb"))
            .args(["-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C", "-U", "postgres", "-D"])
            .arg(folder.join("data"))
            .current_dir(&folder)
            .output();
        check("initdb", made);
        server.resume();
        server
    }

    /// Makes an empty database and returns its URL.
    pub(crate) fn create_database(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let name = format!("hubbub_test_{}_{}_{nanos}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        self.sql(&self.url("postgres"), &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// Runs a statement in the database with this URL and returns its output.
    pub(crate) fn sql(&self, url: &str, statement: &str) -> String {
        let output = Command::new(self.binaries.join("psql"))
            .args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-c", statement])
            .arg(url)
            .stdin(Stdio::null())
            .output();
        String::from_utf8_lossy(&check("psql", output).stdout).trim().to_owned()
    }

    /// The URL of the database of this name.
    pub(crate) fn url(&self, database: &str) -> String {
        match &self.address {
            Address::Own { folder, .. } => {
                format!("postgres://postgres@localhost/{database}?host={}", folder.display())
            }
            Address::Given(url) => {
                let (server, parameters) = url.split_once('?').map_or((url.as_str(), ""), |(s, p)| (s, p));
                let authority = server.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
                let mark = if parameters.is_empty() { "" } else { "?" };
                format!("{authority}/{database}{mark}{parameters}")
            }
        }
    }

    /// Takes the server down, open connections included.
    pub(crate) fn stop(&mut self) {
        let Address::Own { keeper, .. } = &mut self.address else { panic!("only an own server can be stopped") };
        if let Some((mut child, stdin)) = keeper.take() {
            drop(stdin);
            child.wait().expect("the keeper of Postgres can be waited for");
        }
    }

    /// The server stops in the middle of whatever it does: connections stay, new ones are taken by the system, and nothing answers.
    pub(crate) fn freeze(&self) {
        // The one that makes the others first, so that there are no more of them.
        let frozen = self.postmaster().is_some_and(|first| signal("-STOP", &first) && signal_children("-STOP", &first));
        assert!(frozen, "only an own server that runs can be frozen");
    }

    /// It goes on where it was.
    pub(crate) fn thaw(&self) {
        assert!(self.go_on(), "only an own server that is frozen can be thawed");
    }

    /// Whether all its processes were told to go on: the one that makes the others last, so that none of them is gone before its turn.
    fn go_on(&self) -> bool {
        self.postmaster().is_some_and(|first| signal_children("-CONT", &first) && signal("-CONT", &first))
    }

    /// The id of the process that makes the others.
    fn postmaster(&self) -> Option<String> {
        let Address::Own { folder, .. } = &self.address else { return None };
        let file = fs::read_to_string(folder.join("data/postmaster.pid")).ok()?;
        file.lines().next().map(str::to_owned)
    }

    /// Starts the server on its folder and waits until it answers.
    pub(crate) fn resume(&mut self) {
        let Address::Own { folder, keeper } = &mut self.address else { panic!("only an own server can be started") };
        let mut child = as_server_user(Path::new("/bin/sh"))
            .args(["-c", KEEPER, "keeper"])
            .arg(&self.binaries)
            .arg(&*folder)
            .current_dir(&*folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell can be started");
        let stdin = child.stdin.take().expect("standard input is a pipe");
        *keeper = Some((child, stdin));

        let deadline = Instant::now() + Duration::from_secs(60);
        let log = folder.join("log");
        while !is_ready(&self.binaries, folder) {
            assert!(
                Instant::now() < deadline,
                "Postgres did not start within 60 s; its log:\n{}",
                fs::read_to_string(&log).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Address::Own { folder, .. } = &self.address {
            let folder = folder.clone();
            // One that a failed test left frozen would not end.
            if std::thread::panicking() {
                self.go_on();
            }
            self.stop();
            if let Err(e) = fs::remove_dir_all(&folder) {
                let _ = writeln!(io::stderr(), "cannot remove {}: {e}", folder.display());
            }
        }
    }
}

fn is_ready(binaries: &Path, folder: &Path) -> bool {
    Command::new(binaries.join("pg_isready"))
        .args(["-q", "-U", "postgres", "-h"])
        .arg(folder)
        .status()
        .is_ok_and(|status| status.success())
}

/// The folder of the newest installed Postgres.
fn binaries() -> PathBuf {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((version, entry.path().join("bin")))
    });
    let newest = debian.filter(|(_, path)| path.join("initdb").exists()).max().map(|(_, path)| path);
    let search_path = std::env::var_os("PATH").unwrap_or_default();
    newest.or_else(|| std::env::split_paths(&search_path).find(|path| path.join("initdb").exists())).expect(
        "no Postgres is installed: install it (apt-get install postgresql), or set HUBBUB_TEST_POSTGRES=postgres://…",
    )
}

/// A folder for data and socket that belongs to the user that the server will run as.
fn make_folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().subsec_nanos();
    // Short: the path of a socket has at most 107 bytes.
    let name = format!("hubbub-pg-{}-{}-{nanos}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    fs::create_dir(&folder).expect("a folder can be made in the temporary folder");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("own folders can be restricted");
    if is_root() {
        let (user, group) = postgres_ids();
        chown(&folder, Some(user), Some(group)).expect("root can give folders away");
    }
    folder
}

/// Postgres refuses to run as root.
fn as_server_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    command
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn postgres_ids() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").expect("/etc/passwd can be read");
    let user = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields[0] == "postgres");
    let ids = user.and_then(|fields| Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?)));
    ids.expect("the tests run as root and need the user `postgres`: apt-get install postgresql makes it")
}

fn check(what: &str, output: io::Result<Output>) -> Output {
    let output = output.unwrap_or_else(|e| panic!("{what} cannot be run: {e}"));
    assert!(
        output.status.success(),
        "{what} failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Whether there are any and all have the signal.
fn signal_children(name: &str, first: &str) -> bool {
    let children = fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap_or_default();
    !children.is_empty() && children.split_whitespace().all(|id| signal(name, id))
}

fn signal(name: &str, process: &str) -> bool {
    Command::new("kill").args([name, process]).status().is_ok_and(|status| status.success())
}
