//! Where a datagram came from and what it is.

use std::net::{IpAddr, SocketAddr};

/// What carries the packets between a client and here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Datagrams.
    Udp,
    /// RFC 4571 frames on an accepted connection (RFC 6544, passive).
    Tcp,
}

impl Protocol {
    /// The label of the metric: stable.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

/// A peer's address as one of our sockets sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Path {
    /// Datagrams or a connection.
    pub(crate) protocol: Protocol,
    /// The peer's address.
    pub(crate) remote: SocketAddr,
    /// Which TCP connection; 0 for UDP. Tells a new connection from an old one of the same address and port.
    pub(crate) connection: u32,
    /// Which of our own addresses, for a UDP socket that has several: answers have to leave from there (RFC 8445, section
    /// 7.2.5.2.1, has the client drop others). `None`: as the system's routes choose.
    pub(crate) local: Option<IpAddr>,
}

impl Path {
    /// A path of the worker's UDP socket.
    pub(crate) const fn udp(remote: SocketAddr) -> Self {
        Self { protocol: Protocol::Udp, remote, connection: 0, local: None }
    }

    /// The same path as seen at one of our addresses, or at whichever.
    pub(crate) const fn at(self, local: Option<IpAddr>) -> Self {
        Self { local, ..self }
    }

    /// A path of an accepted TCP connection.
    pub(crate) const fn tcp(remote: SocketAddr, connection: u32) -> Self {
        Self { protocol: Protocol::Tcp, remote, connection, local: None }
    }
}

/// What a datagram is, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PacketKind {
    /// STUN (RFC 8489).
    Stun,
    /// DTLS.
    Dtls,
    /// SRTP.
    Rtp,
    /// SRTCP.
    Rtcp,
    /// Nothing that is spoken here.
    Unknown,
}

/// Tells the protocols of one port apart (RFC 7983, section 7; RTP and RTCP by RFC 5761, section 4).
pub(crate) fn classify(datagram: &[u8]) -> PacketKind {
    match datagram {
        [0..=3, ..] if datagram.len() >= 20 => PacketKind::Stun,
        [20..=63, ..] if datagram.len() >= 13 => PacketKind::Dtls,
        [128..=191, 192..=223, ..] if datagram.len() >= 8 => PacketKind::Rtcp,
        [128..=191, ..] if datagram.len() >= 12 => PacketKind::Rtp,
        _ => PacketKind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(first: &[u8], len: usize) -> PacketKind {
        let mut datagram = vec![0; len];
        datagram[..first.len()].copy_from_slice(first);
        classify(&datagram)
    }

    #[test]
    fn tells_the_protocols_apart() {
        assert_eq!(kind(&[0, 1], 20), PacketKind::Stun);
        assert_eq!(kind(&[22, 254, 253], 13), PacketKind::Dtls);
        assert_eq!(kind(&[0x80, 111], 12), PacketKind::Rtp);
        assert_eq!(kind(&[0x80, 0x80 | 111], 12), PacketKind::Rtp);
        assert_eq!(kind(&[0x80, 200], 8), PacketKind::Rtcp);
        assert_eq!(kind(&[0x81, 201], 8), PacketKind::Rtcp);
        assert_eq!(kind(&[64], 40), PacketKind::Unknown);
        assert_eq!(kind(&[255, 255], 40), PacketKind::Unknown);
    }

    #[test]
    fn the_short_are_unknown() {
        assert_eq!(classify(&[]), PacketKind::Unknown);
        assert_eq!(kind(&[0, 1], 19), PacketKind::Unknown);
        assert_eq!(kind(&[22], 12), PacketKind::Unknown);
        assert_eq!(kind(&[0x80, 111], 11), PacketKind::Unknown);
        assert_eq!(kind(&[0x80, 200], 7), PacketKind::Unknown);
    }
}
