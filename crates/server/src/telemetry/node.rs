//! The machine and the process: the data folder's disk, tokio's runtime, the version.

use std::path::{Path, PathBuf};
use std::time::Duration;

use prometheus::proto::MetricFamily;
use rustix::fs::statvfs;
use tokio::runtime::{Handle, RuntimeMetrics};

use super::families::{counter, counter_f64, gauge, one};

/// Where to look.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    data: PathBuf,
    runtime: RuntimeMetrics,
}

impl Node {
    /// This process, whose data is in the folder `data`. To be called within a tokio runtime.
    pub(crate) fn new(data: &Path) -> Self {
        Self { data: data.to_owned(), runtime: Handle::current().metrics() }
    }

    /// How it is now.
    pub(crate) fn families(&self) -> Vec<MetricFamily> {
        let workers = self.runtime.num_workers();
        let busy: Duration = (0..workers).map(|worker| self.runtime.worker_total_busy_duration(worker)).sum();
        let parks = (0..workers).map(|worker| self.runtime.worker_park_count(worker)).sum();
        let size = |size: usize| one(u64::try_from(size).unwrap_or(u64::MAX));
        let version = vec![(vec![("version", env!("CARGO_PKG_VERSION").to_owned())], 1)];
        let mut families = vec![
            gauge("hubbub_build_info", "Always 1; the version that runs is a label.", version),
            gauge("hubbub_runtime_workers", "Threads for everything but media.", size(workers)),
            gauge("hubbub_runtime_tasks", "Tasks that have not ended.", size(self.runtime.num_alive_tasks())),
            gauge(
                "hubbub_runtime_queued_tasks",
                "Tasks that wait for a thread in the queue all threads share.",
                size(self.runtime.global_queue_depth()),
            ),
            counter_f64(
                "hubbub_runtime_busy_seconds_total",
                "Time these threads spent on tasks, all together.",
                one(busy.as_secs_f64()),
            ),
            counter("hubbub_runtime_parks_total", "Times one of these threads found nothing to do.", one(parks)),
        ];
        // A folder that cannot be asked has no numbers, which an alert can see.
        if let Ok(disk) = statvfs(&self.data) {
            let bytes = |blocks: u64| one(blocks.saturating_mul(disk.f_frsize));
            families.push(gauge(
                "hubbub_data_free_bytes",
                "Bytes that Hubbub can still write to the disk of the data folder.",
                bytes(disk.f_bavail),
            ));
            families.push(gauge(
                "hubbub_data_size_bytes",
                "Size of the disk of the data folder.",
                bytes(disk.f_blocks),
            ));
        }
        families
    }
}
