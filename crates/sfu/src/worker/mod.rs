//! Media workers: threads that share nothing with each other.
//!
//! [`core`] decides, [`socket`] talks to the system, [`run`] connects the two.

mod ahead;
mod answer;
mod bind;
mod bucket;
pub(crate) mod candidates;
mod catch_up;
mod census;
mod coalescing;
mod connection;
pub(crate) mod core;
mod diagnosis;
pub(crate) mod discovery;
mod feedback;
mod forward;
mod handle;
mod inspection;
mod interfaces;
pub(crate) mod links;
mod load;
mod media;
mod meter;
mod orders;
mod preroll;
pub(crate) mod record;
mod recovery;
mod relay;
pub(crate) mod roster;
mod run;
mod sending;
mod settings;
mod socket;
mod sockets;
mod tcp;
#[cfg(test)]
mod tests;
mod timers;

use std::net::SocketAddr;

use tokio::sync::mpsc::UnboundedSender;

pub(crate) use self::bind::possible as possible_bind;
use self::candidates::Addresses;
use self::core::Settings;
pub use self::diagnosis::{
    SocketBuffers, announced_by_default, bind_media_tcp, bind_media_udp, can_segment, interface_addresses,
    socket_buffers,
};
pub(crate) use self::handle::{Post, WorkerHandle};
use self::links::Links;
use self::sockets::Sockets;
use crate::config::Config;
use crate::error::StartError;
use crate::event::Event;
use crate::transport::Identity;

/// The most slots a listener can have. More would make every listener's state larger; nobody can follow more voices.
pub(crate) const MAX_SLOTS: usize = 32;

/// Binds all ports, then starts one thread a port.
pub(crate) fn start(
    config: &Config,
    addresses: &Addresses,
    events: &UnboundedSender<Event>,
) -> Result<Vec<WorkerHandle>, StartError> {
    let identity = Identity::generate().map_err(StartError::System)?;
    let mut bound = Vec::with_capacity(config.workers);
    let several = config.bind.is_unspecified()
        && interfaces::are_several(config.bind, &config.announced).map_err(candidates::unlisted)?;
    for index in 0..config.workers {
        let address = bind_address(config, index);
        let sockets = Sockets::bind(address)?;
        if several {
            sockets.answer_from_where_asked().map_err(|source| StartError::Bind { address, source })?;
        }
        bound.push(sockets);
    }
    let mut runners = Vec::with_capacity(config.workers);
    let mut handles = Vec::with_capacity(config.workers);
    for (index, (sockets, links)) in bound.into_iter().zip(Links::between(config.workers)).enumerate() {
        let settings = Settings {
            worker: index,
            identity: identity.clone(),
            candidates: addresses.on_port(sockets.port()),
            max_slots: config.max_slots,
            max_peers: config.max_peers_per_worker,
            max_tcp_connections: config.max_tcp_connections_per_worker,
            max_packets_per_second: config.max_packets_per_second,
            max_bytes_per_second: config.max_bytes_per_second,
            life: 0,
        };
        let failed = |error| StartError::System(format!("media worker {index}: {error}"));
        let (runner, handle) = handle::make(settings, sockets, links, events.clone()).map_err(failed)?;
        runners.push(runner);
        handles.push(handle);
    }
    let doorbells: Vec<_> = handles.iter().map(WorkerHandle::doorbell).collect();
    for (index, (runner, handle)) in runners.into_iter().zip(&mut handles).enumerate() {
        let failed = |error| StartError::System(format!("media worker {index}: {error}"));
        handle.spawn(index, runner, doorbells.clone()).map_err(failed)?;
    }
    Ok(handles)
}

/// The address that worker `index` binds.
fn bind_address(config: &Config, index: usize) -> SocketAddr {
    let port = match config.first_port {
        0 => 0,
        first => first.saturating_add(u16::try_from(index).unwrap_or(u16::MAX)),
    };
    SocketAddr::new(config.bind, port)
}
