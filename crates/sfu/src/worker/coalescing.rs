//! When a worker lets packets gather instead of getting up for each, as network cards coalesce interrupts
//! (docs/adr/0019-packets-gather-where-they-would-wake-a-worker-all-the-time.md).

use std::time::{Duration, Instant};

/// From getting up to getting up, while packets gather: a tenth of a packet's time.
const GATHER: Duration = Duration::from_millis(2);
/// Over how long it is counted how often the worker got up.
const WINDOW: Duration = Duration::from_millis(100);
/// Who got up so often in a window lets packets gather: a thousand times a second.
const OFTEN: u128 = 100;
/// Who lets packets gather and got up less often than this stops: with fewer than some 500 arrivals a second. Evenly at random, two
/// of three rests find some of those, and it gets up every 2.7 ms.
const SELDOM: u128 = 36;
/// Packets gather for as long as so many come, or [`GATHER`], whichever is shorter. More would wait for each other: what gathers is
/// served together. Fewer is a thread woken for few.
const FEW: u32 = 32;
/// A rest that would be shorter is none: the system lets threads sleep 50 µs longer than they ask (prctl(2), `PR_SET_TIMERSLACK`).
const LEAST: Duration = Duration::from_micros(100);

/// Counts how often a worker gets up, and says how long it may stay down.
#[derive(Debug)]
pub(super) struct Coalescing {
    window_began: Instant,
    /// How often since then.
    times: u128,
    /// What it took in that time.
    datagrams: u32,
    /// For how long packets gather, if they do.
    gather: Option<Duration>,
    /// When it got up for what had come; nothing when there was nothing.
    up_since: Option<Instant>,
}

impl Coalescing {
    pub(super) const fn new(now: Instant) -> Self {
        Self { window_began: now, times: 0, datagrams: 0, gather: None, up_since: None }
    }

    /// The worker took so many datagrams, or records of other workers.
    pub(super) const fn on_taken(&mut self, datagrams: u32) {
        self.datagrams = self.datagrams.saturating_add(datagrams);
    }

    /// The worker has waited until `now`, and something has come or nothing.
    pub(super) fn on_waited(&mut self, now: Instant, came: bool) {
        self.up_since = came.then_some(now);
        if !came {
            return;
        }
        let passed = now.saturating_duration_since(self.window_began);
        if passed >= WINDOW {
            let in_a_window = self.times * WINDOW.as_micros() / passed.as_micros();
            let gathers = in_a_window >= if self.gather.is_some() { SELDOM } else { OFTEN };
            self.gather = gathers.then(|| GATHER.min(passed / self.datagrams.max(1) * FEW));
            (self.window_began, self.times, self.datagrams) = (now, 0, 0);
        }
        self.times += 1;
    }

    /// How long packets may gather, counted from `now`; `None` when the first one that comes shall wake the worker.
    pub(super) fn rest(&self, now: Instant) -> Option<Duration> {
        let rest = self.gather?.saturating_sub(now.saturating_duration_since(self.up_since?));
        (rest >= LEAST).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gets up every so many microseconds for so many milliseconds, and says whether packets gather then.
    fn gathers_after(coalescing: &mut Coalescing, now: &mut Instant, micros: u64, ms: u64) -> bool {
        let until = *now + Duration::from_millis(ms);
        while *now < until {
            *now += Duration::from_micros(micros);
            coalescing.on_taken(1);
            coalescing.on_waited(*now, true);
        }
        coalescing.rest(*now).is_some()
    }

    #[test]
    fn packets_gather_where_a_worker_would_get_up_a_thousand_times_a_second() {
        let mut now = Instant::now();
        let mut coalescing = Coalescing::new(now);
        let mut gathers = |micros, ms| gathers_after(&mut coalescing, &mut now, micros, ms);
        assert!(!gathers(20_000, 1000), "a room of two of whom one speaks");
        assert!(!gathers(1_100, 1000), "nine hundred a second");
        assert!(gathers(900, 300), "eleven hundred");
        assert!(gathers(2_000, 1000), "every rest finds something");
        assert!(gathers(2_600, 1000), "most do");
        assert!(!gathers(3_000, 300), "too many find nothing");
        assert!(!gathers(1_100, 1000), "and it takes as many as before to begin again");
    }

    #[test]
    fn a_burst_is_no_reason_to_gather_and_silence_ends_it() {
        let mut now = Instant::now();
        let mut coalescing = Coalescing::new(now);
        for _ in 0..10 {
            now += Duration::from_secs(1);
            for _ in 0..50 {
                now += Duration::from_micros(50);
                coalescing.on_taken(1);
                coalescing.on_waited(now, true);
            }
            assert_eq!(coalescing.rest(now), None);
        }
        assert!(gathers_after(&mut coalescing, &mut now, 500, 300));
        now += Duration::from_secs(1);
        coalescing.on_taken(1);
        coalescing.on_waited(now, true);
        assert_eq!(coalescing.rest(now), None, "the first packet after silence waits for nobody");
    }

    #[test]
    fn a_rest_counts_from_when_the_worker_got_up_and_follows_no_empty_one() {
        let mut now = Instant::now();
        let mut coalescing = Coalescing::new(now);
        assert!(gathers_after(&mut coalescing, &mut now, 500, 300));
        let rest = |coalescing: &Coalescing, micros| coalescing.rest(now + Duration::from_micros(micros));
        assert_eq!(rest(&coalescing, 0), Some(GATHER));
        assert_eq!(rest(&coalescing, 300), Some(Duration::from_micros(1_700)));
        assert_eq!(rest(&coalescing, 1_900), Some(LEAST));
        assert_eq!(rest(&coalescing, 1_901), None, "shorter than the system can sleep");
        assert_eq!(rest(&coalescing, 5_000), None, "the work took longer");
        coalescing.on_waited(now, false);
        assert_eq!(rest(&coalescing, 0), None, "who waits after an empty rest is woken by the first packet");
    }

    #[test]
    fn the_more_packets_come_the_shorter_they_gather() {
        let gathers_for = |datagrams| {
            let mut now = Instant::now();
            let mut coalescing = Coalescing::new(now);
            for _ in 0..300 {
                now += Duration::from_millis(1);
                coalescing.on_taken(datagrams);
                coalescing.on_waited(now, true);
            }
            coalescing.rest(now).map(|rest| rest.as_micros())
        };
        assert_eq!(gathers_for(1), Some(2_000));
        assert_eq!(gathers_for(16), Some(2_000));
        assert_eq!(gathers_for(50), Some(640), "500 rooms of two: 50 000 a second");
        assert_eq!(gathers_for(100), Some(320), "a flood");
        assert_eq!(gathers_for(1_000), None);
    }
}
