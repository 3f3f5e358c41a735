//! Generic NACK (RFC 4585) at a client: it keeps what it has sent, and asks for what it misses.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use crate::rtp::nack::NackGenerator;
use crate::rtp::rtcp::{self, Report};

/// Packets that are kept, as a browser keeps about a second.
const KEPT: usize = 64;

/// What a client remembers for it.
#[derive(Debug, Default)]
pub(super) struct Repair {
    sent: VecDeque<(u16, Vec<u8>)>,
    /// By SSRC.
    missing: BTreeMap<u32, NackGenerator>,
}

impl Repair {
    /// Keeps an encrypted packet of the microphone's.
    pub(super) fn keep(&mut self, protected: &[u8]) {
        self.sent.push_back((u16::from_be_bytes([protected[2], protected[3]]), protected.to_vec()));
        if self.sent.len() > KEPT {
            self.sent.pop_front();
        }
    }

    /// The packets that a compound from the server asks for, as they were sent.
    pub(super) fn answers(&self, compound: &[u8]) -> Vec<Vec<u8>> {
        let reports = rtcp::read(compound).expect("the sfu sends RTCP");
        let wanted = reports.into_iter().flat_map(|report| match report {
            Report::Nack { numbers, .. } => numbers.into_iter().collect(),
            _ => Vec::new(),
        });
        let find = |sequence| self.sent.iter().find(|(sent, _)| *sent == sequence).map(|(_, bytes)| bytes.clone());
        wanted.filter_map(find).collect()
    }

    /// Notes a packet that arrived.
    pub(super) fn on_packet(&mut self, now: Instant, ssrc: u32, sequence: u16) {
        self.missing.entry(ssrc).or_default().on_packet(now, sequence);
    }

    /// When [`Self::poll`] is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.missing.values().filter_map(NackGenerator::next).min()
    }

    /// What to ask for now.
    pub(super) fn poll(&mut self, now: Instant, own_ssrc: u32) -> Vec<Vec<u8>> {
        let due = self.missing.iter_mut().filter(|(_, missing)| missing.next().is_some_and(|at| at <= now));
        let compound = |(ssrc, missing): (&u32, &mut NackGenerator)| {
            let mut wanted = Vec::new();
            missing.poll(now, None, &mut wanted);
            (!wanted.is_empty()).then(|| rtcp::nack(own_ssrc, "client", *ssrc, &wanted).expect("RTCP"))
        };
        due.filter_map(compound).collect()
    }
}
