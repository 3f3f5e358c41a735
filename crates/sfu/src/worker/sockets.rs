//! A worker's two sockets.

use std::io;
use std::net::SocketAddr;

use mio::net::{TcpListener, UdpSocket};

use super::{bind, socket};
use crate::error::StartError;

/// A worker's UDP socket and TCP listener, on the same port.
#[derive(Debug)]
pub(super) struct Sockets {
    pub(super) udp: UdpSocket,
    pub(super) listener: TcpListener,
    pub(super) port: u16,
    /// IPv4 datagrams come to an IPv6 socket.
    pub(super) takes_both: bool,
}

impl Sockets {
    /// Binds both. With port 0 the system chooses one that is free for UDP, which for TCP it may not be.
    pub(super) fn bind(address: SocketAddr) -> Result<Self, StartError> {
        const TRIES: usize = 16;
        let failed = |source| StartError::Bind { address, source };
        let mut tries = if address.port() == 0 { TRIES } else { 1 };
        loop {
            tries -= 1;
            match Self::bind_both(address) {
                Ok(sockets) => return Ok(sockets),
                Err(error) if tries > 0 && error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }

    fn bind_both(address: SocketAddr) -> io::Result<Self> {
        let udp = bind::udp(address)?;
        socket::enlarge_buffers(&udp)?;
        socket::prefer_stable_source(&udp);
        socket::never_fragment(&udp);
        let local = udp.local_addr()?;
        let listener = TcpListener::from_std(bind::tcp(local)?);
        let takes_both = local.is_ipv6() && local.ip().is_unspecified();
        Ok(Self { udp: UdpSocket::from_std(udp), listener, port: local.port(), takes_both })
    }

    /// Has answers leave from the address that was asked, not from the one that the system's routes choose.
    pub(super) fn answer_from_where_asked(&self) -> io::Result<()> {
        socket::report_destinations(&self.udp)
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }
}
