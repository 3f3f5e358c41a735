//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use hubbub_loadtest::engine::Repair;
use hubbub_loadtest::scenario::{FindMax, Rooms, Scenario, Vary};
use hubbub_loadtest::units;
use uuid::Uuid;

/// Puts synthetic peers into rooms of a Hubbub server and reports what they heard of each other.
///
/// They use nothing but what any client uses: REST, the WebSocket, ICE, DTLS and SRTP. Exit code 0: done, and every limit
/// that was given was kept; 1: a limit was passed; 2: the test could not run. Ctrl-C ends a test early, with a report.
/// docs/LOADTEST.md says how to prepare a server and how to read the report.
#[derive(Debug, Parser)]
#[command(name = "hubbub-loadtest", version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Option<RunArguments>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs a test; without a scenario file the options say what to do
    Run(Box<RunArguments>),
    /// Reads a scenario file and says what it would do
    Check {
        /// The scenario file
        scenario: PathBuf,
    },
}

/// How to run a test.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// The scenario file; options win over what it says
    pub(crate) scenario: Option<PathBuf>,
    /// The server
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub(crate) url: String,
    /// The accounts to use, one a peer: a file that hubbub admin users create wrote, or [{"email": "...", "password": "..."}, ...]
    #[arg(long)]
    pub(crate) accounts: PathBuf,
    /// The id of a room that exists, the last part of its address in the browser; without it rooms are made and deleted
    #[arg(long)]
    room: Option<Uuid>,
    /// How many rooms to make
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=10_000), conflicts_with = "room")]
    rooms: Option<u16>,
    /// How many peers of each room speak; 3 without a scenario
    #[arg(long)]
    speakers: Option<usize>,
    /// How many peers of each room only listen; 20 without a scenario
    #[arg(long)]
    listeners: Option<usize>,
    /// For how long it is measured once everybody is there: 500ms, 30s, 10m, 2h; 30s without a scenario
    #[arg(long, value_parser = positive_duration)]
    duration: Option<Duration>,
    /// For everything random: the same seed draws the same losses, pauses and leaves
    #[arg(long)]
    seed: Option<u64>,
    /// What peers offer to do about lost packets: nack,red as browsers do, one of them, or none; none without a scenario
    #[arg(long, value_name = "HOW", value_delimiter = ',')]
    repair: Vec<How>,
    /// Look for the most listeners of each room, or the most rooms, that the server can serve
    #[arg(long, value_name = "WHAT")]
    find_max: Option<What>,
    /// With --find-max: packets lost at which it is too much, in percent; 0.1 if not given
    #[arg(long, value_name = "PERCENT", value_parser = units::percent)]
    max_loss: Option<f64>,
    /// With --find-max: latency (p99) at which it is too much; 50ms if not given
    #[arg(long, value_name = "DURATION", value_parser = positive_duration)]
    max_latency_p99: Option<Duration>,
    /// With --find-max: where to stop looking
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    at_most: Option<u32>,
    /// Exit with 1 when more packets are lost, in percent
    #[arg(long, value_name = "PERCENT", value_parser = units::percent)]
    fail_if_loss_over: Option<f64>,
    /// Exit with 1 when more peers hear less than 99.5 % of what others say; not with spurts, churn or impairment
    #[arg(long, value_name = "NUMBER")]
    fail_if_starved_over: Option<usize>,
    /// Exit with 1 when the latency (p99) is longer
    #[arg(long, value_name = "DURATION", value_parser = units::duration)]
    fail_if_latency_p99_over: Option<Duration>,
    /// Exit with 1 when joining (p95) takes longer
    #[arg(long, value_name = "DURATION", value_parser = units::duration)]
    fail_if_join_p95_over: Option<Duration>,
    /// Exit with 1 when more than 5 of 100 listeners have a lower MOS, 1 to 4.5
    #[arg(long, value_name = "MOS", value_parser = mos)]
    fail_if_mos_under: Option<f64>,
    /// Where the server's Prometheus metrics are; if not given, http://127.0.0.1:9464/metrics is tried for a server on this machine
    #[arg(long, value_name = "URL")]
    pub(crate) metrics_url: Option<String>,
    /// How many threads carry media
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: u16,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the report as one HTML page, too
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Say nothing but the report
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Allow a server that is not this machine
    #[arg(long)]
    pub(crate) i_own_this_server: bool,
}

/// How lost packets are repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum How {
    /// Nothing, whatever the scenario says
    None,
    /// Ask for them again (RFC 4585)
    Nack,
    /// Send each packet once more inside the next one (RFC 2198)
    Red,
}

/// What can be raised.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    Listeners,
    Rooms,
}

impl CommandLine {
    /// What to do; without a command: to run.
    ///
    /// # Errors
    /// In one line, when there is nothing to do.
    pub(crate) fn command(self) -> Result<Command, String> {
        match (self.command, self.run) {
            (Some(command), _) => Ok(command),
            (None, Some(run)) => Ok(Command::Run(Box::new(run))),
            (None, None) => Err("--accounts FILE is missing; see hubbub-loadtest --help".to_owned()),
        }
    }
}

impl RunArguments {
    /// The scenario of the file, or the default one, with what the options say.
    ///
    /// # Errors
    /// What is wrong with the file or with both together, in one line.
    pub(crate) fn scenario(&self) -> Result<Scenario, String> {
        let mut scenario = match &self.scenario {
            Some(path) => Scenario::read(path).map_err(|e| e.to_string())?,
            None => Scenario::default(),
        };
        if let Some(id) = self.room {
            scenario.rooms = Rooms::Existing(id);
        }
        if let Some(count) = self.rooms {
            scenario.rooms = Rooms::New(count.into());
        }
        scenario.speakers = self.speakers.unwrap_or(scenario.speakers);
        scenario.listeners = self.listeners.unwrap_or(scenario.listeners);
        scenario.duration = self.duration.unwrap_or(scenario.duration);
        scenario.seed = self.seed.unwrap_or(scenario.seed);
        if !self.repair.is_empty() {
            let offers = |how| self.repair.contains(&how);
            scenario.repair = Repair { nack: offers(How::Nack), red: offers(How::Red) };
        }
        let limits = &mut scenario.limits;
        limits.loss_percent = self.fail_if_loss_over.or(limits.loss_percent);
        limits.starved = self.fail_if_starved_over.or(limits.starved);
        limits.latency_p99 = self.fail_if_latency_p99_over.or(limits.latency_p99);
        limits.join_p95 = self.fail_if_join_p95_over.or(limits.join_p95);
        limits.mos = self.fail_if_mos_under.or(limits.mos);
        self.search(&mut scenario)?;
        scenario.check()?;
        Ok(scenario)
    }

    fn search(&self, scenario: &mut Scenario) -> Result<(), String> {
        if let Some(what) = self.find_max {
            let vary = match what {
                What::Listeners => Vary::Listeners,
                What::Rooms => Vary::Rooms,
            };
            scenario.find_max = Some(FindMax { vary, ..scenario.find_max.unwrap_or_default() });
        }
        let given = self.max_loss.is_some() || self.max_latency_p99.is_some() || self.at_most.is_some();
        match &mut scenario.find_max {
            Some(search) => {
                search.max_loss_percent = self.max_loss.unwrap_or(search.max_loss_percent);
                search.max_latency_p99 = self.max_latency_p99.unwrap_or(search.max_latency_p99);
                search.at_most = self.at_most.map(|most| most as usize).or(search.at_most);
                Ok(())
            }
            None if given => Err("--max-loss, --max-latency-p99 and --at-most need --find-max listeners or \
                                  --find-max rooms"
                .to_owned()),
            None => Ok(()),
        }
    }
}

fn positive_duration(text: &str) -> Result<Duration, String> {
    units::duration(text).and_then(|duration| {
        if duration.is_zero() {
            Err("expected a duration longer than nothing, such as 30s".to_owned())
        } else {
            Ok(duration)
        }
    })
}

fn mos(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (1.0..=4.5).contains(number));
    number.ok_or_else(|| format!("{text:?} is not a mean opinion score from 1 to 4.5"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn scenario(arguments: &str) -> Result<Scenario, String> {
        let line = CommandLine::try_parse_from(format!("hubbub-loadtest {arguments}").split_whitespace());
        match line.map_err(|e| e.to_string())?.command()? {
            Command::Run(run) => run.scenario(),
            Command::Check { .. } => Err("check".to_owned()),
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        <CommandLine as CommandFactory>::command().debug_assert();
    }

    #[test]
    fn options_alone_are_a_scenario_with_and_without_run() {
        let id = "0192a0b0-0000-7000-8000-000000000000";
        let options = format!("--accounts a.json --room {id} --speakers 2 --listeners 5 --duration 1s");
        let expected = Scenario {
            rooms: Rooms::Existing(id.parse().unwrap()),
            speakers: 2,
            listeners: 5,
            duration: Duration::from_secs(1),
            ..Scenario::default()
        };
        assert_eq!(scenario(&options), Ok(expected.clone()));
        assert_eq!(scenario(&format!("run {options}")), Ok(expected));
        assert_eq!(scenario("--accounts a.json"), Ok(Scenario::default()));
    }

    #[test]
    fn what_repairs_can_be_named_one_by_one_or_both() {
        let repair = |options: &str| scenario(&format!("--accounts a.json {options}")).unwrap().repair;
        assert_eq!(repair(""), Repair::default());
        assert_eq!(repair("--repair nack"), Repair { nack: true, red: false });
        assert_eq!(repair("--repair none"), Repair::default());
        assert_eq!(repair("--repair red"), Repair { nack: false, red: true });
        assert_eq!(repair("--repair nack,red"), Repair { nack: true, red: true });
    }

    #[test]
    fn options_win_over_the_file() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("lecture.toml");
        std::fs::write(
            &path,
            "speakers = 1\nlisteners = 50\n[fail_if]\nloss_percent_over = 1\n[find_max]\nvary = \"rooms\"",
        )
        .unwrap();
        let read = scenario(&format!(
            "run {} --accounts a.json --listeners 9 --fail-if-loss-over 0.5% --fail-if-starved-over 4 --at-most 70",
            path.display()
        ))
        .unwrap();
        assert_eq!((read.name.as_str(), read.speakers, read.listeners), ("lecture", 1, 9));
        assert_eq!((read.limits.loss_percent, read.limits.starved), (Some(0.5), Some(4)));
        let search = read.find_max.unwrap();
        assert_eq!((search.vary, search.at_most), (Vary::Rooms, Some(70)));
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        for (arguments, expected) in [
            ("", "--accounts"),
            ("--accounts a --max-loss 1", "need --find-max"),
            ("--accounts a --speakers 0 --listeners 0", "at least one of them"),
            ("--accounts a --fail-if-mos-under 9", "from 1 to 4.5"),
            ("--accounts a --duration 0s", "longer than nothing"),
            ("--accounts a --max-loss 101", "from 0 to 100"),
            ("--accounts a --find-max speakers", "listeners, rooms"),
            ("--accounts a --repair fec", "nack, red"),
        ] {
            let error = scenario(arguments).unwrap_err();
            assert!(error.contains(expected), "{arguments}: {error}");
        }
    }
}
