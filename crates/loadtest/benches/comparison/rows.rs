//! What is measured of one server.

use std::time::{Duration, Instant};

use hubbub_loadtest::Engine;
use hubbub_loadtest::engine::{EngineConfig, PeerId, PeerResult, Repair, Role, Snapshot};
use tokio::time::sleep;

use crate::Failure;
use crate::flood::Flood;
use crate::result::{Flooded, Growth, Joins, Load, median, milliseconds};
use crate::sfu::{Place, Sfu, join_all, speaker};

/// A server that can be started with so many accounts and rooms.
pub(crate) trait Start {
    type Server: Sfu;
    /// Whether its clients send redundant audio (RFC 2198).
    const REDUNDANCY: bool;
    async fn start(&self, accounts: usize, rooms: usize) -> Result<Self::Server, Failure>;
}

/// How much of everything there is: all of it, or little, to see that it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    Full,
    Quick,
}

impl Scale {
    /// A number of rooms or peers.
    pub(crate) const fn of(self, number: usize) -> usize {
        match self {
            Self::Full => number,
            Self::Quick => number.div_ceil(20),
        }
    }
}

/// Windows of a steady load, and times that joins are measured; of everything the median counts.
pub(crate) const TIMES: u32 = 5;
const WINDOW: Duration = Duration::from_secs(2);
/// From a speaker's packet to the next. The kernel tells user from system time by looking at its ticks, often every 4 ms; were all
/// packets sent in step with them, it would always look at the same moment of the work. So they move on by 4 ms in a window.
const PERIOD: Duration = Duration::from_micros(20_040);
/// How fast rooms are filled where joining is not what is measured.
const FILL_A_SECOND: f64 = 150.0;
/// Speakers of every single room.
pub(crate) const SPEAKERS: usize = 3;
/// Strangers' datagrams, where they are what is measured.
const FLOOD_A_SECOND: u64 = 100_000;
/// A moment for what a join leaves behind: Janus refuses who wants to hear somebody that has come just now.
const SETTLE: Duration = Duration::from_millis(1500);
/// The latency that a call may have, at the 99th percentile.
pub(crate) const LATENCY_MAX: Duration = Duration::from_millis(50);

fn engine() -> Result<Engine, Failure> {
    engine_with(Repair::default())
}

fn engine_with(repair: Repair) -> Result<Engine, Failure> {
    let tick = Duration::from_millis(5);
    Ok(Engine::start(EngineConfig { tick, period: PERIOD, repair, ..EngineConfig::default() })?)
}

/// Rooms of the same kind: their speakers, and their listeners behind them.
fn crowd(rooms: usize, speakers: usize, listeners: usize) -> [Vec<(Place, Role)>; 2] {
    let speak = (0..rooms * speakers).map(|peer| (Place { peer, room: peer / speakers }, speaker(peer)));
    let listen = (0..rooms * listeners).map(|number| {
        let place = Place { peer: rooms * speakers + number, room: number / listeners.max(1) };
        (place, Role::Listener)
    });
    [speak.collect(), listen.collect()]
}

/// A window of a steady load.
async fn window(sfu: &dyn Sfu, engine: &Engine, length: Duration) -> Result<(Snapshot, Duration, Duration), Failure> {
    engine.begin_window().await;
    let before = sfu.server().cpu()?;
    sleep(length).await;
    let cpu = sfu.server().cpu()?.since(before);
    Ok((engine.snapshot().await, cpu.user, cpu.total()))
}

/// A steady load in which so many hear each packet.
async fn windows(sfu: &dyn Sfu, engine: &Engine, hearers: usize) -> Result<Load, Failure> {
    let mut load = Load::new(hearers);
    for _ in 0..TIMES {
        let (snapshot, user, total) = window(sfu, engine, WINDOW).await?;
        load.add(&snapshot, user, total);
    }
    Ok(load)
}

/// Rooms of one kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rooms {
    pub(crate) count: usize,
    /// Of each room: those who speak all the time.
    pub(crate) speakers: usize,
    /// Of each room: those who only listen.
    pub(crate) listeners: usize,
    /// What peers offer to do about lost packets.
    pub(crate) repair: Repair,
}

/// A steady load.
pub(crate) async fn load<S: Start>(start: &S, rooms: Rooms) -> Result<Load, Failure> {
    let Rooms { count, speakers, listeners, repair } = rooms;
    let sfu = start.start(count * (speakers + listeners), count).await?;
    let engine = engine_with(repair)?;
    let [speak, listen] = crowd(count, speakers, listeners);
    join_all(&sfu, &engine, &speak, FILL_A_SECOND).await?;
    sleep(SETTLE).await;
    sfu.connect_speakers(&engine).await?;
    sleep(SETTLE).await;
    join_all(&sfu, &engine, &listen, FILL_A_SECOND).await?;
    sleep(SETTLE).await;
    windows(&sfu, &engine, speakers - 1 + listeners).await
}

/// One room of three speakers that grows until packets are lost or late; then the server has lost, or the generator.
pub(crate) async fn grow<S: Start>(start: &S, steps: &[usize]) -> Result<Growth, Failure> {
    let most = steps.iter().copied().max().unwrap_or(0);
    let sfu = start.start(SPEAKERS + most, 1).await?;
    let engine = engine()?;
    let [speak, listen] = crowd(1, SPEAKERS, most);
    join_all(&sfu, &engine, &speak, FILL_A_SECOND).await?;
    sleep(SETTLE).await;
    sfu.connect_speakers(&engine).await?;
    let mut growth = Growth::default();
    let mut there = 0;
    for &listeners in steps {
        let joined = join_all(&sfu, &engine, &listen[there..listeners], FILL_A_SECOND).await;
        if let Err(error) = joined {
            growth.ended = format!("joining {listeners} listeners failed: {error}");
            return Ok(growth);
        }
        there = listeners;
        sleep(SETTLE).await;
        // Once may be the machine's fault; twice is the end.
        let mut tried = steady(&sfu, &engine, listeners).await?;
        if !tried.1 {
            tried = steady(&sfu, &engine, listeners).await?;
        }
        let (load, fits) = tried;
        if fits {
            growth.memory.push((listeners, sfu.server().memory()?));
        }
        growth.ended = if fits { String::new() } else { load.why_not(LATENCY_MAX) };
        growth.steps.push((listeners, load, fits));
        if !fits {
            return Ok(growth);
        }
    }
    growth.ended = "no more were tried".to_owned();
    Ok(growth)
}

/// A window of a room of three speakers and so many listeners, and whether all was well.
async fn steady(sfu: &dyn Sfu, engine: &Engine, listeners: usize) -> Result<(Load, bool), Failure> {
    let (snapshot, user, total) = window(sfu, engine, 2 * WINDOW).await?;
    let mut load = Load::new(SPEAKERS - 1 + listeners);
    load.add(&snapshot, user, total);
    let fits = load.lost == 0 && load.is_complete() && load.p99() < LATENCY_MAX;
    Ok((load, fits))
}

/// A call whose port strangers flood.
pub(crate) async fn flooded<S: Start>(start: &S, listeners: usize) -> Result<Flooded, Failure> {
    let sfu = start.start(SPEAKERS + listeners, 1).await?;
    let port = sfu.media_address().ok_or("it has no port that all share")?;
    let engine = engine()?;
    let [speak, listen] = crowd(1, SPEAKERS, listeners);
    join_all(&sfu, &engine, &speak, FILL_A_SECOND).await?;
    join_all(&sfu, &engine, &listen, FILL_A_SECOND).await?;
    sleep(SETTLE).await;
    let flood = Flood::start(port, FLOOD_A_SECOND)?;
    sleep(SETTLE).await;
    let (begin, before) = (Instant::now(), flood.sent());
    let load = windows(&sfu, &engine, SPEAKERS - 1 + listeners).await?;
    Ok(Flooded { strangers: (flood.sent() - before) as f64 / begin.elapsed().as_secs_f64(), load })
}

/// Who comes into what call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Newcomers {
    /// Those who speak there. Without any, what a join costs is not a difference of two large numbers.
    pub(crate) speakers: usize,
    /// Listeners who are there.
    pub(crate) there: usize,
    /// Listeners who come.
    pub(crate) count: usize,
    pub(crate) a_second: f64,
}

/// A running call that many join: what a join costs the server, and how soon the newcomer hears something. Each time with a new
/// server, as joining is over soon.
pub(crate) async fn joins<S: Start>(start: &S, come: Newcomers) -> Result<Joins, Failure> {
    let mut joins = Joins::default();
    for _ in 0..TIMES {
        join_once(start, come, &mut joins).await?;
    }
    Ok(joins)
}

async fn join_once<S: Start>(start: &S, come: Newcomers, joins: &mut Joins) -> Result<(), Failure> {
    let Newcomers { speakers, there, count, a_second } = come;
    let sfu = start.start(speakers + there + count, 1).await?;
    let engine = engine()?;
    let [speak, listen] = crowd(1, speakers, there + count);
    join_all(&sfu, &engine, &speak, FILL_A_SECOND).await?;
    sleep(SETTLE).await;
    sfu.connect_speakers(&engine).await?;
    join_all(&sfu, &engine, &listen[..there], FILL_A_SECOND).await?;
    for (place, _) in &listen[there..] {
        sfu.prepare(*place).await?;
    }
    sleep(SETTLE).await;

    let idle = forwarding(&sfu).await?;
    engine.begin_window().await;
    let (begin, before) = (Instant::now(), Spent::read(&sfu)?);
    let joined: Vec<PeerId> = join_all(&sfu, &engine, &listen[there..], a_second).await?;
    let (took, spent) = (begin.elapsed(), Spent::read(&sfu)?.since(before));
    let during = engine.snapshot().await;
    sleep(SETTLE).await;
    let full = forwarding(&sfu).await?;
    // They came evenly, and forwarding costs something for being there and the rest by listeners.
    let a_join = |spent: Duration, idle: f64, full: f64| {
        (spent.as_secs_f64() - took.as_secs_f64() * f64::midpoint(idle, full)).max(0.0) * 1e6 / count as f64
    };
    let mut first: Vec<f64> = engine
        .peers()
        .await
        .iter()
        .filter(|peer| joined.contains(&peer.id))
        .filter_map(first_packet_milliseconds)
        .collect();
    first.sort_by(f64::total_cmp);
    let at = |share: f64| first.get(((first.len() as f64 * share).ceil() as usize).max(1) - 1).copied().unwrap_or(0.0);
    joins.joined += joined.len();
    joins.heard += first.len();
    joins.cpu_micros.push(a_join(spent.all, idle.0, full.0));
    joins
        .media_micros
        .extend(spent.media.zip(idle.1.zip(full.1)).map(|(spent, (idle, full))| a_join(spent, idle, full)));
    joins.first_p50.push(at(0.5));
    joins.first_p95.push(at(0.95));
    joins.lost += during.lost;
    joins.p99.push(milliseconds(during.latency.quantile(0.99)));
    Ok(())
}

/// CPU time of a server.
#[derive(Clone, Copy)]
struct Spent {
    all: Duration,
    /// What the threads that forward media have of it.
    media: Option<Duration>,
}

impl Spent {
    fn read(sfu: &dyn Sfu) -> Result<Self, Failure> {
        Ok(Self { all: sfu.server().cpu()?.total(), media: sfu.server().media_cpu()? })
    }

    fn since(self, earlier: Self) -> Self {
        let media = self.media.zip(earlier.media).map(|(now, earlier)| now.saturating_sub(earlier));
        Self { all: self.all.saturating_sub(earlier.all), media }
    }
}

/// The share of a core that a call as it is costs the server, and its media threads.
async fn forwarding(sfu: &dyn Sfu) -> Result<(f64, Option<f64>), Failure> {
    let (mut all, mut media) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let (begin, before) = (Instant::now(), Spent::read(sfu)?);
        sleep(WINDOW).await;
        let (seconds, spent) = (begin.elapsed().as_secs_f64(), Spent::read(sfu)?.since(before));
        all.push(spent.all.as_secs_f64() / seconds);
        media.extend(spent.media.map(|media| media.as_secs_f64() / seconds));
    }
    Ok((median(&mut all), (!media.is_empty()).then(|| median(&mut media))))
}

/// From asking to join, on a WebSocket that is open, to the first packet.
fn first_packet_milliseconds(peer: &PeerResult) -> Option<f64> {
    Some(peer.join.first_packet?.saturating_sub(peer.join.socket).as_secs_f64() * 1000.0)
}
