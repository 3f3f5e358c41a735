//! The knobs of the media plane.

use std::net::{IpAddr, Ipv6Addr};

use crate::error::StartError;

/// How the media plane runs. `Default` is what `config/default.toml` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Worker threads, each with a port of its own: `first_port`, `first_port + 1`, …
    pub workers: usize,
    /// Where the sockets are bound; `[::]` is every address of both families, and 0.0.0.0 where there is no IPv6.
    pub bind: IpAddr,
    /// The first UDP and TCP port; 0 lets the system choose (tests).
    pub first_port: u16,
    /// The addresses in our candidates; empty: those of the interfaces that `bind` covers.
    pub announced: Vec<IpAddr>,
    /// Host name and port of STUN servers that are asked for the public address, from every media port, when nothing is
    /// `announced`; empty: nobody is asked.
    pub stun_servers: Vec<(String, u16)>,
    /// A listener of somebody else's that hands ICE-TCP connections over ([`crate::Sfu::adopt`]).
    pub shared_tcp: Option<SharedTcp>,
    /// How many speakers a listener hears at most, however many slots it offers.
    pub max_slots: usize,
    /// How many peers a worker takes.
    pub max_peers_per_worker: usize,
    /// How many TCP connections a worker holds; half of them at most have still to show that they belong to a peer.
    pub max_tcp_connections_per_worker: usize,
    /// A worker that is busy for this share of its time takes nobody new; 100 is no limit.
    pub max_busy_percent: u32,
    /// How many RTP and RTCP packets a second one peer may send; the rest is dropped.
    pub max_packets_per_second: u32,
    /// How many bytes of RTP and RTCP a second one peer may send, SRTP's own included and UDP's and IP's headers not; the rest
    /// is dropped.
    pub max_bytes_per_second: u32,
}

/// A TCP listener that serves another protocol too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedTcp {
    /// Where it is bound.
    pub bind: IpAddr,
    /// The port by which clients reach it.
    pub port: u16,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            workers: 1,
            bind: IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            first_port: 7882,
            announced: Vec::new(),
            stun_servers: Vec::new(),
            shared_tcp: None,
            max_slots: 8,
            max_peers_per_worker: 10_000,
            max_tcp_connections_per_worker: 10_000,
            max_busy_percent: 85,
            max_packets_per_second: 500,
            max_bytes_per_second: 125_000,
        }
    }
}

impl Config {
    /// Refuses what cannot work, before any port is bound.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let wrong = |message: String| Err(StartError::Config(message));
        if !(1..=crate::worker_set::MAX_WORKERS).contains(&self.workers) {
            return wrong(format!("media workers: {} given; 1 to 256 are possible", self.workers));
        }
        if self.first_port != 0 && usize::from(self.first_port) + self.workers - 1 > usize::from(u16::MAX) {
            let last = usize::from(u16::MAX) - self.workers + 1;
            return wrong(format!(
                "first media port: {} leaves no room for {} workers; at most {last} is possible",
                self.first_port, self.workers
            ));
        }
        if !(1..=crate::worker::MAX_SLOTS).contains(&self.max_slots) {
            let most = crate::worker::MAX_SLOTS;
            return wrong(format!("media slots: {} given; 1 to {most} are possible", self.max_slots));
        }
        if self.max_peers_per_worker == 0 {
            return wrong("media peers per worker: 0 given; at least 1 is needed".to_owned());
        }
        if self.max_tcp_connections_per_worker < 2 {
            let given = self.max_tcp_connections_per_worker;
            return wrong(format!("media TCP connections per worker: {given} given; at least 2 are needed"));
        }
        if !(10..=100).contains(&self.max_busy_percent) {
            return wrong(format!(
                "media busy percent: {} given; 10 to 100 are possible, and 100 is no limit",
                self.max_busy_percent
            ));
        }
        if self.max_packets_per_second < 50 {
            return wrong(format!(
                "media packets per second: {} given; a peer that speaks sends 50, so at least 50 are needed",
                self.max_packets_per_second
            ));
        }
        if self.max_bytes_per_second < 8_000 {
            return wrong(format!(
                "media bytes per second: {} given; speech with its redundancy takes up to 8000, so at least 8000 are needed",
                self.max_bytes_per_second
            ));
        }
        if self.shared_tcp.is_some_and(|shared| shared.port == 0) {
            return wrong("the shared TCP port: 0 given; clients cannot connect there".to_owned());
        }
        let unreachable = |address: &&IpAddr| {
            let local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
            address.is_unspecified() || address.is_multicast() || local
        };
        if let Some(address) = self.announced.iter().find(unreachable) {
            return wrong(format!("announced media address: nobody can send to {address}; give a host's address"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut Config)) -> String {
        let mut config = Config::default();
        change(&mut config);
        config.check().expect_err("refused").to_string()
    }

    #[test]
    fn nonsense_is_refused_with_what_would_be_right() {
        assert!(Config::default().check().is_ok());
        assert!(refused(|config| config.workers = 0).contains("1 to 256"));
        assert!(refused(|config| config.max_slots = 0).contains("1 to"));
        assert!(refused(|config| config.max_peers_per_worker = 0).contains("at least 1"));
        assert!(refused(|config| config.max_tcp_connections_per_worker = 1).contains("at least 2"));
        assert!(refused(|config| config.max_busy_percent = 0).contains("10 to 100"));
        assert!(refused(|config| config.max_busy_percent = 101).contains("10 to 100"));
        assert!(refused(|config| config.max_packets_per_second = 0).contains("at least 50"));
        assert!(refused(|config| config.max_bytes_per_second = 7_999).contains("at least 8000"));
        assert!(refused(|config| config.announced = vec![IpAddr::from([0, 0, 0, 0])]).contains("0.0.0.0"));
        assert!(
            refused(|config| config.shared_tcp = Some(SharedTcp { bind: config.bind, port: 0 })).contains("0 given")
        );
        let local = "fe80::1".parse().expect("address");
        assert!(refused(|config| config.announced = vec![local]).contains("fe80::1"));
        let ports = refused(|config| (config.first_port, config.workers) = (65_535, 2));
        assert!(ports.contains("at most 65534"), "{ports}");
    }
}
