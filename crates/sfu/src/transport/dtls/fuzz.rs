//! Entry points for fuzzing.

use std::time::{Duration, Instant};

use super::hello::{HelloReader, Progress};
use super::{DATAGRAM_MAX, DtlsEndpoint, DtlsOutput, DtlsServer, POLL_BUFFER};
use crate::transport::Identity;

/// Feeds the reader of ClientHellos.
pub(crate) fn hello<'a>(datagrams: impl Iterator<Item = &'a [u8]>) {
    let mut reader = HelloReader::default();
    for datagram in datagrams {
        let datagram = &datagram[..datagram.len().min(DATAGRAM_MAX)];
        if let Progress::Complete { hello, datagrams } = reader.push(datagram) {
            assert!(!datagrams.is_empty());
            let _ = hello.wants_dtls13();
        }
        assert!(reader.bytes_held() <= 128 * 1024, "{} bytes for a stranger", reader.bytes_held());
    }
}

/// Feeds an association and lets it answer, then lets its timers run.
pub(crate) fn association<'a>(datagrams: impl Iterator<Item = &'a [u8]>, identity: &Identity) {
    let mut now = Instant::now();
    let mut server = DtlsServer::new(now, identity);
    let mut buffer = vec![0; POLL_BUFFER];
    let mut answer = |server: &mut DtlsServer| {
        // More than any flight has.
        for _ in 0..200 {
            match server.poll(&mut buffer) {
                DtlsOutput::Datagram(datagram) => assert!(datagram.len() <= DATAGRAM_MAX),
                DtlsOutput::Wait(_) => return true,
                DtlsOutput::Failed => return false,
                _ => {}
            }
        }
        panic!("it never ends");
    };
    for datagram in datagrams {
        now += Duration::from_millis(1);
        let _ = server.handle_datagram(now, datagram);
        if !answer(&mut server) {
            return;
        }
    }
    now += Duration::from_secs(1);
    let _ = server.handle_timeout(now);
    let _ = answer(&mut server);
}
