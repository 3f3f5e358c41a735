//! The `process_*` metrics, with CPU time in more than whole seconds: a load test of a minute needs it finer.

use std::time::Duration;

use prometheus::core::{Collector, Desc};
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::{Counter, Metric, MetricFamily};
use rustix::time::{ClockId, clock_gettime};

const CPU: &str = "process_cpu_seconds_total";

/// The usual collector, with an exact `process_cpu_seconds_total`.
pub(crate) struct Process(ProcessCollector);

impl Default for Process {
    fn default() -> Self {
        Self(ProcessCollector::for_self())
    }
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        self.0.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut families = self.0.collect();
        if let Some(family) = families.iter_mut().find(|family| family.name() == CPU) {
            let mut counter = Counter::default();
            counter.set_value(cpu_time().as_secs_f64());
            let mut metric = Metric::default();
            metric.set_counter(counter);
            family.set_metric(vec![metric]);
        }
        families
    }
}

/// User and system time of this process.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_exact() {
        let before = cpu_time().as_secs_f64();
        let families = Process::default().collect();
        let after = cpu_time().as_secs_f64();
        let cpu = families.iter().find(|family| family.name() == CPU).expect("it is there");
        let value = cpu.get_metric()[0].get_counter().get_value();
        assert!(before <= value && value <= after, "{before} ≤ {value} ≤ {after}");
        assert_eq!(families.len(), ProcessCollector::for_self().desc().len(), "and nothing else is missing");
    }
}
