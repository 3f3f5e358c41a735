//! What the system gives: files, buffers, segmentation, room on the disk, memory.

use std::fs;
use std::path::Path;

use hubbub_sfu::{SocketBuffers, can_segment, socket_buffers};
use rustix::process::{Resource, getrlimit};

use super::finding::Finding;
use super::{Doctor, http};
use crate::config::Config;
use crate::http::places::Shares;

/// MiB of free disk below which it is said, and below which nothing goes on.
const DISK_LOW: u64 = 1024;
const DISK_FULL: u64 = 64;

/// MiB of free memory, likewise.
const MEMORY_LOW: u64 = 256;
const MEMORY_OUT: u64 = 64;

/// MiB that checking one password takes.
const PASSWORD: u64 = 19;

/// The lines about it.
pub(crate) async fn check(doctor: &Doctor) -> Vec<Finding> {
    let config = &doctor.config;
    let servers = if doctor.server_runs { http::scrape(config).await.as_deref().and_then(max_files) } else { None };
    let own = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    vec![
        files(servers.map_or(Files::OfThisUser(own), Files::OfTheServer), wanted_files(config)),
        buffers(socket_buffers()),
        if can_segment() {
            Finding::ok("segmentation", "the system cuts one send into many datagrams (UDP GSO)")
        } else {
            let advice = "use Linux 4.18 or newer outside sandboxes that hide it; until then a send a packet costs processor time";
            Finding::warning("segmentation", "the system does not cut sends into datagrams (UDP GSO)", advice)
        },
        disk(config.data_dir()),
        memory(available_memory(), config.password_threads() as u64),
    ]
}

/// For everybody who may come, as far as the limits allow.
fn wanted_files(config: &Config) -> u64 {
    Shares::files_for(config.media_workers() as u64 * config.media.max_peers_per_worker as u64)
}

/// Whose limit.
#[derive(Clone, Copy)]
enum Files {
    /// Of the server that runs, as its metrics say.
    OfTheServer(u64),
    /// The hard one of whoever runs the doctor, to which a server that this user starts raises its own.
    OfThisUser(u64),
}

/// From the metrics of the server.
fn max_files(metrics: &str) -> Option<u64> {
    let value = metrics.lines().find_map(|line| line.strip_prefix("process_max_fds "))?;
    value.trim().parse::<f64>().ok().map(|files| files as u64)
}

fn files(limit: Files, wanted: u64) -> Finding {
    let name = "open files";
    let (hard, who) = match limit {
        Files::OfTheServer(files) => (files, "the running server may have"),
        Files::OfThisUser(files) => (files, "a server of this user may have"),
    };
    let advice = "raise LimitNOFILE= of the service, or `ulimit -Hn`";
    if hard < 1024 {
        return Finding::fails(
            name,
            format!("{who} at most {hard} files open: a few hundred visitors use them up"),
            advice,
        );
    }
    if hard < wanted {
        let found = format!("{who} at most {hard} files open; as many people as the media workers take need {wanted}");
        return Finding::warning(name, found, format!("{advice}; or lower media.max_peers_per_worker"));
    }
    Finding::ok(name, format!("{who} {hard} files open, {wanted} are enough for everybody the media workers take"))
}

fn buffers(found: std::io::Result<SocketBuffers>) -> Finding {
    let name = "socket buffers";
    let advice =
        "for large rooms: sysctl net.core.rmem_max=4194304 net.core.wmem_max=4194304, and the same in /etc/sysctl.d";
    match found {
        Ok(SocketBuffers { receive, send, wanted }) if receive < wanted || send < wanted => {
            let found = format!(
                "media sockets get {} KiB for receiving and {} KiB for sending; {} KiB are asked for",
                receive / 1024,
                send / 1024,
                wanted / 1024
            );
            Finding::warning(name, found, advice)
        }
        Ok(SocketBuffers { wanted, .. }) => {
            Finding::ok(name, format!("media sockets get the {} KiB they ask for", wanted / 1024))
        }
        Err(error) => {
            Finding::fails(name, format!("no socket is to be had: {error}"), "look at the limits of this user")
        }
    }
}

fn disk(folder: &Path) -> Finding {
    let name = "disk";
    // The server makes the folder when it starts.
    let there = folder.ancestors().map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path });
    let Some(there) = there.into_iter().find(|path| path.exists()) else {
        return Finding::fails(name, format!("{} is nowhere", folder.display()), "set data.dir to a folder");
    };
    let shown = folder.display();
    let status = match rustix::fs::statvfs(there) {
        Ok(status) => status,
        Err(error) => {
            return Finding::fails(
                name,
                format!("{shown}: {error}"),
                "set data.dir to a folder that this user may use",
            );
        }
    };
    let free = status.f_bavail.saturating_mul(status.f_frsize) >> 20;
    let advice = "make room: the database is there";
    // A file system without a fixed number of files says 0 of 0.
    if status.f_files > 0 && status.f_favail < 100 {
        return Finding::fails(name, format!("the file system of {shown} has no room for more files"), advice);
    }
    if free < DISK_FULL {
        return Finding::fails(name, format!("{free} MiB are free for {shown}"), advice);
    }
    if free < DISK_LOW {
        return Finding::warning(name, format!("{free} MiB are free for {shown}"), advice);
    }
    Finding::ok(name, format!("{:.1} GiB are free for {shown}", free as f64 / 1024.0))
}

/// In MiB; what the control group leaves when that is less than what the machine has.
fn available_memory() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| mem_available(&text));
    let number =
        |file: &str| fs::read_to_string(Path::new("/sys/fs/cgroup").join(file)).ok()?.trim().parse::<u64>().ok();
    let group = number("memory.max").zip(number("memory.current")).map(|(most, used)| most.saturating_sub(used) >> 20);
    machine.into_iter().chain(group).min()
}

fn mem_available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_ascii_whitespace().next()?.parse::<u64>().ok().map(|kib| kib / 1024)
}

fn memory(available: Option<u64>, password_threads: u64) -> Finding {
    let name = "memory";
    let Some(available) = available else { return Finding::ok(name, "the system does not say how much is free") };
    let wanted = MEMORY_LOW.max(MEMORY_OUT + password_threads * PASSWORD);
    let found = format!("{available} MiB are free");
    if available < MEMORY_OUT {
        return Finding::fails(name, found, "the server needs more: end other programs or use a larger machine");
    }
    if available < wanted {
        let found = format!("{found}; {wanted} MiB are comfortable");
        return Finding::warning(
            name,
            found,
            "end other programs, use a larger machine, or lower auth.password_threads",
        );
    }
    Finding::ok(name, found)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn files_are_compared_with_what_the_configuration_lets_in() {
        for of in [Files::OfTheServer, Files::OfThisUser] {
            assert_eq!(files(of(1_048_576), 20_266).level, Level::Ok);
            assert_eq!(files(of(4096), 20_266).level, Level::Warning);
            assert_eq!(files(of(512), 20_266).level, Level::Fails);
        }
        assert_eq!(max_files("# HELP process_max_fds x\nprocess_max_fds 65536\n"), Some(65_536));
    }

    #[test]
    fn buffers_are_compared_with_what_media_asks_for() {
        let wanted = 4 << 20;
        let of = |receive, send| buffers(Ok(SocketBuffers { receive, send, wanted }));
        assert_eq!(of(8 << 20, 8 << 20).level, Level::Ok);
        let small = of(425_984, 8 << 20);
        assert_eq!(small.level, Level::Warning);
        assert!(small.advice.unwrap().contains("net.core.rmem_max"));
    }

    #[test]
    fn memory_is_read_and_judged() {
        assert_eq!(mem_available("MemTotal: 9 kB\nMemAvailable:     402400 kB\n"), Some(392));
        assert_eq!(memory(Some(392), 1).level, Level::Ok);
        assert_eq!(memory(Some(392), 64).level, Level::Warning);
        assert_eq!(memory(Some(40), 1).level, Level::Fails);
    }

    #[test]
    fn the_disk_of_a_folder_that_is_not_there_yet_is_its_parents() {
        let folder = tempfile::tempdir().unwrap();
        let finding = disk(&folder.path().join("data/deep"));
        assert!(finding.found.contains("free for"), "{finding:?}");
    }
}
