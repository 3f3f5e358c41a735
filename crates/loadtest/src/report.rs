//! What came of it, for people and for programs.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::peer::Peer;

/// How a scenario went.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Peers that spoke.
    pub speakers: usize,
    /// Peers that only listened.
    pub listeners: usize,
    /// For how long they spoke.
    pub duration_seconds: f64,
    /// From opening the socket to a media connection that is up. About 0.4 s of it are the client's own: the library looks
    /// at ICE every 200 ms.
    pub join_milliseconds: Quantiles,
    /// From opening the socket to the first packet heard: in a room where nobody speaks before everybody is there, most
    /// of it is waiting for the others.
    pub first_packet_milliseconds: Quantiles,
    /// Packets the speakers sent.
    pub packets_sent: u64,
    /// Different packets that came to those who should hear them.
    pub packets_heard: u64,
    /// Packets that should have come, after the first of the same speaker, and did not.
    pub packets_lost: u64,
    /// The same in percent of what should have come.
    pub loss_percent: f64,
    /// Packets that came again.
    pub duplicates: u64,
    /// Packets that came after a later one of the same speaker.
    pub reordered: u64,
    /// Packets of somebody who is no synthetic peer.
    pub foreign_packets: u64,
    /// Pairs of a speaker and a listener of which the listener heard nothing at all.
    pub silent_pairs: u64,
    /// What went wrong on the way.
    pub failures: Vec<String>,
}

/// The middle and the ends of some measurements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Quantiles {
    /// Half are below.
    pub p50: f64,
    /// 95 of 100 are below.
    pub p95: f64,
    /// The largest.
    pub max: f64,
}

impl Quantiles {
    /// Of some durations, in milliseconds; zeros when there are none.
    #[must_use]
    pub fn of(durations: impl IntoIterator<Item = Duration>) -> Self {
        let mut sorted: Vec<Duration> = durations.into_iter().collect();
        sorted.sort_unstable();
        // Nearest rank.
        let at = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).max(1);
            sorted.get(rank - 1).map_or(0.0, |d| d.as_secs_f64() * 1000.0)
        };
        Self { p50: at(50), p95: at(95), max: at(100) }
    }
}

impl Report {
    /// Of peers of which the first `speakers` spoke, each as the stream of its index.
    #[must_use]
    pub fn of(peers: &[Peer], speakers: usize, duration: Duration, failures: Vec<String>) -> Self {
        let sent: Vec<u32> = peers[..speakers].iter().map(Peer::sent).collect();
        let mut report = Self {
            speakers,
            listeners: peers.len() - speakers,
            duration_seconds: duration.as_secs_f64(),
            join_milliseconds: Quantiles::of(peers.iter().map(Peer::join_time)),
            first_packet_milliseconds: Quantiles::of(peers.iter().filter_map(Peer::time_to_first_packet)),
            packets_sent: sent.iter().map(|&n| u64::from(n)).sum(),
            packets_heard: 0,
            packets_lost: 0,
            loss_percent: 0.0,
            duplicates: 0,
            reordered: 0,
            foreign_packets: 0,
            silent_pairs: 0,
            failures,
        };
        for (listener, peer) in peers.iter().enumerate() {
            let heard = peer.reception().heard();
            report.foreign_packets += peer.reception().foreign();
            for (speaker, (stream, &sent)) in (0_u32..).zip(&sent).enumerate() {
                if speaker == listener {
                    continue;
                }
                let heard = heard.get(&stream).cloned().unwrap_or_default();
                report.packets_heard += heard.distinct;
                report.packets_lost += heard.lost(sent);
                report.duplicates += heard.duplicates;
                report.reordered += heard.reordered;
                report.silent_pairs += u64::from(heard.distinct == 0);
            }
        }
        let expected = report.packets_heard + report.packets_lost;
        #[expect(clippy::cast_precision_loss, reason = "a percentage")]
        if expected > 0 {
            report.loss_percent = 100.0 * report.packets_lost as f64 / expected as f64;
        }
        report
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quantiles = |q: &Quantiles| format!("p50 {:.0} ms, p95 {:.0} ms, max {:.0} ms", q.p50, q.p95, q.max);
        writeln!(f, "speakers       {}", self.speakers)?;
        writeln!(f, "listeners      {}", self.listeners)?;
        writeln!(f, "spoken for     {:.1} s", self.duration_seconds)?;
        writeln!(f, "join           {}", quantiles(&self.join_milliseconds))?;
        writeln!(f, "first packet   {}", quantiles(&self.first_packet_milliseconds))?;
        writeln!(f, "packets sent   {}", self.packets_sent)?;
        writeln!(f, "packets heard  {}", self.packets_heard)?;
        writeln!(f, "lost           {} ({:.3} %)", self.packets_lost, self.loss_percent)?;
        writeln!(f, "duplicates     {}", self.duplicates)?;
        write!(f, "reordered      {}", self.reordered)?;
        if self.foreign_packets > 0 {
            write!(f, "\nforeign        {} packets of others in the room", self.foreign_packets)?;
        }
        if self.silent_pairs > 0 {
            write!(f, "\nnot heard      {} times a peer heard nothing of a speaker", self.silent_pairs)?;
        }
        for failure in &self.failures {
            write!(f, "\nfailed         {failure}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_nearest_ranks() {
        let q = Quantiles::of((1..=100).rev().map(Duration::from_millis));
        assert_eq!((q.p50, q.p95, q.max), (50.0, 95.0, 100.0));
        let one = Quantiles::of([Duration::from_millis(7)]);
        assert_eq!((one.p50, one.p95, one.max), (7.0, 7.0, 7.0));
        assert_eq!(Quantiles::of([]), Quantiles::default());
    }
}
