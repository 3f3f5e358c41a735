//! `hubbub healthcheck`: asks a running server whether it is well, for containers that have no other program to ask with.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::Context;

use crate::config::Config;

/// How long the server may take to answer; service managers give up after about as long.
const PATIENCE: Duration = Duration::from_secs(4);

/// As much of an answer as tells its status.
const HEAD: u64 = 64;

/// Asks the server that this configuration describes, on this machine: by the metrics' listener, which always speaks plain HTTP,
/// or by the public one where there is none. `ready` asks for more: that its database answers and that it is not about to end.
///
/// # Errors
/// One line: that nobody answers, or with which status.
pub(crate) fn run(config: &Config, ready: bool) -> anyhow::Result<()> {
    let address = config.health_address();
    let path = if ready { "/readyz" } else { "/healthz" };
    let status = ask(address, path).with_context(|| format!("no answer from {address}; is the server running?"))?;
    anyhow::ensure!(status == 200, "{path} at {address} answers {status}; the server's log says why");
    Ok(())
}

fn ask(address: SocketAddr, path: &str) -> anyhow::Result<u16> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let question = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(question.as_bytes())?;
    let mut head = Vec::new();
    stream.take(HEAD).read_to_end(&mut head)?;
    status(&head).context("what answers speaks no HTTP")
}

/// The status in the first line of an answer (RFC 9112, section 4).
fn status(head: &[u8]) -> Option<u16> {
    let line = head.strip_prefix(b"HTTP/1.1 ")?;
    std::str::from_utf8(line.get(..3)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_in_the_first_line() {
        assert_eq!(status(b"HTTP/1.1 503 Service Unavailable\r\n"), Some(503));
        for no_http in [&b""[..], b"HTTP/1.1 2", b"SSH-2.0-OpenSSH", b"HTTP/1.1 abc\r\n", b"\x15\x03\x03\x00\x02"] {
            assert_eq!(status(no_http), None, "{no_http:?}");
        }
    }
}
