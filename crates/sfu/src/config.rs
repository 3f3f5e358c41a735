//! The knobs of the media plane.

use std::net::IpAddr;

use crate::error::StartError;

/// How the media plane runs. `Default` is what `config/default.toml` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Worker threads, each with a port of its own: `first_port`, `first_port + 1`, …
    pub workers: usize,
    /// Where the sockets are bound.
    pub bind: IpAddr,
    /// The first UDP and TCP port; 0 lets the system choose (tests).
    pub first_port: u16,
    /// The addresses in our candidates; empty: those of the interfaces that `bind` covers.
    pub announced: Vec<IpAddr>,
    /// How many speakers a listener hears at most, however many slots it offers.
    pub max_slots: usize,
    /// How many peers a worker takes.
    pub max_peers_per_worker: usize,
    /// How many RTP and RTCP packets a second one peer may send; the rest is dropped.
    pub max_packets_per_second: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            workers: 1,
            bind: IpAddr::from([0, 0, 0, 0]),
            first_port: 7882,
            announced: Vec::new(),
            max_slots: 8,
            max_peers_per_worker: 10_000,
            max_packets_per_second: 500,
        }
    }
}

impl Config {
    /// Refuses what cannot work, before any port is bound.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let wrong = |message: String| Err(StartError::Config(message));
        if !(1..=256).contains(&self.workers) {
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
        if self.max_packets_per_second < 50 {
            return wrong(format!(
                "media packets per second: {} given; a peer that speaks sends 50, so at least 50 are needed",
                self.max_packets_per_second
            ));
        }
        if let Some(address) = self.announced.iter().find(|address| address.is_unspecified() || address.is_multicast())
        {
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
        assert!(refused(|config| config.max_packets_per_second = 0).contains("at least 50"));
        assert!(refused(|config| config.announced = vec![IpAddr::from([0, 0, 0, 0])]).contains("0.0.0.0"));
        let ports = refused(|config| (config.first_port, config.workers) = (65_535, 2));
        assert!(ports.contains("at most 65534"), "{ports}");
    }
}
