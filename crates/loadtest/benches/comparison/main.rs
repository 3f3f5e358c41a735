//! Hubbub beside Janus, and beside mediasoup where that is installed, in one run: the server on one core, the load on the others.
//! Writes docs/benchmarks.md and its plots.
//!
//! `make bench` runs it. `cargo bench --package hubbub-loadtest --bench comparison -- --only hubbub` (`janus`, `mediasoup`)
//! measures one of them and prints what came out, without writing the page; `--quick` makes everything small, to see that it works;
//! `--row large` (half, redundant, rooms, pairs, joins, storm, small, hall, flood, growth) measures one row.

mod document;
mod flood;
mod hubbub;
mod janus;
mod janus_api;
mod machine;
mod mediasoup;
mod plot;
mod process;
mod result;
mod rows;
mod sfu;

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use hubbub_loadtest::engine::Repair;
use machine::Beginning;
use result::Measured;
use rows::{Newcomers, Rooms, SPEAKERS, Scale, Start, TIMES, flooded, grow, joins, load};

/// Why something could not be measured.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Steps of listeners; each is kept or is the end.
const HUBBUB_STEPS: [usize; 12] = [100, 300, 600, 1000, 1250, 1500, 1750, 2000, 2250, 2500, 3000, 3500];
const JANUS_STEPS: [usize; 9] = [100, 200, 250, 300, 350, 400, 450, 500, 600];
const MEDIASOUP_STEPS: [usize; 10] = [100, 200, 300, 400, 500, 600, 700, 800, 900, 1000];
/// Longer than any row takes where all is well, and than any of the times that joins are measured.
const ROW_MAX: Duration = Duration::from_secs(180);
const JOINS: usize = 300;
const JOINS_A_SECOND: f64 = 100.0;
const STORM: usize = 900;
const STORM_A_SECOND: f64 = 300.0;
/// Listeners who are there when others join: in a small room, and in a large one.
const FEW: usize = 20;
const MANY: usize = 1000;
/// Listeners of the call that is flooded.
const FLOODED: usize = 100;

struct StartHubbub;

impl Start for StartHubbub {
    type Server = hubbub::Hubbub;
    const REDUNDANCY: bool = true;

    async fn start(&self, accounts: usize, rooms: usize) -> Result<Self::Server, Failure> {
        hubbub::Hubbub::start(accounts, rooms).await
    }
}

struct StartJanus;

impl Start for StartJanus {
    type Server = janus::Janus;
    const REDUNDANCY: bool = false;

    async fn start(&self, _: usize, rooms: usize) -> Result<Self::Server, Failure> {
        janus::Janus::start(rooms).await
    }
}

struct StartMediasoup;

impl Start for StartMediasoup {
    type Server = mediasoup::Mediasoup;
    const REDUNDANCY: bool = false;

    async fn start(&self, _: usize, _: usize) -> Result<Self::Server, Failure> {
        mediasoup::Mediasoup::start().await
    }
}

#[expect(clippy::print_stderr, reason = "progress is for whoever waits")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo bench` says so; test runners that only list what is there do not.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let value = |name: &str| {
        let index = arguments.iter().position(|argument| argument == name)?;
        arguments.get(index + 1).cloned()
    };
    let (only, row) = (value("--only"), value("--row"));
    let scale = if arguments.iter().any(|argument| argument == "--quick") { Scale::Quick } else { Scale::Full };
    let outcome = process::leave_the_servers_core().and_then(|()| {
        hubbub_loadtest::engine::check_open_files(4000)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        runtime.block_on(run(only.as_deref(), Choice { scale, row }))
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("comparison: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(only: Option<&str>, choice: Choice) -> Result<(), Failure> {
    if let Some(row) = choice.row.as_deref().filter(|row| !ROWS.contains(row)) {
        return Err(format!("--row takes {}, not {row:?}", ROWS.join(", ")).into());
    }
    let janus_version =
        || janus::version().ok_or("janus is not installed: apt-get install janus, then make bench again");
    match only {
        Some("hubbub") => {
            document::print(&measure("hubbub", hubbub::version()?, &StartHubbub, &HUBBUB_STEPS, &choice).await)
        }
        Some("janus") => document::print(&measure("janus", janus_version()?, &StartJanus, &JANUS_STEPS, &choice).await),
        Some("mediasoup") => {
            let version =
                mediasoup::version().ok_or_else(|| format!("{} names no folder with mediasoup", mediasoup::FOLDER))?;
            document::print(&measure("mediasoup", version, &StartMediasoup, &MEDIASOUP_STEPS, &choice).await)
        }
        Some(other) => Err(format!("--only takes hubbub, janus or mediasoup, not {other:?}").into()),
        None => {
            let (hubbub_version, janus_version) = (hubbub::version()?, janus_version()?);
            let hubbub = measure("hubbub", hubbub_version, &StartHubbub, &HUBBUB_STEPS, &choice).await;
            let janus = measure("janus", janus_version, &StartJanus, &JANUS_STEPS, &choice).await;
            let mediasoup = match mediasoup::version() {
                Some(version) => Some(measure("mediasoup", version, &StartMediasoup, &MEDIASOUP_STEPS, &choice).await),
                None => None,
            };
            let servers = document::Servers { hubbub, janus, mediasoup };
            if choice.scale == Scale::Quick || choice.row.is_some() {
                return servers.all().try_for_each(|(_, measured)| document::print(measured));
            }
            document::write(&servers)
        }
    }
}

/// The rows, as `--row` takes them.
const ROWS: [&str; 11] =
    ["large", "half", "redundant", "rooms", "pairs", "joins", "storm", "small", "hall", "flood", "growth"];

/// What is measured.
struct Choice {
    scale: Scale,
    /// A row alone.
    row: Option<String>,
}

impl Choice {
    /// Measures a row if it is wanted, and says how it went.
    #[expect(clippy::print_stderr, reason = "progress is for whoever waits")]
    async fn tell<T>(
        &self,
        row: &str,
        title: &str,
        max: Duration,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, String> {
        if self.row.as_ref().is_some_and(|wanted| wanted != row) {
            return Err("nobody asked for it".to_owned());
        }
        eprintln!("{title} …");
        let outcome = match tokio::time::timeout(max, work).await {
            Ok(outcome) => outcome.map_err(|error| error.to_string()),
            Err(_) => Err(format!("it took longer than {} s", max.as_secs())),
        };
        if let Err(error) = &outcome {
            eprintln!("{title}: {error}");
        }
        outcome
    }
}

async fn measure<S: Start>(name: &str, version: String, start: &S, steps: &[usize], choice: &Choice) -> Measured {
    let scale = choice.scale;
    let steps: Vec<usize> = steps.iter().map(|&step| scale.of(step)).collect();
    let all = TIMES * ROW_MAX;
    let title = |what: &str| format!("{name}: {what}");
    let calm = Newcomers { speakers: SPEAKERS, there: FEW, count: scale.of(JOINS), a_second: JOINS_A_SECOND };
    let storm = Newcomers { count: scale.of(STORM), a_second: STORM_A_SECOND, ..calm };
    let small = Newcomers { speakers: 0, ..calm };
    let hall = Newcomers { there: scale.of(MANY), ..small };
    let repair = Repair::default();
    let large = Rooms { count: 1, speakers: SPEAKERS, listeners: scale.of(300), repair };
    let half = Rooms { listeners: scale.of(150), ..large };
    let many = Rooms { count: scale.of(20), speakers: SPEAKERS, listeners: 7, repair };
    let pairs = Rooms { count: scale.of(500), speakers: 2, listeners: 0, repair };
    let redundant = async {
        let as_browsers = Rooms { repair: Repair { nack: true, red: true }, ..large };
        if S::REDUNDANCY { load(start, as_browsers).await } else { Err("its clients send plain Opus".into()) }
    };
    let beginning = Beginning::now();
    Measured {
        version,
        large: choice.tell("large", &title("3 speakers × 300 listeners"), ROW_MAX, load(start, large)).await,
        half: choice.tell("half", &title("3 speakers × 150 listeners"), ROW_MAX, load(start, half)).await,
        redundant: choice.tell("redundant", &title("the same with redundant audio"), ROW_MAX, redundant).await,
        rooms: choice.tell("rooms", &title("20 rooms × (3 + 7)"), ROW_MAX, load(start, many)).await,
        pairs: choice.tell("pairs", &title("500 rooms × 2"), ROW_MAX, load(start, pairs)).await,
        joins: choice.tell("joins", &title("300 joins, 100 a second"), all, joins(start, calm)).await,
        storm: choice.tell("storm", &title("900 joins, 300 a second"), all, joins(start, storm)).await,
        small: choice.tell("small", &title("300 joins to 20 who are silent"), all, joins(start, small)).await,
        hall: choice.tell("hall", &title("300 joins to 1000 who are silent"), all, joins(start, hall)).await,
        flood: choice
            .tell("flood", &title("a call that strangers flood"), ROW_MAX, flooded(start, scale.of(FLOODED)))
            .await,
        growth: choice.tell("growth", &title("as many listeners as go"), ROW_MAX, grow(start, &steps)).await,
        machine: beginning.until_now(),
    }
}
