//! Strangers who send datagrams to the port that a call uses, as fast as they are told to.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use crate::Failure;

/// How often a share of a second's datagrams is sent.
const TURN: Duration = Duration::from_millis(1);

/// How long each datagram is.
const LEN: usize = 120;

/// Strangers' datagrams of each kind (RFC 7983, section 7), whole enough to be looked at: a check (RFC 8445) with a user name that nobody
/// has, a DTLS record, RTP, RTCP, and what is nothing of these.
fn kinds() -> [[u8; LEN]; 5] {
    let begins: [&[u8]; 5] = [
        // Binding request, 100 bytes of attributes, magic cookie, transaction; USERNAME of 9 bytes, and an attribute that may be skipped.
        b"\x00\x01\x00\x64\x21\x12\xa4\x42twelve bytes\x00\x06\x00\x09none:them\x00\x00\x00\x80\x22\x00\x50",
        // Handshake, DTLS 1.2, epoch 0, record number 0, 107 bytes: a ClientHello.
        b"\x16\xfe\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x6b\x01",
        b"\x80\x6f\x00\x01\x00\x00\x00\x01\x12\x34\x56\x78",
        b"\x80\xc8\x00\x1d\x12\x34\x56\x78",
        b"\xff",
    ];
    begins.map(|begin| {
        let mut datagram = [0; LEN];
        datagram[..begin.len()].copy_from_slice(begin);
        datagram
    })
}

/// Sends from a thread of its own, on the cores that the load has, until dropped.
pub(crate) struct Flood {
    sent: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Flood {
    /// `a_second` datagrams of every kind, from sixteen addresses in turn.
    pub(crate) fn start(target: SocketAddr, a_second: u64) -> Result<Self, Failure> {
        let sockets = (0..16).map(|_| UdpSocket::bind("127.0.0.1:0")).collect::<Result<Vec<_>, _>>()?;
        let (sent, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, stopped) = (sent.clone(), stop.clone());
        let kinds = kinds();
        let thread = std::thread::spawn(move || {
            let begin = Instant::now();
            let mut number = 0_u64;
            while !stopped.load(Ordering::Relaxed) {
                let due = (begin.elapsed().as_secs_f64() * a_second as f64) as u64;
                while number < due {
                    let datagram = &kinds[number as usize % kinds.len()];
                    // Refused or not: nobody here depends on it.
                    let _ = sockets[number as usize / 64 % sockets.len()].send_to(datagram, target);
                    number += 1;
                }
                counted.store(number, Ordering::Relaxed);
                sleep(TURN);
            }
        });
        Ok(Self { sent, stop, thread: Some(thread) })
    }

    /// Datagrams so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It cannot panic, and there is nobody to tell.
            let _ = thread.join();
        }
    }
}
