//! What the benchmarks measure: a worker without sockets, with clients that are connected already.

use std::time::Duration;

use crate::sim::Sim;
use crate::test_client::ClientOptions;
use crate::test_client::handshake::{fragment, hello, next_message};
use crate::transport::Path;

/// The way of a packet from a datagram in to the encrypted datagrams out, everything but the system calls.
pub struct PacketPath {
    sim: Sim,
    speakers: usize,
}

impl PacketPath {
    /// A call of `listeners` peers of whom the first `speakers` speak.
    #[must_use]
    pub fn new(speakers: usize, listeners: usize) -> Self {
        let mut sim = Sim::with(1, |settings| settings.max_packets_per_second = u32::MAX);
        for client in 0..listeners {
            sim.join(1, ClientOptions { microphone: client < speakers, ..ClientOptions::default() });
        }
        let connected = sim.run_until(Duration::from_secs(20), |sim| sim.clients.iter().all(|c| c.is_connected()));
        assert!(connected, "clients connect on a network without faults");
        sim.run(Duration::from_millis(100));
        Self { sim, speakers }
    }

    /// Lets everybody who speaks send a packet of 80 bytes of Opus, and returns how many packets went out.
    pub fn step(&mut self) -> usize {
        let Sim { now, core, clients, .. } = &mut self.sim;
        // Far less than 20 ms: a benchmark of many steps must not outlive the clients' consent.
        *now += Duration::from_micros(1);
        for client in &mut clients[..self.speakers] {
            client.send_audio(30, &[0xAB; 80]);
            while let Some((from, _, mut datagram)) = client.poll_datagram() {
                core.handle_datagram(*now, Path::udp(from), &mut datagram);
            }
        }
        core.flush_all();
        let sent = core.outbox_mut().len();
        core.outbox_mut().clear();
        sent
    }
}

/// A peer that passed its check and then sends nothing but handshake fragments of one byte.
pub struct HandshakeFragments {
    sim: Sim,
    fragments: Vec<Vec<u8>>,
}

impl HandshakeFragments {
    /// Fragments of a ClientHello, of which one byte never comes.
    #[must_use]
    pub fn of_a_hello() -> Self {
        let mut fragments = fragment(&hello(false), 1);
        fragments.pop();
        Self { sim: Self::validated(), fragments }
    }

    /// A whole ClientHello, then fragments of the message after it.
    #[must_use]
    pub fn behind_a_hello(dtls12: bool) -> Self {
        let mut hello = hello(dtls12);
        let mut sim = Self::validated();
        sim.core.handle_datagram(sim.now, Path::udp(Sim::address(0)), &mut hello);
        sim.core.outbox_mut().clear();
        Self { sim, fragments: fragment(&next_message(&hello), 1) }
    }

    fn validated() -> Sim {
        let mut sim = Sim::with(1, |_| {});
        let client = sim.join(1, ClientOptions::default());
        let path = Path::udp(Sim::address(client));
        // The client has not heard yet that its check was answered, so that it is silent.
        assert!(sim.run_until(Duration::from_secs(1), |sim| sim.core.is_validated(path)), "the check arrives");
        sim
    }

    /// Hands `count` fragments to the worker and returns how many datagrams it sent in return. `each` is called after
    /// every fragment.
    pub fn send(&mut self, count: usize, mut each: impl FnMut()) -> usize {
        let Sim { now, core, .. } = &mut self.sim;
        let path = Path::udp(Sim::address(0));
        let (mut sent, mut datagram) = (0, Vec::new());
        for fragment in self.fragments.iter().cycle().take(count) {
            datagram.clear();
            datagram.extend_from_slice(fragment);
            core.handle_datagram(*now, path, &mut datagram);
            sent += core.outbox_mut().len();
            core.outbox_mut().clear();
            each();
        }
        sent
    }
}
