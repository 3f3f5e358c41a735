//! How busy the whole machine is: a server and a load tester that share one take its processor from each other.

/// The processor times of the machine at one moment (`/proc/stat`, see proc(5)), in clock ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Machine {
    busy: u64,
    idle: u64,
}

impl Machine {
    /// A machine that is busier than this has nothing to spare, in percent.
    pub(super) const FULL: f64 = 97.0;

    /// As it is; `None` where that cannot be read.
    pub(super) fn now() -> Option<Self> {
        Self::parse(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    /// The share of all cores' time since then that was not idle, in percent.
    pub(super) fn busy_percent_until_now(&self) -> Option<f64> {
        self.busy_percent_until(&Self::now()?)
    }

    fn parse(stat: &str) -> Option<Self> {
        let mut fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().map(str::parse::<u64>);
        let times: Vec<u64> = fields.by_ref().take(8).collect::<Result<_, _>>().ok()?;
        // user nice system idle iowait irq softirq steal; time that others stole is not ours to use.
        let [user, nice, system, idle, iowait, irq, softirq, steal] = times.try_into().ok()?;
        Some(Self { busy: user + nice + system + irq + softirq + steal, idle: idle + iowait })
    }

    #[expect(clippy::cast_precision_loss, reason = "a percentage")]
    fn busy_percent_until(&self, later: &Self) -> Option<f64> {
        let (busy, idle) = (later.busy.saturating_sub(self.busy), later.idle.saturating_sub(self.idle));
        (busy + idle > 0).then(|| 100.0 * busy as f64 / (busy + idle) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_time_that_was_not_idle() {
        let before = Machine::parse("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3\n").unwrap();
        let after = Machine::parse("cpu  160 0 80 810 50 0 0 0 0 0\n").unwrap();
        assert_eq!(before.busy_percent_until(&after), Some(90.0));
        assert_eq!(before.busy_percent_until(&before), None);
        for odd in ["", "cpu", "cpu  1 2 3", "cpu  a b c d e f g h", "intr 1"] {
            assert_eq!(Machine::parse(odd), None, "{odd}");
        }
    }
}
