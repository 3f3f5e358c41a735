//! Finding the address by which the outside reaches this machine, when it is behind a NAT that passes every port on (1:1).
//!
//! A thread of its own asks STUN servers through the media sockets, so that nothing waits for names and answers. Without
//! configured servers there is no such thread, and nobody outside is ever contacted.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use crate::worker::Post;
use crate::worker::candidates::Addresses;
use crate::worker::discovery::Seen;

/// How long after a search without an answer the next one begins. The network may come up later than this process.
const PAUSE: Duration = Duration::from_secs(60);

/// The running search.
#[derive(Debug)]
pub(crate) struct Search {
    _stop: mpsc::Sender<()>,
}

impl Search {
    /// Begins to ask `servers` (host name and port) from each worker's port. What is found is added to `addresses`.
    pub(crate) fn start(
        servers: Vec<(String, u16)>,
        addresses: Addresses,
        workers: Vec<(u16, Post)>,
    ) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        std::thread::Builder::new()
            .name("public-address".to_owned())
            .spawn(move || run(&servers, addresses, &workers, &stopped))?;
        Ok(Self { _stop: stop })
    }
}

fn run(servers: &[(String, u16)], mut addresses: Addresses, workers: &[(u16, Post)], stopped: &mpsc::Receiver<()>) {
    let mut complained = false;
    loop {
        let known = resolve(servers, addresses.media());
        let seen = ask(&known, workers);
        if let Some(verdict) = Verdict::of(addresses.media(), &seen) {
            verdict.tell();
            for address in &verdict.public {
                addresses.add(*address);
            }
            for (port, worker) in workers.iter().filter(|_| !verdict.public.is_empty()) {
                worker.announce(addresses.on_port(*port));
            }
            return;
        }
        // Workers say nothing at all when they have been stopped meanwhile.
        if !complained && (known.is_empty() || !seen.is_empty()) {
            complained = true;
            tracing::warn!(
                media.stun_servers = ?servers,
                "no STUN server answered: clients outside may not find this server; asking on every minute. Check the names \
                 and that UDP goes out, or set media.announced_addresses to the public address"
            );
        }
        if stopped.recv_timeout(PAUSE) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

/// The servers' addresses, one of each family that this machine has an address of.
fn resolve(servers: &[(String, u16)], ours: &[IpAddr]) -> Vec<SocketAddr> {
    let mut found: Vec<SocketAddr> = Vec::new();
    for (host, port) in servers {
        match (host.as_str(), *port).to_socket_addrs() {
            Ok(addresses) => {
                let addresses: Vec<_> = addresses.collect();
                let of = |v6: bool| addresses.iter().copied().find(|address| address.is_ipv6() == v6);
                let usable = |v6: bool| ours.iter().any(|ours| ours.is_ipv6() == v6);
                found.extend([false, true].into_iter().filter(|v6| usable(*v6)).filter_map(of));
            }
            Err(error) => tracing::debug!(%error, host, "a STUN server's name is not known"),
        }
    }
    found.sort();
    found.dedup();
    found
}

/// What the servers say to each worker, by the worker's port.
fn ask(servers: &[SocketAddr], workers: &[(u16, Post)]) -> Vec<(u16, Vec<Seen>)> {
    if servers.is_empty() {
        return Vec::new();
    }
    let (reply, replies) = mpsc::channel();
    for (_, worker) in workers {
        worker.discover(servers.to_vec(), reply.clone());
    }
    drop(reply);
    // Each worker answers after some seconds at most; one that fails drops its end.
    replies.iter().collect()
}

/// What follows from what the servers said.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Verdict {
    /// Addresses that are not this machine's own and by which every media port is reached.
    public: Vec<IpAddr>,
    /// A media port that a NAT gives another number, and where it is seen.
    moved: Option<(u16, SocketAddr)>,
}

impl Verdict {
    /// `None` when nobody said anything.
    fn of(ours: &[IpAddr], seen: &[(u16, Vec<Seen>)]) -> Option<Self> {
        let mapped: Vec<(u16, SocketAddr)> = seen
            .iter()
            .flat_map(|(port, seen)| seen.iter().filter_map(|seen| Some((*port, seen.mapped?))))
            .filter(|(_, mapped)| !mapped.ip().is_unspecified() && !mapped.ip().is_multicast())
            .collect();
        if mapped.is_empty() {
            return None;
        }
        let moved: Vec<_> = mapped.iter().copied().filter(|(port, mapped)| mapped.port() != *port).collect();
        let mut public = Vec::new();
        for address in mapped.iter().map(|(_, mapped)| mapped.ip()) {
            let passes = moved.iter().all(|(_, moved)| moved.ip() != address);
            if passes && !ours.contains(&address) && !public.contains(&address) {
                public.push(address);
            }
        }
        Some(Self { public, moved: moved.first().copied() })
    }

    fn tell(&self) {
        if let Some((port, outside)) = self.moved {
            let address = outside.ip();
            tracing::warn!(
                "the NAT in front of this machine shows media port {port} as {outside}, so that clients outside cannot be told \
                 where it is: forward the media ports, UDP and TCP, to this machine under the same numbers, and set \
                 media.announced_addresses to [\"{address}\"]"
            );
        }
        if !self.public.is_empty() {
            tracing::info!(addresses = ?self.public, "STUN found the public address; clients are told of it too");
        } else if self.moved.is_none() {
            tracing::info!("STUN found no other address than this machine's own");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(port: u16, mapped: &[Option<&str>]) -> (u16, Vec<Seen>) {
        let server = "192.0.2.1:3478".parse().expect("address");
        let one = |mapped: &Option<&str>| Seen { server, mapped: mapped.map(|text| text.parse().expect("address")) };
        (port, mapped.iter().map(one).collect())
    }

    fn verdict(ours: &str, seen: &[(u16, Vec<Seen>)]) -> Option<Verdict> {
        Verdict::of(&[ours.parse().expect("address")], seen)
    }

    #[test]
    fn a_nat_that_keeps_the_ports_is_announced() {
        let both = [seen(7882, &[None, Some("203.0.113.9:7882")]), seen(7883, &[Some("203.0.113.9:7883")])];
        let public = vec!["203.0.113.9".parse().expect("address")];
        assert_eq!(verdict("10.0.0.5", &both), Some(Verdict { public, moved: None }));
    }

    #[test]
    fn without_a_nat_there_is_nothing_to_add() {
        let nothing = Some(Verdict { public: Vec::new(), moved: None });
        assert_eq!(verdict("203.0.113.9", &[seen(7882, &[Some("203.0.113.9:7882")])]), nothing);
    }

    #[test]
    fn a_nat_that_changes_ports_is_named_and_not_announced() {
        let one_of_two = [seen(7882, &[Some("203.0.113.9:7882")]), seen(7883, &[Some("203.0.113.9:41000")])];
        let moved = Some((7883, "203.0.113.9:41000".parse().expect("address")));
        assert_eq!(verdict("10.0.0.5", &one_of_two), Some(Verdict { public: Vec::new(), moved }));
    }

    #[test]
    fn silence_and_nonsense_say_nothing() {
        assert_eq!(verdict("10.0.0.5", &[]), None);
        assert_eq!(verdict("10.0.0.5", &[seen(7882, &[None, Some("0.0.0.0:7882"), Some("224.0.0.1:7882")])]), None);
    }

    #[test]
    fn names_become_addresses_of_the_families_we_have() {
        let name = |host: &str| vec![(host.to_owned(), 3478)];
        let v4 = ["10.0.0.5".parse().expect("address")];
        let server: SocketAddr = "127.0.0.1:3478".parse().expect("address");
        assert_eq!(resolve(&name("127.0.0.1"), &v4), vec![server]);
        assert!(resolve(&name("::1"), &v4).is_empty());
        assert!(resolve(&name("no name at all"), &v4).is_empty());
    }
}
