//! Processes on cores, and what the system says of them.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
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

/// Puts the calling thread, and all it starts from now on, onto the servers' core.
///
/// # Errors
/// When the system refuses.
pub(crate) fn on_the_servers_core() -> Result<(), Failure> {
    let mut core = CpuSet::new();
    core.set(SERVER_CORE);
    Ok(sched_setaffinity(None, &core)?)
}

/// A server, killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// Another process that it started, and that forwards its media.
    worker: Option<Pid>,
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
            on_the_servers_core()?;
            Ok(command.spawn()?)
        });
        let child = started.join().map_err(|_| "starting a server panicked")??;
        Ok(Self { child, worker: None })
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Counts a process that it started as part of it: the one that forwards its media.
    ///
    /// # Errors
    /// When there is no such process.
    pub(crate) fn adopt(&mut self, worker: i32) -> Result<(), Failure> {
        self.worker = Some(Pid::from_raw(worker).ok_or("a process has a number above 0")?);
        Ok(())
    }

    fn processes(&self) -> impl Iterator<Item = u32> {
        [self.child.id()].into_iter().chain(self.worker.map(|worker| worker.as_raw_pid().cast_unsigned()))
    }

    /// CPU time so far (proc(5), /proc/pid/stat), to a hundredth of a second.
    pub(crate) fn cpu(&self) -> Result<Cpu, Failure> {
        self.processes().try_fold(Cpu::default(), |sum, process| {
            let cpu = cpu_of(process)?;
            Ok(Cpu { user: sum.user + cpu.user, system: sum.system + cpu.system })
        })
    }

    /// CPU time so far of what forwards media (proc(5), /proc/pid/task/tid/schedstat): the process that was adopted for it, or the
    /// threads that are named `media-` and a number; `None` when there is neither.
    pub(crate) fn media_cpu(&self) -> Result<Option<Duration>, Failure> {
        let (process, name) = match self.worker {
            Some(worker) => (worker.as_raw_pid().cast_unsigned(), ""),
            None => (self.child.id(), "media-"),
        };
        let mut sum = None;
        for task in std::fs::read_dir(format!("/proc/{process}/task"))? {
            let task = task?.path();
            if std::fs::read_to_string(task.join("comm"))?.starts_with(name) {
                let schedstat = std::fs::read_to_string(task.join("schedstat"))?;
                let nanoseconds = schedstat.split(' ').next().ok_or("schedstat is empty")?.parse()?;
                *sum.get_or_insert(Duration::ZERO) += Duration::from_nanos(nanoseconds);
            }
        }
        Ok(sum)
    }

    /// Proportional set size in bytes (proc(5), /proc/pid/smaps_rollup).
    pub(crate) fn memory(&self) -> Result<u64, Failure> {
        self.processes().try_fold(0, |sum, process| Ok(sum + memory_of(process)?))
    }
}

/// CPU time of a process so far.
fn cpu_of(process: u32) -> Result<Cpu, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field is the program's name in parentheses, which may hold anything.
    let rest = stat.rsplit_once(')').ok_or("/proc/pid/stat has no name")?.1;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let ticks = |index: usize| -> Result<Duration, Failure> {
        let ticks: u64 = fields.get(index).ok_or("/proc/pid/stat is short")?.parse()?;
        Ok(Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second().max(1)))
    };
    Ok(Cpu { user: ticks(11)?, system: ticks(12)? })
}

/// Proportional set size of a process in bytes.
fn memory_of(process: u32) -> Result<u64, Failure> {
    let rollup = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).ok_or("smaps_rollup has no Pss")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024)
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // It is no child of this process; it ends by itself too, when nobody reads what it says.
        let _ = self.worker.map(|worker| kill_process(worker, Signal::KILL));
    }
}
