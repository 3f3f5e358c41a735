//! What the system allows: open sockets, and packets it had to throw away.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::LoadTestError;

/// Files that are open besides the sockets: libraries, the runtime, the terminal.
const SPARE: u64 = 64;
/// Open files a peer: its media socket and its WebSocket.
const A_PEER: u64 = 2;

/// Raises the limit of open files as far as the system lets us.
pub(super) fn raise_open_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // Who may not raise it keeps what there is, and learns of it from `check`.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

/// Whether so many peers can be had.
///
/// # Errors
/// [`LoadTestError::Engine`] with what to do about it.
pub fn check(peers: usize) -> Result<(), LoadTestError> {
    raise_open_files();
    let needed = u64::try_from(peers).unwrap_or(u64::MAX).saturating_mul(A_PEER).saturating_add(SPARE);
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < needed => Err(LoadTestError::Engine {
            what: "opening the sockets",
            reason: format!(
                "{peers} peers need {needed} open files and this user may have {limit}: raise it with ulimit -n {needed} \
                 (LimitNOFILE= under systemd)"
            ),
        }),
        _ => Ok(()),
    }
}

/// Packets that the kernel threw away because these UDP ports were not read in time, by its table of sockets.
pub(super) fn socket_drops(ports: &std::collections::HashSet<u16>) -> u64 {
    let tables = ["/proc/self/net/udp", "/proc/self/net/udp6"];
    tables.iter().filter_map(|path| std::fs::read_to_string(path).ok()).map(|table| drops(&table, ports)).sum()
}

/// Columns: number, local address:port in hexadecimal, …, drops as the last one.
fn drops(table: &str, ports: &std::collections::HashSet<u16>) -> u64 {
    let of_line = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let (_, port) = words.nth(1)?.rsplit_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        ports.contains(&port).then(|| words.next_back()?.parse::<u64>().ok())?
    };
    table.lines().skip(1).filter_map(of_line).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_are_those_of_our_ports() {
        let table = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
            \x20 10: 0100007F:1F90 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0000000000000000 7\n\
            \x20 11: 0100007F:1F91 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0000000000000000 9\n";
        assert_eq!(drops(table, &[8080].into()), 7);
        assert_eq!(drops(table, &[8080, 8081].into()), 16);
        assert_eq!(drops(table, &[1].into()), 0);
        assert_eq!(drops("", &[1].into()), 0);
    }

    #[test]
    fn too_many_peers_are_refused_with_advice() {
        assert!(check(10).is_ok());
        let error = check(usize::MAX).unwrap_err().to_string();
        assert!(error.contains("ulimit -n") || getrlimit(Resource::Nofile).current.is_none(), "{error}");
    }
}
