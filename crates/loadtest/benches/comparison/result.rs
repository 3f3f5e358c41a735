//! Numbers that came out.

use std::time::Duration;

use hubbub_loadtest::engine::{Snapshot, Timestamps};
use serde::Serialize;

use crate::machine::Conditions;

/// The middle one; sorts them.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A steady load, measured in some windows.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Load {
    /// How many hear each packet.
    hearers: usize,
    /// Of each window: packets that should have been heard a second, those that were sent times those who hear them.
    expected: Vec<f64>,
    /// Of each window: packets heard a second; server CPU in µs a packet, in all and in user mode; server CPU share of a core.
    packets: Vec<f64>,
    micros: Vec<f64>,
    user_micros: Vec<f64>,
    busy: Vec<f64>,
    /// Of each window, in milliseconds.
    p50: Vec<f64>,
    p99: Vec<f64>,
    /// In all windows.
    pub(crate) lost: u64,
    /// Of each window: the generator's media thread, share of a core; µs a packet.
    generator_busy: Vec<f64>,
    generator_micros: Vec<f64>,
    /// In all windows: packets that the generator's sockets lost; the worst p99 of its lateness, in milliseconds.
    socket_drops: u64,
    generator_late: f64,
    timestamps_by_kernel: bool,
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

impl Load {
    /// One in which so many hear each packet.
    pub(crate) fn new(hearers: usize) -> Self {
        Self { hearers, timestamps_by_kernel: true, ..Self::default() }
    }

    /// Adds a window.
    pub(crate) fn add(&mut self, snapshot: &Snapshot, user: Duration, total: Duration) {
        let seconds = snapshot.elapsed.as_secs_f64();
        let received = snapshot.received.max(1) as f64;
        self.expected.push(snapshot.sent as f64 * self.hearers as f64 / seconds);
        self.packets.push(received / seconds);
        self.micros.push(total.as_secs_f64() * 1e6 / received);
        self.user_micros.push(user.as_secs_f64() * 1e6 / received);
        self.busy.push(total.as_secs_f64() / seconds);
        self.p50.push(milliseconds(snapshot.latency.quantile(0.5)));
        self.p99.push(milliseconds(snapshot.latency.quantile(0.99)));
        self.lost += snapshot.lost;
        let generator = &snapshot.generator;
        self.generator_busy.push(generator.cpu.as_secs_f64() / seconds);
        self.generator_micros.push(generator.cpu.as_secs_f64() * 1e6 / received);
        self.socket_drops += generator.socket_drops;
        let late = generator.receive_lag.quantile(0.99).max(generator.send_lateness.quantile(0.99));
        self.generator_late = self.generator_late.max(milliseconds(late));
        self.timestamps_by_kernel &= generator.timestamps == Timestamps::Kernel;
    }

    pub(crate) fn packets(&self) -> f64 {
        median(&mut self.packets.clone())
    }

    pub(crate) fn micros(&self) -> f64 {
        median(&mut self.micros.clone())
    }

    pub(crate) fn user_micros(&self) -> f64 {
        median(&mut self.user_micros.clone())
    }

    pub(crate) fn busy(&self) -> f64 {
        median(&mut self.busy.clone())
    }

    /// p50 and p99 in milliseconds.
    pub(crate) fn latency(&self) -> (f64, f64) {
        (median(&mut self.p50.clone()), median(&mut self.p99.clone()))
    }

    pub(crate) fn p99(&self) -> Duration {
        Duration::from_secs_f64(self.latency().1 / 1000.0)
    }

    /// The generator's share of a core, and µs a packet.
    pub(crate) fn generator(&self) -> (f64, f64) {
        (median(&mut self.generator_busy.clone()), median(&mut self.generator_micros.clone()))
    }

    /// Whether everybody heard everything in every window, but for what was under way when it began or ended. Packets that were
    /// never forwarded are not lost ones: nobody misses a number.
    pub(crate) fn is_complete(&self) -> bool {
        self.packets.iter().zip(&self.expected).all(|(heard, expected)| *heard >= 0.995 * expected)
    }

    /// Whether the generator was at its end, so that the numbers are its own and not the server's.
    pub(crate) fn generator_was_the_limit(&self) -> bool {
        self.socket_drops > 0 || self.generator_late > 15.0 || self.generator().0 > 0.9
    }

    /// Why a step of a search ended it.
    pub(crate) fn why_not(&self, latency_max: Duration) -> String {
        let mut reasons = Vec::new();
        if self.lost > 0 {
            reasons.push(format!("{} packets lost", self.lost));
        }
        if !self.is_complete() {
            let expected = median(&mut self.expected.clone());
            reasons.push(format!("{:.0} of {expected:.0} packets/s heard", self.packets()));
        }
        if self.p99() >= latency_max {
            reasons.push(format!("p99 {:.0} ms", self.latency().1));
        }
        let whose = if self.generator_was_the_limit() { "; the generator was at its limit too" } else { "" };
        format!("{}; server {:.0} % of its core{whose}", reasons.join(", "), 100.0 * self.busy())
    }
}

/// A room that grew.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Growth {
    /// Listeners, what was measured, whether all was well.
    pub(crate) steps: Vec<(usize, Load, bool)>,
    /// Listeners with which all was well, and the server's memory then, in bytes.
    pub(crate) memory: Vec<(usize, u64)>,
    /// Why it ended.
    pub(crate) ended: String,
}

impl Growth {
    /// The most listeners with which all was well.
    pub(crate) fn most(&self) -> usize {
        self.steps.iter().filter(|(_, _, fits)| *fits).map(|(listeners, ..)| *listeners).max().unwrap_or(0)
    }

    /// What each listener between the step with the least memory and the last took, in KiB: what is needed only once is not in it. The
    /// first step may have more than later ones (49 MB with 100 listeners and 48 with 600 in one run), when memory is given back late.
    pub(crate) fn memory_a_listener(&self) -> Option<f64> {
        let (few, less) = self.memory.iter().min_by_key(|(_, memory)| *memory)?;
        let (many, more) = self.memory.last()?;
        (many > few).then(|| more.saturating_sub(*less) as f64 / 1024.0 / (many - few) as f64)
    }

    /// The step with so many listeners.
    pub(crate) fn at(&self, listeners: usize) -> Option<&Load> {
        self.steps.iter().find(|(step, _, fits)| *step == listeners && *fits).map(|(_, load, _)| load)
    }
}

/// Joins into a running call, measured some times.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Joins {
    /// In all of them.
    pub(crate) joined: usize,
    pub(crate) heard: usize,
    /// Of each time: server CPU in µs a join.
    pub(crate) cpu_micros: Vec<f64>,
    /// Of each time: what of it the threads that forward media had: ICE, DTLS and SDP. None when the server has no such threads.
    pub(crate) media_micros: Vec<f64>,
    /// Of each time, in milliseconds: from asking to join to the first packet, half of the newcomers and 95 %.
    pub(crate) first_p50: Vec<f64>,
    pub(crate) first_p95: Vec<f64>,
    /// In all of them: packets that the running call lost meanwhile.
    pub(crate) lost: u64,
    /// Of each time: the latency at the 99th percentile meanwhile, in milliseconds.
    pub(crate) p99: Vec<f64>,
}

impl Joins {
    /// In milliseconds.
    pub(crate) fn cpu(&self) -> f64 {
        median(&mut self.cpu_micros.clone()) / 1000.0
    }

    /// In milliseconds.
    pub(crate) fn media_cpu(&self) -> Option<f64> {
        (!self.media_micros.is_empty()).then(|| median(&mut self.media_micros.clone()) / 1000.0)
    }

    /// p50 and p95 in milliseconds.
    pub(crate) fn first_packet(&self) -> (f64, f64) {
        (median(&mut self.first_p50.clone()), median(&mut self.first_p95.clone()))
    }

    /// The latency of the running call at the 99th percentile, in milliseconds.
    pub(crate) fn p99(&self) -> f64 {
        median(&mut self.p99.clone())
    }
}

/// A call while strangers flood its port.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Flooded {
    /// Strangers' datagrams a second.
    pub(crate) strangers: f64,
    /// The call meanwhile.
    pub(crate) load: Load,
}

/// Everything about one server. A row that could not be measured says why.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) version: String,
    /// What the machine was like meanwhile.
    pub(crate) machine: Conditions,
    pub(crate) large: Result<Load, String>,
    /// With half as many listeners: Janus is at its limit with all in slow hours.
    pub(crate) half: Result<Load, String>,
    pub(crate) redundant: Result<Load, String>,
    pub(crate) rooms: Result<Load, String>,
    pub(crate) pairs: Result<Load, String>,
    pub(crate) growth: Result<Growth, String>,
    pub(crate) joins: Result<Joins, String>,
    /// The same, three times as many a second.
    pub(crate) storm: Result<Joins, String>,
    /// Joins to a few and to many who are silent.
    pub(crate) small: Result<Joins, String>,
    pub(crate) hall: Result<Joins, String>,
    pub(crate) flood: Result<Flooded, String>,
}
