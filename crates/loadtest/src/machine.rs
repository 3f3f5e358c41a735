//! How busy the whole machine is: a server and a load tester that share one take its processor from each other.

/// The processor times of the machine at one moment (`/proc/stat`, see proc(5)), in clock ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// With what was stolen: time that others have is not ours to use.
    busy: u64,
    stolen: u64,
    idle: u64,
}

impl Machine {
    /// A machine that is busier than this has nothing to spare, in percent.
    pub const FULL: f64 = 97.0;

    /// As it is; `None` where that cannot be read.
    #[must_use]
    pub fn now() -> Option<Self> {
        Self::parse(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    /// The share of all cores' time since then that was not idle, in percent; `None` where that cannot be read, or when no time has passed.
    #[must_use]
    pub fn busy_percent_until_now(&self) -> Option<f64> {
        self.percent_until(&Self::now()?, |machine| machine.busy)
    }

    /// The share of all cores' time since then that the host of a virtual machine gave to others, in percent; `None` as for
    /// [`Self::busy_percent_until_now`].
    #[must_use]
    pub fn stolen_percent_until_now(&self) -> Option<f64> {
        self.percent_until(&Self::now()?, |machine| machine.stolen)
    }

    fn parse(stat: &str) -> Option<Self> {
        let mut fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().map(str::parse::<u64>);
        let times: Vec<u64> = fields.by_ref().take(8).collect::<Result<_, _>>().ok()?;
        // user nice system idle iowait irq softirq steal
        let [user, nice, system, idle, iowait, irq, softirq, steal] = times.try_into().ok()?;
        Some(Self { busy: user + nice + system + irq + softirq + steal, stolen: steal, idle: idle + iowait })
    }

    #[expect(clippy::cast_precision_loss, reason = "a percentage")]
    fn percent_until(&self, later: &Self, part: impl Fn(&Self) -> u64) -> Option<f64> {
        let since = |ticks: &dyn Fn(&Self) -> u64| ticks(later).saturating_sub(ticks(self));
        let all = since(&|machine| machine.busy) + since(&|machine| machine.idle);
        (all > 0).then(|| 100.0 * since(&part) as f64 / all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_time_that_was_not_idle_and_that_others_had() {
        let before = Machine::parse("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3\n").unwrap();
        let after = Machine::parse("cpu  160 0 80 810 50 0 0 0 0 0\n").unwrap();
        let stolen = Machine::parse("cpu  160 0 80 810 50 0 0 300 0 0\n").unwrap();
        let busy = |later| before.percent_until(later, |machine| machine.busy);
        assert_eq!([busy(&after), busy(&stolen), busy(&before)], [Some(90.0), Some(97.5), None]);
        let stolen_of = |later| before.percent_until(later, |machine| machine.stolen);
        assert_eq!([stolen_of(&after), stolen_of(&stolen)], [Some(0.0), Some(75.0)]);
        for odd in ["", "cpu", "cpu  1 2 3", "cpu  a b c d e f g h", "intr 1"] {
            assert_eq!(Machine::parse(odd), None, "{odd}");
        }
    }
}
