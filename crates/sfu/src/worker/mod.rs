//! Media workers: threads that share nothing with each other.
//!
//! [`core`] decides, [`socket`] talks to the system, [`run`] connects the two.

mod answer;
mod bucket;
mod connection;
pub(crate) mod core;
mod forward;
mod handle;
mod interfaces;
mod media;
mod preroll;
mod run;
mod socket;
mod tcp;
#[cfg(test)]
mod tests;
mod timers;

use std::net::{IpAddr, SocketAddr};

use tokio::sync::mpsc::UnboundedSender;

use self::core::Settings;
pub(crate) use self::handle::WorkerHandle;
use crate::config::Config;
use crate::error::StartError;
use crate::event::Event;
use crate::transport::Identity;

/// The most slots a listener can have. More would make every listener's state larger; nobody can follow more voices.
pub(crate) const MAX_SLOTS: usize = 32;

/// Binds all ports, then starts one thread a port.
pub(crate) fn start(config: &Config, events: &UnboundedSender<Event>) -> Result<Vec<WorkerHandle>, StartError> {
    let announced = announced(config)?;
    let identity = Identity::generate().map_err(StartError::System)?;
    let mut bound = Vec::with_capacity(config.workers);
    for index in 0..config.workers {
        bound.push(run::Sockets::bind(bind_address(config, index))?);
    }
    let start = |(index, sockets): (usize, run::Sockets)| {
        let settings = Settings {
            identity: identity.clone(),
            addresses: announced.iter().map(|address| SocketAddr::new(*address, sockets.port())).collect(),
            max_slots: config.max_slots,
            max_peers: config.max_peers_per_worker,
            max_packets_per_second: config.max_packets_per_second,
        };
        handle::spawn(settings, index, sockets, events.clone())
            .map_err(|error| StartError::System(format!("media worker {index}: {error}")))
    };
    bound.into_iter().enumerate().map(start).collect()
}

/// The address that worker `index` binds.
fn bind_address(config: &Config, index: usize) -> SocketAddr {
    let port = match config.first_port {
        0 => 0,
        first => first.saturating_add(u16::try_from(index).unwrap_or(u16::MAX)),
    };
    SocketAddr::new(config.bind, port)
}

/// The addresses that go into candidates.
fn announced(config: &Config) -> Result<Vec<IpAddr>, StartError> {
    if !config.announced.is_empty() {
        return Ok(config.announced.clone());
    }
    if !config.bind.is_unspecified() {
        return Ok(vec![config.bind]);
    }
    interfaces::covered(config.bind)
        .map_err(|error| StartError::System(format!("listing the network interfaces: {error}")))
}
