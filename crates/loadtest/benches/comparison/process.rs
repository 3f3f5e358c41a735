//! Processes on cores, and what the system says of them.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::Failure;

/// The core that servers run on.
pub(crate) const SERVER_CORE: usize = 0;

/// Keeps the calling thread, and all it starts from now on, off the servers' core.
///
/// # Errors
/// When there is only one core.
pub(crate) fn leave_the_servers_core() -> Result<(), Failure> {
    let mut cores = sched_getaffinity(None)?;
    if !cores.is_set(SERVER_CORE) || cores.count() < 2 {
        return Err(Failure::from("this needs two cores, one of them core 0: the server has one, the load the other"));
    }
    cores.unset(SERVER_CORE);
    sched_setaffinity(None, &cores)?;
    Ok(())
}

/// A server, killed when dropped.
pub(crate) struct Server {
    child: Child,
}

/// CPU time of a process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cpu {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
}

impl Cpu {
    pub(crate) fn total(self) -> Duration {
        self.user + self.system
    }

    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { user: self.user.saturating_sub(earlier.user), system: self.system.saturating_sub(earlier.system) }
    }
}

impl Server {
    /// Starts a program on the servers' core, its output in a file.
    pub(crate) fn start(mut command: Command, log: &Path) -> Result<Self, Failure> {
        let log = File::create(log)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // The affinity of the thread that starts it is inherited.
        let started = std::thread::spawn(move || -> Result<Child, Failure> {
            let mut core = CpuSet::new();
            core.set(SERVER_CORE);
            sched_setaffinity(None, &core)?;
            Ok(command.spawn()?)
        });
        let child = started.join().map_err(|_| "starting a server panicked")??;
        Ok(Self { child })
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// CPU time so far (proc(5), /proc/pid/stat), to a hundredth of a second.
    pub(crate) fn cpu(&self) -> Result<Cpu, Failure> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The second field is the program's name in parentheses, which may hold anything.
        let rest = stat.rsplit_once(')').ok_or("/proc/pid/stat has no name")?.1;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let ticks = |index: usize| -> Result<Duration, Failure> {
            let ticks: u64 = fields.get(index).ok_or("/proc/pid/stat is short")?.parse()?;
            Ok(Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second().max(1)))
        };
        Ok(Cpu { user: ticks(11)?, system: ticks(12)? })
    }

    /// CPU time so far of the threads that forward media, which are named `media-` and a number (proc(5), /proc/pid/task/tid/schedstat);
    /// `None` when there are none.
    pub(crate) fn media_cpu(&self) -> Result<Option<Duration>, Failure> {
        let mut sum = None;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let task = task?.path();
            if std::fs::read_to_string(task.join("comm"))?.starts_with("media-") {
                let schedstat = std::fs::read_to_string(task.join("schedstat"))?;
                let nanoseconds = schedstat.split(' ').next().ok_or("schedstat is empty")?.parse()?;
                *sum.get_or_insert(Duration::ZERO) += Duration::from_nanos(nanoseconds);
            }
        }
        Ok(sum)
    }

    /// Proportional set size in bytes (proc(5), /proc/pid/smaps_rollup).
    pub(crate) fn memory(&self) -> Result<u64, Failure> {
        let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).ok_or("smaps_rollup has no Pss")?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kilobytes * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
