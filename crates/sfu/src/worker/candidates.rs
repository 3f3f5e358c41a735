//! Which addresses clients are told of.

use std::net::{IpAddr, SocketAddr};

use super::interfaces;
use crate::config::{Config, SharedTcp};
use crate::error::StartError;

/// Where a worker is reached, best first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Candidates {
    /// By UDP.
    pub(crate) udp: Vec<SocketAddr>,
    /// By TCP (RFC 6544): the worker's own listener, then the shared one.
    pub(crate) tcp: Vec<SocketAddr>,
}

/// The addresses of all workers; each adds its port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// Of the media sockets.
    media: Vec<IpAddr>,
    /// Of the listener whose connections are handed over.
    shared: Vec<SocketAddr>,
}

impl Addresses {
    /// What is known at the start: the configured addresses, or those of the interfaces.
    pub(crate) fn of(config: &Config) -> Result<Self, StartError> {
        let bound = |bind: IpAddr| {
            if !config.announced.is_empty() {
                Ok(config.announced.clone())
            } else if bind.is_unspecified() {
                interfaces::covered(bind).map_err(unlisted)
            } else {
                Ok(vec![bind])
            }
        };
        let shared = match config.shared_tcp {
            Some(SharedTcp { bind, port }) => bound(bind)?.into_iter().map(|ip| SocketAddr::new(ip, port)).collect(),
            None => Vec::new(),
        };
        Ok(Self { media: bound(config.bind)?, shared })
    }

    /// Those of the media sockets.
    pub(crate) fn media(&self) -> &[IpAddr] {
        &self.media
    }

    /// Adds an address that was found: that of a NAT which passes every port on to this machine (1:1). It comes last, as
    /// whoever is on this side of the NAT does better without it.
    pub(crate) fn add(&mut self, public: IpAddr) {
        if !self.media.contains(&public) {
            self.media.push(public);
        }
        // A listener on loopback is no more reached through the NAT than one that is not there.
        if let Some(port) = self.shared.iter().find(|address| !address.ip().is_loopback()).map(SocketAddr::port) {
            let address = SocketAddr::new(public, port);
            if !self.shared.contains(&address) {
                self.shared.push(address);
            }
        }
    }

    /// The candidates of the worker on `port`.
    pub(crate) fn on_port(&self, port: u16) -> Candidates {
        let udp: Vec<SocketAddr> = self.media.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
        Candidates { tcp: udp.iter().chain(&self.shared).copied().collect(), udp }
    }
}

/// What it means that the interfaces cannot be listed.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn unlisted(error: std::io::Error) -> StartError {
    StartError::System(format!("listing the network interfaces: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const PUBLIC: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 5));

    fn sockets(list: &[&str]) -> Vec<SocketAddr> {
        list.iter().map(|text| text.parse().expect("address")).collect()
    }

    #[test]
    fn candidates_are_what_was_announced_or_bound() {
        let bound = Config { bind: LOOPBACK, ..Config::default() };
        assert_eq!(Addresses::of(&bound).expect("addresses").media, [LOOPBACK]);
        let told = Config { announced: vec![PUBLIC], ..bound };
        assert_eq!(Addresses::of(&told).expect("addresses").media, [PUBLIC]);
        assert!(!Addresses::of(&Config::default()).expect("addresses").media.is_empty());
    }

    #[test]
    fn the_shared_listener_is_a_further_tcp_candidate_with_its_own_port() {
        let shared_tcp = Some(SharedTcp { bind: "10.0.0.5".parse().expect("address"), port: 443 });
        let mut addresses =
            Addresses::of(&Config { bind: LOOPBACK, shared_tcp, ..Config::default() }).expect("addresses");
        let candidates = addresses.on_port(7882);
        assert_eq!(candidates.udp, sockets(&["127.0.0.1:7882"]));
        assert_eq!(candidates.tcp, sockets(&["127.0.0.1:7882", "10.0.0.5:443"]));
        addresses.add(PUBLIC);
        addresses.add(PUBLIC);
        let candidates = addresses.on_port(7882);
        assert_eq!(candidates.udp, sockets(&["127.0.0.1:7882", "203.0.113.5:7882"]));
        let tcp = ["127.0.0.1:7882", "203.0.113.5:7882", "10.0.0.5:443", "203.0.113.5:443"];
        assert_eq!(candidates.tcp, sockets(&tcp));
    }

    #[test]
    fn a_shared_listener_on_loopback_is_not_announced_outside() {
        let shared_tcp = Some(SharedTcp { bind: LOOPBACK, port: 8080 });
        let mut addresses =
            Addresses::of(&Config { bind: LOOPBACK, shared_tcp, ..Config::default() }).expect("addresses");
        addresses.add(PUBLIC);
        assert_eq!(addresses.on_port(1).tcp, sockets(&["127.0.0.1:1", "203.0.113.5:1", "127.0.0.1:8080"]));
    }
}
