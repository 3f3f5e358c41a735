//! A Postgres that is stopped and started again under a running server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::json;
use tempfile::TempDir;

use crate::harness::{PASSWORD, PATIENCE, Setup, free_port, get};

/// A cluster of its own; stopped when the test ends.
pub(crate) struct Cluster {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
}

impl Cluster {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("hubbub-pg").tempdir().unwrap();
        let cluster = Self { folder, programs: programs(), port: free_port() };
        if is_root() {
            let owned = Command::new("chown").arg("postgres").arg(cluster.folder.path()).status().unwrap();
            assert!(owned.success());
        }
        cluster.run("initdb", &["-A", "trust", "--no-sync", "-U", "postgres", "-E", "UTF8"]);
        cluster.start();
        cluster
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Runs one of Postgres' programs on the cluster; as the user postgres where we are root, as which Postgres refuses.
    fn run(&self, program: &str, arguments: &[&str]) {
        let path = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.arg("-D").arg(self.data()).args(arguments).current_dir(self.folder.path());
        command.stdout(std::process::Stdio::null());
        assert!(command.status().unwrap().success(), "{program} failed");
    }

    fn start(&self) {
        let folder = self.folder.path().display();
        let options = format!("-p {} -k {folder} -c fsync=off -c listen_addresses=127.0.0.1", self.port);
        self.run("pg_ctl", &["-w", "-l", &format!("{folder}/log"), "-o", &options, "start"]);
    }

    fn stop(&self) {
        self.run("pg_ctl", &["-w", "-m", "immediate", "stop"]);
    }

    pub(crate) fn url(&self) -> String {
        self.url_of("postgres")
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs one of Postgres' clients, as docs/OPERATIONS.md has it.
    fn client(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(self.programs.join(program));
        command.env("PGHOST", "127.0.0.1").env("PGPORT", self.port.to_string()).env("PGUSER", "postgres");
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.data().join("postmaster.pid").exists() {
            self.stop();
        }
    }
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout.trim_ascii() == b"0"
}

/// Debian keeps them outside the search path.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        versions.map(|v| v.path().join("bin")).filter(|p| p.join("initdb").exists()).collect();
    found.sort();
    found.pop().unwrap_or_else(|| {
        let output = Command::new("sh").args(["-c", "command -v initdb"]).output().unwrap();
        let path = String::from_utf8(output.stdout).unwrap();
        Path::new(path.trim()).parent().expect("Postgres is installed: make test says how").to_owned()
    })
}

#[tokio::test]
async fn the_server_outlives_its_database_and_recovers_by_itself() {
    let cluster = tokio::task::spawn_blocking(Cluster::new).await.unwrap();
    let server = Setup::new().with("HUBBUB__STORAGE__URL", &cluster.url()).start().await;
    let ada = server.user("ada").await;
    let healthz = format!("{}/healthz", server.base);
    let readyz = format!("{}/readyz", server.base);

    cluster.stop();
    assert_eq!(get(&healthz).await.unwrap().0, 200);
    let (status, body) = get(&readyz).await.unwrap();
    assert_eq!((status, body["code"].as_str()), (503, Some("database-unavailable")));
    let login = json!({ "email": "ada@example.org", "password": PASSWORD });
    let (status, body) = server.post("/api/auth/login", None, &login).await;
    assert_eq!((status, body["code"].as_str()), (503, Some("database-unavailable")), "{body}");
    let response = crate::harness::client().get(format!("{}/api/rooms", server.base)).bearer_auth(&ada.access);
    let response = response.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 503);
    assert!(response.headers().contains_key("retry-after"));

    cluster.start();
    let deadline = Instant::now() + PATIENCE;
    while get(&readyz).await.unwrap().0 != 200 {
        assert!(Instant::now() < deadline, "not ready again:\n{}", server.log());
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let room = server.room(&ada, "After the outage").await;
    let (status, _) = server.get(&format!("/api/rooms/{room}"), Some(&ada)).await;
    assert_eq!(status, 200);
    drop(server);
}

#[tokio::test]
async fn what_was_dumped_is_there_again_in_another_database() {
    let cluster = tokio::task::spawn_blocking(Cluster::new).await.unwrap();
    let setup = Setup::new().with("HUBBUB__STORAGE__URL", &cluster.url());
    let server = setup.start().await;
    let ada = server.user("ada").await;
    let room = server.room(&ada, "Before").await;

    // The commands of docs/OPERATIONS.md, while the server runs.
    let dump = setup.folder.path().join("hubbub.dump").display().to_string();
    cluster.client("pg_dump", &["--format=custom", "--no-owner", &format!("--file={dump}"), &cluster.url()]);
    let secret = std::fs::read(setup.data().join("secret.key")).unwrap();
    let later = server.room(&ada, "After the dump").await;
    server.kill();
    cluster.client("createdb", &["hubbub_restored"]);
    cluster.client("pg_restore", &["--no-owner", "--exit-on-error", "--dbname=hubbub_restored", &dump]);

    let other = Setup::new().with("HUBBUB__STORAGE__URL", &cluster.url_of("hubbub_restored"));
    std::fs::create_dir(other.data()).unwrap();
    std::fs::write(other.data().join("secret.key"), secret).unwrap();
    let server = other.start().await;
    assert_eq!(server.get("/api/auth/me", Some(&ada)).await.0, 200, "logins of before hold");
    assert_eq!(server.get(&format!("/api/rooms/{room}"), Some(&ada)).await.0, 200);
    assert_eq!(server.get(&format!("/api/rooms/{later}"), Some(&ada)).await.0, 404, "that came later");
    server.login("ada").await;
}
