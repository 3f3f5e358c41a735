//! The database: there, its schema this program's, and taking writes.

use std::path::Path;
use std::time::Duration;

use hubbub_storage::{ConnectError, Examination, Examined, examine};

use super::Doctor;
use super::finding::Finding;

/// Slower than this people notice it.
const SLOW: Duration = Duration::from_millis(200);

/// Microseconds by which the database server's clock may differ.
const CLOCK: u64 = 5_000_000;

/// The line about it.
pub(crate) async fn check(doctor: &Doctor) -> Finding {
    let (config, folder) = (&doctor.config, doctor.config.data_dir());
    if config.storage.url.is_empty() && !folder.exists() {
        return not_made(folder);
    }
    judge(examine(&config.for_storage()).await)
}

/// The server makes the data folder and the database in it when it starts.
fn not_made(folder: &Path) -> Finding {
    let name = "database";
    let above = folder.ancestors().skip(1).map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path });
    let above = above.into_iter().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let shown = folder.display();
    match rustix::fs::access(above, rustix::fs::Access::WRITE_OK) {
        Ok(()) => Finding::ok(name, format!("{shown} is not there yet; the server makes it when it starts")),
        Err(error) => Finding::fails(
            name,
            format!("the data folder {shown} cannot be made: {error}"),
            "set data.dir to a folder that the user that runs Hubbub may write to",
        ),
    }
}

fn judge(examined: Result<Examined, ConnectError>) -> Finding {
    let name = "database";
    let found = match examined {
        Ok(Examined::NotMade { place }) => {
            return Finding::ok(name, format!("{place} is not there yet; the server makes it when it starts"));
        }
        Ok(Examined::Works(found)) => found,
        Err(error) => return Finding::fails(name, error.to_string(), advice(&error)),
    };
    let Examination { place, schema, pending, latency, write, clocks } = found;
    let text = format!(
        "{place} answers in {:.1} ms, takes writes in {:.1} ms, schema {schema}",
        milliseconds(latency),
        milliseconds(write)
    );
    if let Some(apart) = clocks.map(|(theirs, ours)| theirs.abs_diff(ours)).filter(|apart| *apart > CLOCK) {
        let found = format!("{text}; its clock is {} s from this machine's", apart / 1_000_000);
        return Finding::warning(name, found, "have both machines keep their time by NTP");
    }
    if pending > 0 {
        return Finding::ok(name, format!("{text}; the next start brings it up to date ({pending} migrations)"));
    }
    if latency > SLOW || write > SLOW {
        return Finding::warning(
            name,
            text,
            "it is slow: look at the disk, the network between and the machine's load",
        );
    }
    Finding::ok(name, text)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn advice(error: &ConnectError) -> &'static str {
    match error {
        ConnectError::BadUrl(_) | ConnectError::NoConnections => "correct storage.url and storage.max_connections",
        ConnectError::NotWritable { .. } => {
            "let the user that runs Hubbub write the file and its folder, or set storage.url"
        }
        ConnectError::Unreachable { .. } => {
            "start the database server, check host, port and its firewall, or set storage.url"
        }
        ConnectError::Refused { .. } => "check user, password, name and rights of the database in storage.url",
        ConnectError::NewerSchema { .. } => "use the newer version of Hubbub",
        ConnectError::Migration { .. } | ConnectError::Names(_) => {
            "restore the last backup, or ask for help with this line"
        }
    }
}
