//! Strangers who send datagrams to the port that a call uses, as fast as they are told to.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use crate::Failure;

/// How often a share of a second's datagrams is sent.
const TURN: Duration = Duration::from_millis(1);

/// What a stranger's datagram may begin with: STUN, DTLS, RTP, RTCP, and what is nothing of these (RFC 7983, section 7).
const FIRST_BYTES: [u8; 5] = [0, 22, 0x80, 0x81, 0xff];

/// Sends from a thread of its own, on the cores that the load has, until dropped.
pub(crate) struct Flood {
    sent: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Flood {
    /// `a_second` datagrams of 120 bytes, from sixteen addresses in turn.
    pub(crate) fn start(target: SocketAddr, a_second: u64) -> Result<Self, Failure> {
        let sockets = (0..16).map(|_| UdpSocket::bind("127.0.0.1:0")).collect::<Result<Vec<_>, _>>()?;
        let (sent, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, stopped) = (sent.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let begin = Instant::now();
            let mut number = 0_u64;
            while !stopped.load(Ordering::Relaxed) {
                let due = (begin.elapsed().as_secs_f64() * a_second as f64) as u64;
                while number < due {
                    let mut datagram = [number.to_le_bytes()[0]; 120];
                    datagram[0] = FIRST_BYTES[number as usize % FIRST_BYTES.len()];
                    // Refused or not: nobody here depends on it.
                    let _ = sockets[number as usize / 64 % sockets.len()].send_to(&datagram, target);
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
