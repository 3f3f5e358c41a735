//! A worker with two connected peers, whose packets are the input.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::Duration;

use super::pieces;
use crate::sim::Sim;
use crate::test_client::ClientOptions;

/// Inputs before everybody joins anew, so that what one input leaves behind does not hide what the next one finds.
const INPUTS_MAX: u32 = 2_000;

struct Scene {
    sim: Sim,
    inputs: u32,
    sequence: u16,
}

impl Scene {
    fn new() -> Self {
        // Time stands still between inputs, so that no bucket would ever fill again.
        let mut sim = Sim::with(1, |settings| {
            (settings.max_packets_per_second, settings.max_bytes_per_second) = (u32::MAX, u32::MAX);
        });
        sim.join(1, ClientOptions::default());
        sim.join(1, ClientOptions::default());
        let connected = sim.run_until(Duration::from_secs(20), |sim| sim.clients.iter().all(|c| c.is_connected()));
        assert!(connected, "clients connect on a network without faults");
        sim.run(Duration::from_millis(50));
        Self { sim, inputs: 0, sequence: 0 }
    }

    /// What the first byte of a piece says is done with the rest.
    fn act(&mut self, kind: u8, bytes: &[u8]) {
        let peer = Sim::address(usize::from(kind & 1));
        let stranger = SocketAddr::from(([203, 0, 113, 9], 1024 + u16::from(kind)));
        match kind >> 5 {
            0 => self.sim.inject(peer, bytes),
            1 => self.sim.inject(stranger, bytes),
            2 | 3 => self.rtp(usize::from(kind & 1), kind & 2 != 0, bytes),
            4 if bytes.len() >= 8 => self.rtcp(usize::from(kind & 1), bytes),
            5 => self.sim.run(Duration::from_millis(u64::from(kind & 31))),
            6 => self.sim.offer_sdp(usize::from(kind & 1), &String::from_utf8_lossy(bytes)),
            _ => {}
        }
    }

    /// An authentic RTP packet, which only a peer can send: these bytes with the version and the peer's SSRC in it, and the next
    /// sequence number unless the input's own is wanted.
    fn rtp(&mut self, client: usize, own_number: bool, bytes: &[u8]) {
        if bytes.len() < 12 {
            return;
        }
        let mut packet = bytes.to_vec();
        packet[0] = packet[0] & 0x3f | 0x80;
        if !own_number {
            self.sequence = self.sequence.wrapping_add(1);
            packet[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        }
        packet[8..12].copy_from_slice(&self.sim.clients[client].ssrc().to_be_bytes());
        self.sim.clients[client].try_send_rtp(&packet);
        self.sim.pump();
        self.sim.run(Duration::from_millis(6));
    }

    fn rtcp(&mut self, client: usize, bytes: &[u8]) {
        self.sim.clients[client].try_send_rtcp(bytes);
        self.sim.pump();
        self.sim.run(Duration::from_millis(6));
    }
}

thread_local! {
    static SCENE: RefCell<Option<Scene>> = const { RefCell::new(None) };
}

/// Datagrams of peers and strangers, authentic packets of peers, offers, and time.
pub fn worker(data: &[u8]) {
    SCENE.with_borrow_mut(|kept| {
        // Gone while an input is handled, so that a panic leaves nothing behind.
        let mut scene = kept.take().unwrap_or_else(Scene::new);
        for piece in pieces(data).take(64) {
            if let Some((kind, bytes)) = piece.split_first() {
                scene.act(*kind, bytes);
            }
        }
        assert!(scene.sim.core.outbox_mut().is_empty(), "the simulation carries everything");
        let metrics = scene.sim.core.metrics();
        scene.inputs += 1;
        scene.sim.forget();
        if metrics.connected == 2 && scene.inputs < INPUTS_MAX {
            *kept = Some(scene);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_seeds_call_talk_is_heard() {
        let talk = include_bytes!("../../../../fuzz/corpus/worker/talk");
        let mut scene = Scene::new();
        for piece in pieces(talk) {
            scene.act(piece[0], &piece[1..]);
        }
        let metrics = scene.sim.core.metrics();
        assert_eq!((metrics.rtp_in, metrics.rtp_out, metrics.connected), (10, 10, 2));
    }
}
