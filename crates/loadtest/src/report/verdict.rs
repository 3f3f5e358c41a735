//! Judgements: which limits were passed, and whether the load tester itself was the limit.

use std::time::Duration;

use super::{Limit, Report};
use crate::engine::GeneratorCost;
use crate::scenario::Limits;
use crate::units::milliseconds;

/// CPU time of the media threads, in percent of what they could have had, from which they may be too slow: with less to
/// spare, a burst of packets waits.
const MOST_CPU_PERCENT: f64 = 90.0;
/// Sending later than this (99th percentile) is more than a packet late: listeners are not given the load they should have.
const LATEST_SENDING: Duration = Duration::from_millis(20);
/// Reading later than this (99th percentile) lets the buffers of sockets run full.
const LATEST_READING: Duration = Duration::from_millis(100);

/// The limits that were given, and whether they were kept. What could not be measured was not kept.
pub(super) fn limits(report: &Report, limits: &Limits) -> Vec<Limit> {
    let heard = (report.media.packets_received > 0).then_some(report);
    let at_most = |what, limit: f64, measured: Option<f64>| Limit {
        what,
        limit,
        measured,
        kept: measured.is_some_and(|measured| measured <= limit),
    };
    let mut all = Vec::new();
    if let Some(limit) = limits.loss_percent {
        all.push(at_most("loss in percent, at most", limit, heard.map(|r| r.media.loss_percent)));
    }
    if let Some(limit) = limits.starved {
        #[expect(clippy::cast_precision_loss, reason = "numbers of peers are far below 2^52")]
        let number = |peers: usize| peers as f64;
        all.push(at_most("starved peers, at most", number(limit), report.peers.starved.map(number)));
    }
    if let Some(limit) = limits.latency_p99 {
        let measured = heard.map(|r| r.media.latency_milliseconds.p99);
        all.push(at_most("latency p99 in ms, at most", milliseconds(limit), measured));
    }
    if let Some(limit) = limits.join_p95 {
        let joins = report.join_milliseconds.connected;
        let measured = (joins.count > 0).then_some(joins.p95);
        all.push(at_most("time to join p95 in ms, at most", milliseconds(limit), measured));
    }
    if let Some(limit) = limits.mos {
        let measured = report.quality.map(|opinion| opinion.p5.mos);
        let kept = measured.is_some_and(|measured| measured >= limit);
        all.push(Limit { what: "MOS of 95 in 100 listeners, at least", limit, measured, kept });
    }
    all
}

/// CPU time of the media threads in percent of what they could have had.
pub(crate) fn cpu_percent(cost: &GeneratorCost, threads: usize, elapsed: Duration) -> f64 {
    let threads = u32::try_from(threads.max(1)).unwrap_or(u32::MAX);
    let available = elapsed.saturating_mul(threads).as_secs_f64();
    if available > 0.0 { 100.0 * cost.cpu.as_secs_f64() / available } else { 0.0 }
}

/// Why the load tester itself may be the limit; empty when there is no reason to think so.
pub(crate) fn overloaded(cost: &GeneratorCost, cpu_percent: f64) -> Vec<String> {
    let mut reasons = Vec::new();
    if cost.socket_drops > 0 {
        reasons.push(format!("{} packets were lost here because sockets were not read in time", cost.socket_drops));
    }
    let (lateness, lag) = (cost.send_lateness.quantile(0.99), cost.receive_lag.quantile(0.99));
    if lateness > LATEST_SENDING {
        let ms = milliseconds(lateness);
        reasons.push(format!("1 of 100 packets was sent {ms:.0} ms or more later than planned"));
    }
    if lag > LATEST_READING {
        let ms = milliseconds(lag);
        reasons.push(format!("1 time of 100 sockets were read {ms:.0} ms or more later than planned"));
    }
    if cpu_percent > MOST_CPU_PERCENT {
        reasons.push(format!("its media threads were busy for {cpu_percent:.0} % of the time"));
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::build::tests::{cost, report};

    #[test]
    fn each_sign_of_overload_is_told() {
        let calm = cost();
        assert_eq!(overloaded(&calm, 50.0), Vec::<String>::new());
        let mut late = calm.clone();
        (0..100).for_each(|_| late.send_lateness.note(30_000));
        (0..100).for_each(|_| late.receive_lag.note(300_000));
        late.socket_drops = 7;
        let reasons = overloaded(&late, 97.0);
        assert_eq!(reasons.len(), 4, "{reasons:?}");
        for (reason, part) in reasons.iter().zip(["7 packets were lost here", "sent 3", "read 3", "97 %"]) {
            assert!(reason.contains(part), "{reason}");
        }
        assert!(
            (cpu_percent(&GeneratorCost { cpu: Duration::from_secs(3), ..calm }, 2, Duration::from_secs(5)) - 30.0)
                .abs()
                < 1e-9
        );
    }

    #[test]
    fn limits_are_kept_or_not() {
        let report = report();
        let given = |loss, starved, latency, join, mos| Limits {
            loss_percent: Some(loss),
            starved: Some(starved),
            latency_p99: Some(Duration::from_millis(latency)),
            join_p95: Some(Duration::from_millis(join)),
            mos: Some(mos),
        };
        let kept = |limits: &Limits, report: &Report| -> Vec<bool> {
            super::limits(report, limits).iter().map(|limit| limit.kept).collect()
        };
        assert_eq!(kept(&given(100.0, 1, 60_000, 60_000, 1.0), &report), [true; 5]);
        assert_eq!(kept(&given(0.0, 0, 0, 0, 4.5), &report), [false; 5]);
        assert_eq!(kept(&Limits::default(), &report), Vec::<bool>::new());
        let nothing = Report {
            peers: Default::default(),
            media: Default::default(),
            quality: None,
            join_milliseconds: Default::default(),
            ..report
        };
        assert_eq!(kept(&given(100.0, 1, 60_000, 60_000, 1.0), &nothing), [false; 5], "nothing was measured");
    }
}
