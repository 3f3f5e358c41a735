//! Making a worker's sockets.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that wait to be accepted; the system may allow fewer.
const BACKLOG: i32 = 1024;

/// `bind`, or 0.0.0.0 in place of `[::]` where the system has no IPv6.
pub(crate) fn possible(bind: IpAddr) -> IpAddr {
    let everywhere = IpAddr::from(Ipv6Addr::UNSPECIFIED);
    if bind == everywhere && UdpSocket::bind((everywhere, 0)).is_err() {
        tracing::info!("this machine has no IPv6: media is received by IPv4 alone");
        return Ipv4Addr::UNSPECIFIED.into();
    }
    bind
}

/// A datagram socket; on `[::]` it takes IPv4 too, whatever the system's default.
pub(super) fn udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    prepare(&socket, address)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// A listener; on `[::]` it takes IPv4 too.
pub(super) fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    prepare(&socket, address)?;
    // A server that starts again does not wait for its predecessor's connections to be forgotten.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn prepare(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_nonblocking(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everywhere_is_both_families_where_there_are_both() {
        let bind = possible(Ipv6Addr::UNSPECIFIED.into());
        let receiver = udp(SocketAddr::new(bind, 0)).expect("bound");
        receiver.set_nonblocking(false).expect("blocking");
        let port = receiver.local_addr().expect("an address").port();
        let listener = tcp(SocketAddr::new(bind, port)).expect("bound");
        listener.set_nonblocking(false).expect("blocking");
        let all = [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()];
        for from in all.into_iter().filter(|from| bind.is_ipv6() || from.is_ipv4()) {
            let sender = UdpSocket::bind((from, 0)).expect("a socket");
            sender.send_to(&[7], (from, port)).expect("sent");
            let (_, source) = receiver.recv_from(&mut [0; 8]).expect("received");
            assert_eq!(source.ip().to_canonical(), from);
            let _stream = std::net::TcpStream::connect((from, port)).expect("connected");
            let (_, source) = listener.accept().expect("accepted");
            assert_eq!(source.ip().to_canonical(), from);
        }
    }
}
