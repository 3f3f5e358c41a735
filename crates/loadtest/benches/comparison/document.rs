//! docs/benchmarks.md and its plots.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::Failure;
use crate::machine;
use crate::mediasoup;
use crate::plot::{Group, bars, lines};
use crate::result::{Flooded, Load, Measured};
use crate::rows::LATENCY_MAX;

/// What is known of others from another sitting on a machine of this kind.
const REFERENCE: [(&str, &str, &str); 6] = [
    ("µs a packet, 3 × 300", "11.3–13.4", "14–15"),
    ("µs a packet, 20 × (3 + 7)", "13–17", "19–23"),
    ("most listeners of 3 speakers", "800", "700"),
    ("memory a connected peer, KB", "117–164", "430"),
    ("first packet p50 / p95, ms", "12–31 / 18–55", ""),
    ("latency p50 / p99, ms", "1.8 / 3.9", ""),
];

/// What is to be reached.
#[derive(Clone, Copy)]
enum Goal {
    AtMost(f64),
    Below(f64),
    AtLeast(f64),
    /// At most such a share of Janus' value.
    OfJanus(f64),
    /// At most half of mediasoup's value; the number is that of another sitting, where it was not measured here.
    HalfOfMediasoup(f64),
}

impl Goal {
    fn is_reached(self, hubbub: f64, [janus, mediasoup]: [Option<f64>; 2]) -> Option<bool> {
        Some(match self {
            Self::AtMost(most) => hubbub <= most,
            Self::Below(limit) => hubbub < limit,
            Self::AtLeast(least) => hubbub >= least,
            Self::OfJanus(share) => hubbub <= share * janus?,
            Self::HalfOfMediasoup(elsewhere) => hubbub <= 0.5 * mediasoup.unwrap_or(elsewhere),
        })
    }

    fn describe(self, mediasoup: Option<f64>) -> String {
        match self {
            Self::AtMost(most) => format!("≤ {most}"),
            Self::Below(limit) => format!("< {limit}"),
            Self::AtLeast(least) => format!("≥ {least}"),
            Self::OfJanus(share) => format!("≤ {share} × Janus"),
            Self::HalfOfMediasoup(_) if mediasoup.is_some() => "≤ 0.5 × mediasoup".to_owned(),
            Self::HalfOfMediasoup(elsewhere) => format!("≤ 0.5 × mediasoup's {elsewhere}"),
        }
    }
}

/// One line of the table.
struct Row {
    name: &'static str,
    goals: &'static [Goal],
    hubbub: Option<f64>,
    /// Of Janus and mediasoup.
    others: [Option<f64>; 2],
    decimals: usize,
}

impl Row {
    /// Whether all goals are reached; `None` without any, or when something was not measured.
    fn is_reached(&self) -> Option<bool> {
        let hubbub = self.hubbub?;
        let reached: Option<Vec<bool>> = self.goals.iter().map(|goal| goal.is_reached(hubbub, self.others)).collect();
        reached.filter(|all| !all.is_empty()).map(|all| all.into_iter().all(|reached| reached))
    }
}

/// What was measured in one run.
pub(crate) struct Servers {
    pub(crate) hubbub: Measured,
    pub(crate) janus: Measured,
    /// Where it is installed.
    pub(crate) mediasoup: Option<Measured>,
}

impl Servers {
    /// With their names.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &Measured)> {
        let mediasoup = self.mediasoup.as_ref().map(|measured| ("mediasoup", measured));
        [("Hubbub", &self.hubbub), ("Janus", &self.janus)].into_iter().chain(mediasoup)
    }
}

/// What was measured of one server, for a terminal.
#[expect(clippy::print_stdout, reason = "it is what this program is for")]
pub(crate) fn print(measured: &Measured) -> Result<(), Failure> {
    println!("{}", serde_json::to_string_pretty(measured)?);
    Ok(())
}

/// Writes the page and the plots.
pub(crate) fn write(servers: &Servers) -> Result<(), Failure> {
    let docs = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs"));
    std::fs::create_dir_all(docs.join("images"))?;
    std::fs::write(docs.join("images/benchmark-cost.svg"), cost_plot(servers))?;
    std::fs::write(docs.join("images/benchmark-growth.svg"), growth_plot(servers))?;
    std::fs::write(docs.join("benchmarks.md"), page(servers)?)?;
    servers.all().try_for_each(|(_, measured)| print(measured))
}

fn rows(servers: &Servers) -> Vec<Row> {
    use Goal::{AtLeast, AtMost, Below, HalfOfMediasoup, OfJanus};
    let all = |of: &dyn Fn(&Measured) -> Option<f64>| {
        (of(&servers.hubbub), [of(&servers.janus), servers.mediasoup.as_ref().and_then(of)])
    };
    let mut rows = Vec::new();
    let mut add = |name, goals, decimals, (hubbub, others)| rows.push(Row { name, goals, hubbub, others, decimals });
    let load = |load: &Result<Load, String>| load.clone().ok();
    add(
        "3 × 300: server CPU a packet, µs",
        &[OfJanus(0.3), HalfOfMediasoup(11.3)],
        2,
        all(&|m| Some(load(&m.large)?.micros())),
    );
    add("… of it in user mode, µs", &[Below(1.0)], 2, all(&|m| Some(load(&m.large)?.user_micros())));
    add(
        "3 × 150, which Janus carries in slow hours too: server CPU a packet, µs",
        &[OfJanus(0.3)],
        2,
        all(&|m| Some(load(&m.half)?.micros())),
    );
    add(
        "3 × 300 with redundant audio and NACK, as browsers: server CPU a packet, µs",
        &[],
        2,
        all(&|m| Some(load(&m.redundant)?.micros())),
    );
    add("3 × 300: latency p50, ms", &[AtMost(0.8)], 2, all(&|m| Some(load(&m.large)?.latency().0)));
    add("3 × 300: latency p99, ms", &[AtMost(2.0)], 2, all(&|m| Some(load(&m.large)?.latency().1)));
    add(
        "20 rooms × (3 + 7): server CPU a packet, µs",
        &[HalfOfMediasoup(13.0)],
        2,
        all(&|m| Some(load(&m.rooms)?.micros())),
    );
    add("500 rooms × 2: server CPU a packet, µs", &[AtMost(10.0)], 2, all(&|m| Some(load(&m.pairs)?.micros())));
    add(
        "500 rooms × 2: packets/s a busy core",
        &[AtLeast(100_000.0)],
        0,
        all(&|m| Some(1e6 / load(&m.pairs)?.micros())),
    );
    add(
        "most listeners of 3 speakers, no loss, p99 < 50 ms",
        &[AtLeast(1500.0)],
        0,
        all(&|m| Some(m.growth.as_ref().ok()?.most() as f64)),
    );
    add(
        "memory a listener with signaling, KB",
        &[AtMost(24.0)],
        1,
        all(&|m| m.growth.as_ref().ok()?.memory_a_listener()),
    );
    let joins = |m: &Measured| m.joins.clone().ok();
    let storm = |m: &Measured| m.storm.clone().ok();
    add("server CPU a join with signaling, 100 joins/s, ms", &[], 2, all(&|m| Some(joins(m)?.cpu())));
    add("… of it the media worker's (ICE, DTLS, answer), ms", &[AtMost(0.5)], 2, all(&|m| joins(m)?.media_cpu()));
    add("… and at 300 joins/s, ms", &[AtMost(0.5)], 2, all(&|m| storm(m)?.media_cpu()));
    add("first packet at 100 joins/s, p50, ms", &[AtMost(8.0)], 1, all(&|m| Some(joins(m)?.first_packet().0)));
    add("first packet at 100 joins/s, p95, ms", &[AtMost(20.0)], 1, all(&|m| Some(joins(m)?.first_packet().1)));
    add("packets that a call lost meanwhile, 300 joins/s", &[AtMost(0.0)], 0, all(&|m| Some(storm(m)?.lost as f64)));
    add("latency p99 of that call, ms", &[], 1, all(&|m| Some(storm(m)?.p99())));
    let dearer = |m: &Measured| Some(m.hall.clone().ok()?.cpu() / m.small.clone().ok()?.cpu());
    add("server CPU a join to 1000 who are silent, in times that to 20", &[AtMost(1.2)], 2, all(&dearer));
    let flooded = |m: &Measured, of: &dyn Fn(&Load) -> f64| Some(of(&m.flood.as_ref().ok()?.load));
    add(
        "packets that a call of 3 × 100 lost, 100 000 strangers' datagrams/s",
        &[AtMost(0.0)],
        0,
        all(&|m| flooded(m, &|load| load.lost as f64)),
    );
    add("latency p99 of that call, ms", &[], 1, all(&|m| flooded(m, &|load| load.latency().1)));
    let scaling = |m: &Measured| {
        let growth = m.growth.as_ref().ok()?;
        let busy = |load: &Load| load.micros() * load.packets();
        Some(busy(growth.at(1000)?) / busy(growth.at(100)?))
    };
    add("server CPU with 1000 listeners, in times that with 100", &[AtMost(10.0)], 2, all(&scaling));
    rows
}

fn page(servers: &Servers) -> Result<String, Failure> {
    let mut page = format!(
        "# Benchmarks\n\nWritten by `make bench`, which measures all servers in one run; do not edit by hand. The server has core 0 \
         and nothing else,\nthe synthetic peers have the others. Servers: {} with one media worker, {} with the VideoRoom plugin, \
         `event_loops = 1`\nand ICE-lite, {}. Machine: {}.\n\n\
         Speakers send Opus of 20 ms, about 90 bytes, all the time; every listener hears all speakers, and every packet is \
         decrypted and\nchecked. Server CPU is user and system time by /proc, divided by the packets heard; medians of five \
         windows of 2 s, for joins of five runs. Latencies are\nfrom a speaker's send call to the kernel's time of arrival at the listener's socket.\n\n\
         | | Hubbub | Janus | ratio | mediasoup | ratio | goal | reached |\n|---|---|---|---|---|---|---|---|\n",
        servers.hubbub.version,
        servers.janus.version,
        servers.mediasoup.as_ref().map_or_else(
            || format!("no mediasoup ({} names no folder in which it is installed)", mediasoup::FOLDER),
            |mediasoup| format!("{} with one worker and one port for all", mediasoup.version)
        ),
        machine::description(),
    );
    for row in rows(servers) {
        let Row { name, goals, hubbub, others, decimals } = row;
        let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.decimals$}"));
        write!(page, "| {name} | {} |", number(hubbub))?;
        for other in others {
            let ratio = hubbub.zip(other).filter(|(_, other)| *other > 0.0).map(|(hubbub, other)| hubbub / other);
            let ratio = ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.2}"));
            write!(page, " {} | {ratio} |", number(other))?;
        }
        let goal = goals.iter().map(|goal| goal.describe(others[1])).collect::<Vec<_>>().join(", ");
        let reached = row.is_reached().map_or("", |reached| if reached { "yes" } else { "**no**" });
        writeln!(page, " {goal} | {reached} |")?;
    }
    page.push_str(
        "\n![Server CPU a packet](images/benchmark-cost.svg)\n\n![Server CPU as a room grows](images/benchmark-growth.svg)\n\n",
    );
    page.push_str("## Where each run ended\n\n");
    for (name, measured) in servers.all() {
        notes(&mut page, name, measured)?;
    }
    page.push_str(
        "\n## Others\n\nFrom another sitting, with another generator, on a machine of the same kind: good for orders of magnitude \
         only.\n\n| | mediasoup 3.27 | Pion (a bare SFU) |\n|---|---|---|\n",
    );
    for (name, mediasoup, pion) in REFERENCE {
        writeln!(page, "| {name} | {mediasoup} | {} |", if pion.is_empty() { "–" } else { pion })?;
    }
    page.push_str(NOT_TRUSTWORTHY);
    Ok(page)
}

const NOT_TRUSTWORTHY: &str = "
## What is not trustworthy here

- **Loopback.** There is no network card, no driver and no interrupt of one. The kernel delivers a packet to the receiving socket
  within the sender's system call, so that work which a network card or another machine would do is charged to the server. The peers
  take batches as they were sent (UDP GRO); a receiver that does not would make the server's kernel cut them. Once connected they read by
  the clock, every 20 ms, and wait for nothing: telling an epoll set of a datagram has taken the sender 0.6 µs (measured on an AMD EPYC with
  a slow kernel), which over a network the receiver's machine spends.
- **The generator shares the machine.** It runs on a sibling core, with the same caches, memory and host. Its own cost is listed
  above. Where it was at its limit the page says so, and the number is a lower bound for the server.
- **A virtual machine with few cores.** What else the host does shows in the numbers. Five windows of two seconds do not average
  that away; differences below a tenth mean nothing.
- **One kind of load.** All speakers speak all the time and nobody loses packets. People pause, and networks lose. In all rows but
  one the peers ask neither for lost packets (NACK) nor for redundant audio (RFC 2198), as browsers do: a packet is plain Opus, and nothing is sent again.
- **Janus does more, and Hubbub does other things.** Janus is a general gateway. Its VideoRoom needs a second connection for
  somebody who speaks and hears, which is why 500 rooms of two are 2 000 connections there and 1 000 here. Janus is Debian's build.
- **mediasoup is a library.** It was measured with the smallest application around it (mediasoup.mjs beside the benchmark's source): one worker, one port for
  all, no header extension, lines of JSON over TCP instead of a WebSocket. What Node.js takes is counted with it. Like its own client, whoever speaks and hears has a
  connection for each.
- **Signaling is part of a join** for all: JSON over a WebSocket that was open before. CPU a join is what is left after the cost of
  forwarding is taken off (the mean of before and after, since the joins come evenly), and is no better than that subtraction: single
  runs differ by half. Reading the offer is signaling's work (40 µs for a browser's, by `cargo bench -p hubbub-sfu --bench offer`). What a join to a large room costs is measured where nobody speaks, so that nothing has to be taken off.
- **Waking a thread** is counted for who is woken, from when the other core asks for it. On a virtual machine the interrupt between the cores can take longer than
  the work: rows in which packets come one by one (joins, rooms of ten) hold it once for each that comes. It is listed with the machine.
- **What the host leaves.** Its other guests fill its last cache, so that memory answers late, share a core's units and lower its clock. All rows feel
  it, small rooms and joins most: the same program has cost 3.2 µs a packet in a room of 300 in one hour and 6.6 in another, 8 µs in rooms of two and
  15. Kernels and processors differ as much: sending one datagram, which is most of a packet that goes out alone, has taken 1.5 µs on one machine
  and 5 on another. In slow hours a server at its limit looks cheaper than it is, since it takes more at once, and p99 shows when the host ran others. What the
  machine was like is listed above: look at it, and at ratios, before you look at µs. Several hours side by side: [benchmark-hours.md](benchmark-hours.md).
- **Memory is the whole server's** (proportional set size): what it grew by as the room grew to the most listeners from those with whom it had least (100 as a
  rule), with a WebSocket and two tasks each, and what the allocator keeps, seconds after they came. Caches and pools that fill once, whoever comes, are not in it: a server with 1 000
  listeners had 55 MB, idle 30 (docs/adr/0017-memory-of-a-listener.md).
  The media plane's part is 5 KB when DTLS has done its work (5 s later as a rule); a test holds it under 5 KiB.
- **User mode is a sample.** The kernel divides time into user and system by what it sees at its ticks. The speakers' clocks run 0.2 %
  slow, so that packets move through a tick in each window; a window's figure is still no better than a few hundred samples.
";

fn notes(page: &mut String, name: &str, measured: &Measured) -> Result<(), Failure> {
    let loads = [
        ("3 × 300", &measured.large),
        ("3 × 150", &measured.half),
        ("3 × 300 with redundant audio", &measured.redundant),
        ("20 × (3 + 7)", &measured.rooms),
        ("500 × 2", &measured.pairs),
    ];
    for (row, load) in loads {
        match load {
            Ok(load) => {
                let (busy, micros) = load.generator();
                let limit = if load.generator_was_the_limit() { " **It was at its limit.**" } else { "" };
                let missing = if load.is_complete() { "" } else { " Not everything that was sent was heard." };
                writeln!(
                    page,
                    "- {name}, {row}: {:.0} packets/s, {} lost, server {:.0} % of its core; generator {micros:.1} µs a packet, \
                     {:.0} % of a core.{missing}{limit}",
                    load.packets(),
                    load.lost,
                    100.0 * load.busy(),
                    100.0 * busy,
                )?;
            }
            Err(reason) => writeln!(page, "- {name}, {row}: not measured: {}", one_line(reason))?,
        }
    }
    match &measured.growth {
        Ok(growth) => writeln!(
            page,
            "- {name}, growing room: {} listeners were well; then: {} (LATENCY).",
            growth.most(),
            one_line(&growth.ended)
        )?,
        Err(reason) => writeln!(page, "- {name}, growing room: not measured: {}", one_line(reason))?,
    }
    for (row, joins) in
        [("joins to 20 who are silent", &measured.small), ("joins to 1000 who are silent", &measured.hall)]
    {
        if let Err(reason) = joins {
            writeln!(page, "- {name}, {row}: not measured: {}", one_line(reason))?;
        }
    }
    for (row, joins) in [("100 joins/s", &measured.joins), ("300 joins/s", &measured.storm)] {
        match joins {
            Ok(joins) => writeln!(
                page,
                "- {name}, {row}: {} of {} newcomers heard something; the running call lost {} packets meanwhile, latency p99 \
                 {:.1} ms.",
                joins.heard,
                joins.joined,
                joins.lost,
                joins.p99()
            )?,
            Err(reason) => writeln!(page, "- {name}, {row}: not measured: {}", one_line(reason))?,
        }
    }
    if let Ok(Flooded { strangers, load }) = &measured.flood {
        let limit = if load.generator_was_the_limit() { " **The generator was at its limit.**" } else { "" };
        writeln!(
            page,
            "- {name}, flood: {strangers:.0} strangers' datagrams/s; {:.0} packets/s heard, {} lost, server {:.0} % of its core.{limit}",
            load.packets(),
            load.lost,
            100.0 * load.busy(),
        )?;
    }
    writeln!(page, "- {name}, the machine meanwhile: {}.", measured.machine)?;
    *page = page.replace("(LATENCY)", &format!("(limits: no loss, p99 below {} ms)", LATENCY_MAX.as_millis()));
    Ok(())
}

fn cost_plot(servers: &Servers) -> String {
    let micros = |load: &Result<Load, String>| load.as_ref().ok().map(Load::micros);
    let group = |name: &str, of: &dyn Fn(&Measured) -> Option<f64>| -> Group {
        (name.to_owned(), servers.all().map(|(_, measured)| of(measured)).collect())
    };
    let groups = [
        group("3 × 300", &|m| micros(&m.large)),
        group("3 × 150", &|m| micros(&m.half)),
        group("20 × (3 + 7)", &|m| micros(&m.rooms)),
        group("500 × 2", &|m| micros(&m.pairs)),
    ];
    bars("Server CPU a forwarded packet", "µs", &servers.all().map(|(name, _)| name).collect::<Vec<_>>(), &groups)
}

fn growth_plot(servers: &Servers) -> String {
    let points = |measured: &Measured| -> Vec<(f64, f64)> {
        let steps = measured.growth.as_ref().map(|growth| growth.steps.as_slice()).unwrap_or_default();
        steps
            .iter()
            .filter(|(.., fits)| *fits)
            .map(|(listeners, load, _)| (*listeners as f64, 100.0 * load.busy()))
            .collect()
    };
    let series: Vec<_> = servers.all().map(|(name, measured)| (name, points(measured))).collect();
    lines("Server CPU as a room of three speakers grows", "listeners", "% of a core", &series)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
