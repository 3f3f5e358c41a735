//! The report for a terminal.

use std::fmt::{self, Display, Formatter};

use super::completeness::ENOUGH_PERCENT;
use super::{Network, Quantiles, Report};
use crate::engine::Repair;
use crate::scenario::Scenario;
use crate::units;

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        self.joining(f)?;
        self.heard(f)?;
        self.costs(f)?;
        self.judgement(f)
    }
}

/// A line of the report: what it is about in a column of its own.
fn line(f: &mut Formatter<'_>, what: &str, text: impl Display) -> fmt::Result {
    writeln!(f, "{what:<16}{text}")
}

impl Report {
    fn head(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.name.is_empty() {
            line(f, "scenario", &self.name)?;
        }
        let plan = &self.scenario;
        let rooms = if plan.rooms == 1 { "room".to_owned() } else { format!("{} rooms, each", plan.rooms) };
        line(
            f,
            "load",
            format_args!(
                "{rooms} with {} speakers and {} listeners, talking {}",
                plan.speakers_per_room,
                plan.listeners_per_room,
                if plan.talk == "spurts" { "in spurts" } else { "all the time" }
            ),
        )?;
        for (what, network) in [("network up", &plan.uplink), ("network down", &plan.downlink)] {
            if *network != Network::default() {
                line(f, what, impaired(network))?;
            }
        }
        if let Some(how) = mending(plan.repair) {
            line(f, "repair", format_args!("offered: {how}"))?;
        }
        let early = if self.interrupted { " (ended early)" } else { "" };
        line(f, "measured", format_args!("{:.1} s on {}{early}", self.measured_seconds, self.target))?;
        let peers = &self.peers;
        let mut text = format!("{} joined, {} failed, {} lost", peers.connected, peers.failed, peers.lost);
        if peers.churned > 0 {
            text += &format!(", {} left and came back", peers.churned);
        }
        line(f, "peers", text)?;
        if peers.silent > 0 {
            line(f, "", format_args!("{} of them heard nothing although others spoke", peers.silent))?;
        }
        if let Some(starved) = peers.starved.filter(|starved| *starved > 0) {
            let what = format!("{starved} of them starved: less than {ENOUGH_PERCENT} % came of what others said");
            line(f, "", what)?;
        }
        Ok(())
    }

    fn joining(&self, f: &mut Formatter<'_>) -> fmt::Result {
        line(f, "join", quantiles(&self.join_milliseconds.connected))?;
        line(f, "first packet", quantiles(&self.join_milliseconds.first_packet))
    }

    fn heard(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let media = &self.media;
        line(f, "packets", format_args!("{} sent, {} heard", media.packets_sent, media.packets_received))?;
        line(f, "lost", format_args!("{} ({:.3} %)", media.packets_lost, media.loss_percent))?;
        if self.scenario.repair != Repair::default() {
            line(
                f,
                "repaired",
                format_args!(
                    "{} came by NACK, {} by RED; speakers sent {} again",
                    media.repaired_by_nack, media.repaired_by_red, media.sent_again
                ),
            )?;
        }
        line(f, "reordered", media.reordered)?;
        line(f, "duplicates", media.duplicates)?;
        for (what, count) in [("foreign", media.foreign_packets), ("undecryptable", media.undecryptable)] {
            if count > 0 {
                line(f, what, count)?;
            }
        }
        line(f, "latency", quantiles(&media.latency_milliseconds))?;
        line(f, "jitter", quantiles(&media.jitter_milliseconds))?;
        match &self.quality {
            Some(quality) => line(
                f,
                "MOS",
                format_args!(
                    "{:.2} (R {:.0}), the worst listener {:.2}; E-model with {:.0} ms from mouth to ear",
                    quality.median.mos, quality.median.r, quality.worst.mos, quality.mouth_to_ear_milliseconds
                ),
            ),
            None => line(f, "MOS", "unknown, nothing was heard"),
        }
    }

    fn costs(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.server {
            Some(server) => {
                let packet = server.cpu_microseconds_per_packet.map_or_else(
                    || "too few packets to tell the CPU time of one".to_owned(),
                    |micros| format!("{micros:.2} µs CPU a packet"),
                );
                let peer = server.memory_bytes_per_peer.map_or_else(
                    || ", memory did not grow".to_owned(),
                    |bytes| format!(", {:.1} kB memory a peer", bytes / 1000.0),
                );
                line(f, "server", format_args!("{packet}{peer}; {:.0} % of a core", server.cpu_percent))?;
            }
            None => line(f, "server", self.server_missing.as_deref().unwrap_or("unknown"))?,
        }
        let generator = &self.generator;
        line(
            f,
            "load tester",
            format_args!(
                "{:.0} % of {} media threads, sending {:.1} ms late (p99), {} packets lost here",
                generator.media_cpu_percent,
                generator.media_threads,
                generator.send_lateness_milliseconds.p99,
                generator.socket_drops
            ),
        )
    }

    fn judgement(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(search) = &self.find_max {
            for trial in &search.trials {
                let verdict = if trial.kept { "kept".to_owned() } else { format!("too much: {}", trial.exceeded) };
                line(
                    f,
                    "tried",
                    format_args!(
                        "{:>6} {}: loss {:.3} %, latency p99 {:.1} ms, {:.0} packets/s; {verdict}",
                        trial.load,
                        search.vary,
                        trial.loss_percent,
                        trial.latency_milliseconds.p99,
                        trial.packets_per_second
                    ),
                )?;
            }
            match search.found {
                Some(found) => line(f, "most", format_args!("{found} {}", search.vary))?,
                None => line(f, "most", format_args!("fewer {} than the first load that was tried", search.vary))?,
            }
            line(f, "limited by", &search.because)?;
        }
        for limit in &self.limits {
            let measured = limit.measured.map_or_else(|| "nothing".to_owned(), |measured| format!("{measured:.3}"));
            let verdict = if limit.kept { "kept" } else { "FAILED" };
            line(f, verdict, format_args!("{} {}: measured {measured}", limit.what, limit.limit))?;
        }
        for failure in &self.failures {
            line(f, "failed", format_args!("{} × {}", failure.count, failure.what))?;
        }
        for reason in &self.generator.overloaded {
            line(f, "BEWARE", format_args!("the load tester was the limit, not the server: {reason}"))?;
        }
        Ok(())
    }
}

/// What a scenario would do, for somebody who has just written it.
#[must_use]
pub fn describe(scenario: &Scenario) -> String {
    let plan = super::build::plan(scenario);
    let mut text = format!(
        "{}: {} peers in {} room{}, {} speakers and {} listeners in each, for {}\n",
        scenario.name,
        scenario.peers(),
        plan.rooms,
        if plan.rooms == 1 { "" } else { "s" },
        plan.speakers_per_room,
        plan.listeners_per_room,
        units::write(scenario.duration),
    );
    for (what, network) in [("to the server", &plan.uplink), ("from the server", &plan.downlink)] {
        if *network != Network::default() {
            text += &format!("{what}: {}\n", impaired(network));
        }
    }
    if let Some(how) = mending(plan.repair) {
        text += &format!("peers repair losses by {how}\n");
    }
    if let Some(search) = &scenario.find_max {
        text += &format!(
            "raises the {} until {} % are lost or the latency p99 is above {}\n",
            search.vary.name(),
            search.max_loss_percent,
            units::write(search.max_latency_p99)
        );
    }
    text
}

fn quantiles(q: &Quantiles) -> String {
    if q.count == 0 {
        return "nothing was measured".to_owned();
    }
    format!("p50 {:.1}, p95 {:.1}, p99 {:.1}, max {:.1} ms", q.p50, q.p95, q.p99, q.max)
}

/// By what lost packets are repaired; `None`: they are not.
fn mending(repair: Repair) -> Option<&'static str> {
    match (repair.nack, repair.red) {
        (false, false) => None,
        (true, false) => Some("NACK"),
        (false, true) => Some("redundant audio (RED)"),
        (true, true) => Some("NACK and redundant audio (RED)"),
    }
}

fn impaired(network: &Network) -> String {
    format!(
        "{} % lost, {} ms delay, {} ms jitter, {} % reordered by this test",
        network.loss_percent, network.delay_milliseconds, network.jitter_milliseconds, network.reordering_percent
    )
}

#[cfg(test)]
mod tests {
    use crate::report::build::tests::{report, report_of_a_search, report_with_figures_apart};

    #[test]
    fn everything_that_matters_is_said() {
        let text = report().to_string();
        for line in [
            "scenario        A small lecture",
            "load            room with 3 speakers and 20 listeners, talking all the time",
            "peers           23 joined, 1 failed, 1 lost",
            "                1 of them heard nothing although others spoke",
            "                1 of them starved: less than 99.5 % came of what others said",
            "lost            22 (0.023 %)",
            "server          6.26 µs CPU a packet, 23.6 kB memory a peer; 2 % of a core",
            "FAILED          time to join p95 in ms, at most 10: measured 16.730",
            "kept            loss in percent, at most 0.1: measured 0.023",
            "failed          1 × the server refused join: room-full",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("BEWARE") && !text.contains("repair"), "nothing was offered: {text}");
    }

    #[test]
    fn every_figure_is_in_its_line() {
        let text = report_with_figures_apart().to_string();
        for line in [
            "join            p50 21.0, p95 21.1, p99 21.2, max 21.3 ms",
            "first packet    p50 31.0, p95 31.1, p99 31.2, max 31.3 ms",
            "reordered       12",
            "duplicates      34",
            "repair          offered: NACK and redundant audio (RED)",
            "repaired        56 came by NACK, 67 by RED; speakers sent 89 again",
            "latency         p50 1.0, p95 1.1, p99 1.2, max 1.3 ms",
            "jitter          p50 2.0, p95 2.1, p99 2.2, max 2.3 ms",
            "MOS             4.21 (R 87), the worst listener 3.12; E-model with 71 ms from mouth to ear",
            "load tester     56 % of 1 media threads, sending 3.2 ms late (p99), 78 packets lost here",
        ] {
            assert!(text.lines().any(|whole| whole == line), "{line}\n{text}");
        }
    }

    #[test]
    fn a_search_says_what_was_the_limit() {
        let text = report_of_a_search().to_string();
        for line in [
            "tried             1600 listeners: loss 0.350 %, latency p99 80.0 ms, 240000 packets/s; too much: loss",
            "most            1200 listeners",
            "limited by      the load tester itself",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn the_load_testers_own_limit_cannot_be_overlooked() {
        let mut report = report();
        report.generator.overloaded = vec!["its media threads were busy for 99 % of the time".to_owned()];
        assert!(
            report.to_string().contains("BEWARE          the load tester was the limit, not the server: its media")
        );
    }
}
