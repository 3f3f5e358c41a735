//! What can be known about a machine before, or beside, a media plane that runs on it.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use super::{bind, interfaces, socket};

/// Bytes of the buffers that the system gives a media socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketBuffers {
    /// For datagrams that wait to be read.
    pub receive: usize,
    /// For datagrams that wait to leave.
    pub send: usize,
    /// What media sockets ask for in each direction.
    pub wanted: usize,
}

/// The addresses that clients are told of when none are configured and `bind` is all addresses, best first.
///
/// # Errors
/// The system's, when the interfaces cannot be listed.
pub fn announced_by_default(bind: IpAddr) -> io::Result<Vec<IpAddr>> {
    if bind.is_unspecified() { interfaces::covered(bind::possible(bind)) } else { Ok(vec![bind]) }
}

/// Every address of this machine's interfaces, loopback and link-local ones included.
///
/// # Errors
/// The system's, when the interfaces cannot be listed.
pub fn interface_addresses() -> io::Result<Vec<IpAddr>> {
    Ok(if_addrs::get_if_addrs()?.iter().map(if_addrs::Interface::ip).collect())
}

/// A datagram socket, bound as a media worker's is.
///
/// # Errors
/// The system's; [`io::ErrorKind::AddrInUse`] while a media plane has the port.
pub fn bind_media_udp(address: SocketAddr) -> io::Result<UdpSocket> {
    bind::udp(SocketAddr::new(bind::possible(address.ip()), address.port()))
}

/// A listener, bound as a media worker's is.
///
/// # Errors
/// As for [`bind_media_udp`].
pub fn bind_media_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    bind::tcp(SocketAddr::new(bind::possible(address.ip()), address.port()))
}

/// Asks for a media socket's buffers and tells what the system gives.
///
/// # Errors
/// The system's, when there is no socket to be had.
pub fn socket_buffers() -> io::Result<SocketBuffers> {
    let probe = UdpSocket::bind("127.0.0.1:0").or_else(|_| UdpSocket::bind("[::1]:0"))?;
    let (receive, send) = socket::ask_for_buffers(&probe)?;
    Ok(SocketBuffers { receive, send, wanted: socket::BUFFER })
}

/// Whether the system cuts one send into several datagrams (UDP GSO).
#[must_use]
pub fn can_segment() -> bool {
    socket::can_segment()
}
