//! The socket of a peer: UDP, connected to the server, read in batches with the kernel's times of arrival.

use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use quinn_udp::{RecvMeta, UdpSocketState};

/// Messages read with one system call.
const BATCH: usize = 8;
/// The largest message: several datagrams that the server sent as one (UDP GSO) and the kernel hands over as one (GRO).
const MESSAGE_MAX: usize = 65_536;

/// A peer's socket.
pub(super) struct MediaSocket {
    socket: mio::net::UdpSocket,
    state: UdpSocketState,
}

impl MediaSocket {
    /// A socket that talks to the first of these addresses to which a route leads.
    ///
    /// # Errors
    /// What the system says about the last of them.
    pub(super) fn connect(remotes: &[SocketAddr]) -> io::Result<UdpSocket> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for remote in remotes {
            let any: SocketAddr = match remote {
                SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
            };
            let connected = UdpSocket::bind(any).and_then(|socket| {
                socket.connect(remote)?;
                socket.set_nonblocking(true)?;
                Ok(socket)
            });
            match connected {
                Ok(socket) => return Ok(socket),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Takes a socket that [`Self::connect`] made.
    ///
    /// # Errors
    /// When the system refuses an option.
    pub(super) fn new(socket: UdpSocket) -> io::Result<Self> {
        let socket = mio::net::UdpSocket::from_std(socket);
        Ok(Self { state: UdpSocketState::new((&socket).into())?, socket })
    }

    /// For the poll.
    pub(super) const fn source(&mut self) -> &mut mio::net::UdpSocket {
        &mut self.socket
    }

    /// Sends a datagram; `false` when the system would not take it. A server that is gone is noticed by its silence.
    pub(super) fn send(&self, datagram: &[u8]) -> bool {
        self.socket.send(datagram).is_ok()
    }
}

/// Room for a batch, shared by all sockets of a thread.
pub(super) struct Buffers {
    bytes: Vec<u8>,
    metas: [RecvMeta; BATCH],
}

impl Default for Buffers {
    fn default() -> Self {
        Self { bytes: vec![0; BATCH * MESSAGE_MAX], metas: [RecvMeta::default(); BATCH] }
    }
}

impl Buffers {
    /// Reads a socket until it is empty. `take` gets each datagram and when it came, since the Unix epoch, if the kernel said so.
    pub(super) fn drain(&mut self, socket: &MediaSocket, mut take: impl FnMut(&[u8], Option<Duration>)) {
        loop {
            let mut chunks = self.bytes.chunks_exact_mut(MESSAGE_MAX);
            let mut slices: [IoSliceMut<'_>; BATCH] =
                std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
            match socket.state.recv((&socket.socket).into(), &mut slices, &mut self.metas) {
                Ok(messages) => {
                    for (meta, bytes) in self.metas[..messages].iter().zip(&slices) {
                        for datagram in bytes[..meta.len].chunks(meta.stride.max(1)) {
                            take(datagram, meta.timestamp);
                        }
                    }
                    if messages < BATCH {
                        return;
                    }
                }
                // A port that is closed says so once for each datagram we sent (ICMP); there may be more to read behind it.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::opus::wall_micros;

    #[test]
    fn everything_is_read_with_the_time_it_came() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let socket = MediaSocket::connect(&[server.local_addr().unwrap()]).unwrap();
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, socket.local_addr().unwrap().port()));
        let socket = MediaSocket::new(socket).unwrap();
        let before = wall_micros();
        for number in 0..20_u8 {
            server.send_to(&[number; 100], local).unwrap();
        }
        let mut numbers = Vec::new();
        Buffers::default().drain(&socket, |datagram, time| {
            assert_eq!(datagram.len(), 100);
            numbers.push(datagram[0]);
            let time = u64::try_from(time.expect("Linux stamps packets").as_micros()).unwrap();
            // Linux switches stamping on a moment after it was asked for, and stamps what came before when it is read.
            let read = wall_micros();
            assert!((before..=read).contains(&time), "{before} {time} {read}");
        });
        assert_eq!(numbers, (0..20).collect::<Vec<u8>>());
        assert!(socket.send(b"back"));
        assert_eq!(server.recv(&mut [0; 10]).unwrap(), 4);
    }

    #[test]
    fn a_closed_port_is_no_end() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let socket = MediaSocket::new(MediaSocket::connect(&[address]).unwrap()).unwrap();
        drop(server);
        for _ in 0..3 {
            socket.send(b"nobody");
        }
        Buffers::default().drain(&socket, |_, _| panic!("there is nothing"));
        let server = UdpSocket::bind(address).unwrap();
        assert!(socket.send(b"again") || socket.send(b"again"));
        assert_eq!(server.recv(&mut [0; 10]).unwrap(), 5);
    }
}
