//! What the servers ran on, and what its host left of it meanwhile.

use std::fmt;
use std::hint::black_box;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use hubbub_loadtest::machine::Machine;
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use crate::Failure;
use crate::process::on_the_servers_core;

/// More than a core's own cache, so that the last cache or the memory answers.
const BYTES: usize = 16 << 20;
const LINE: usize = 64;
const STEPS: u32 = 2_000_000;
const MULTIPLICATIONS: u32 = 50_000_000;
/// As many as hear a speaker in the benchmark's large room.
const RECEIVERS: usize = 300;
const ROUNDS: u32 = 50;
const WAKINGS: u32 = 300;

/// How fast the machine is at a moment: other guests of its host take parts of what they share.
#[derive(Clone, Copy, Debug, Serialize)]
struct Condition {
    /// For a word of 16 MB at random, in ns.
    memory: f64,
    /// For one of a chain of multiplications, in ns: as a rule three cycles.
    multiplication: f64,
    /// For the system to take a datagram and put it into the socket of one of 300 receivers, in ns. A server whose packets go out
    /// one by one cannot be cheaper. `None` where the system refuses.
    datagram: Option<f64>,
    /// CPU time of a thread on the servers' core that sleeps until a datagram comes, for each, in ns: the system counts it from when
    /// another core wakes it, so that an interrupt that is long on its way between cores is in it. `None` where the system refuses.
    waking: Option<f64>,
}

impl Condition {
    /// Measures for about a second.
    fn now() -> Self {
        Self { memory: memory(), multiplication: multiplication(), datagram: datagram().ok(), waking: waking().ok() }
    }
}

/// What the machine was like from one moment to another.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Conditions {
    before: Condition,
    after: Condition,
    /// The share of all cores' time that the host gave to others, in percent.
    stolen: Option<f64>,
}

/// The first of these moments.
pub(crate) struct Beginning {
    condition: Condition,
    times: Option<Machine>,
}

impl Beginning {
    pub(crate) fn now() -> Self {
        Self { condition: Condition::now(), times: Machine::now() }
    }

    /// From then until now.
    pub(crate) fn until_now(&self) -> Conditions {
        let stolen = self.times.and_then(|times| times.stolen_percent_until_now());
        Conditions { before: self.condition, after: Condition::now(), stolen }
    }
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, after, stolen } = self;
        write!(
            f,
            "a word of 16 MB at random took {:.0} ns before and {:.0} ns after, one of a chain of multiplications {:.2} ns and {:.2} ns",
            before.memory, after.memory, before.multiplication, after.multiplication,
        )?;
        if let (Some(before), Some(after)) = (before.datagram, after.datagram) {
            write!(f, ", sending a datagram {:.1} µs and {:.1} µs", before / 1e3, after / 1e3)?;
        }
        if let (Some(before), Some(after)) = (before.waking, after.waking) {
            write!(f, ", waking a thread {:.0} µs and {:.0} µs of its CPU time", before / 1e3, after / 1e3)?;
        }
        match stolen {
            Some(stolen) => write!(f, "; the host gave {stolen:.1} % of the cores' time to others"),
            None => Ok(()),
        }
    }
}

/// Goes through all lines once and again; where the next one is, stands in each.
fn memory() -> f64 {
    let lines = BYTES / LINE;
    let words = LINE / size_of::<usize>();
    let mut table = vec![0_usize; lines * words];
    let mut line = 0;
    for _ in 0..lines {
        // Comes by every line of a power of two before the first one comes again (Hull and Dobell, 1962).
        let next = (line * 0x9E37_79B5 + 0x3C6E_F373) % lines;
        table[line * words] = next * words;
        line = next;
    }
    let begin = Instant::now();
    let mut word = 0;
    for _ in 0..STEPS {
        word = table[word];
    }
    black_box(word);
    begin.elapsed().as_secs_f64() * 1e9 / f64::from(STEPS)
}

fn multiplication() -> f64 {
    let mut number = black_box(3_u64);
    let begin = Instant::now();
    for _ in 0..MULTIPLICATIONS {
        number = number.wrapping_mul(number);
    }
    black_box(number);
    begin.elapsed().as_secs_f64() * 1e9 / f64::from(MULTIPLICATIONS)
}

/// Only the calls that send are timed; nobody sleeps on the receivers' sockets, so that nobody is woken.
fn datagram() -> io::Result<f64> {
    let receivers =
        (0..RECEIVERS).map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))).collect::<io::Result<Vec<_>>>()?;
    let addresses = receivers.iter().map(UdpSocket::local_addr).collect::<io::Result<Vec<_>>>()?;
    for receiver in &receivers {
        receiver.set_read_timeout(Some(Duration::from_secs(1)))?;
    }
    let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut packet = [0; 110];
    let mut spent = Duration::ZERO;
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        for address in &addresses {
            sender.send_to(&packet, address)?;
        }
        spent += begin.elapsed();
        for receiver in &receivers {
            receiver.recv(&mut packet)?;
        }
    }
    Ok(spent.as_secs_f64() * 1e9 / f64::from(ROUNDS) / RECEIVERS as f64)
}

/// A datagram a millisecond.
fn waking() -> Result<f64, Failure> {
    let sleeper = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    sleeper.set_read_timeout(Some(Duration::from_secs(1)))?;
    let waker = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    waker.connect(sleeper.local_addr()?)?;
    let thread = std::thread::spawn(move || -> Result<f64, Failure> {
        on_the_servers_core()?;
        let mut datagram = [0; 1];
        let cpu = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime));
        sleeper.recv(&mut datagram)?;
        let before = cpu()?;
        for _ in 0..WAKINGS {
            sleeper.recv(&mut datagram)?;
        }
        Ok((cpu()? - before).as_secs_f64() * 1e9 / f64::from(WAKINGS))
    });
    for _ in 0..=WAKINGS {
        std::thread::sleep(Duration::from_millis(1));
        waker.send(&[0])?;
    }
    thread.join().map_err(|_| "a thread panicked")?
}

/// The processor and the kernel, and what it allows.
pub(crate) fn description() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim()));
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get) + 1;
    let kernel = read("/proc/sys/kernel/osrelease");
    let buffer =
        |name: &str| read(&format!("/proc/sys/net/core/{name}")).trim().parse().map_or(0, |bytes: u64| bytes / 1024);
    format!(
        "{}, {cores} cores, Linux {} with sockets' buffers of up to {} KiB to read and {} KiB to write (`net.core.rmem_max`, `wmem_max`)",
        model.unwrap_or("unknown processor"),
        kernel.trim(),
        buffer("rmem_max"),
        buffer("wmem_max"),
    )
}
