//! What to do: rooms, who is in them, how they come and go, how they speak, and what their networks do.

mod file;
mod section;

use std::path::{Path, PathBuf};
use std::time::Duration;

use uuid::Uuid;

pub use section::ScenarioError;

use crate::engine::{Impairment, Repair, TalkPattern};

/// Most seats a room has (`POST /api/rooms`).
pub const LARGEST_ROOM: usize = 10_000;
/// Fewest seats a room has.
pub const SMALLEST_ROOM: usize = 2;
/// Rooms of one scenario, at most.
pub const MOST_ROOMS: usize = 10_000;

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// What it is called in the report.
    pub name: String,
    /// Where.
    pub rooms: Rooms,
    /// Peers in each room that speak.
    pub speakers: usize,
    /// Peers in each room that only listen.
    pub listeners: usize,
    /// For how long it is measured, once everybody is there.
    pub duration: Duration,
    /// How everybody comes.
    pub ramp: Ramp,
    /// When speakers speak.
    pub talk: TalkPattern,
    /// The Ogg Opus file that they speak; `None`: the built-in sound.
    pub audio: Option<PathBuf>,
    /// How many leave in a minute while it is measured; each comes back at once.
    pub churn_per_minute: f64,
    /// What packets to the server meet.
    pub uplink: Impairment,
    /// What packets from the server meet.
    pub downlink: Impairment,
    /// What peers offer to do about lost packets.
    pub repair: Repair,
    /// For everything random.
    pub seed: u64,
    /// What makes the test fail.
    pub limits: Limits,
    /// Whether to look for the largest load instead, and how.
    pub find_max: Option<FindMax>,
}

/// Where peers meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rooms {
    /// So many rooms that are made for the test and deleted after it.
    New(usize),
    /// A room that exists already.
    Existing(Uuid),
}

impl Rooms {
    /// How many.
    #[must_use]
    pub const fn count(&self) -> usize {
        match self {
            Self::New(count) => *count,
            Self::Existing(_) => 1,
        }
    }
}

/// How peers come in the beginning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ramp {
    /// So many a second.
    PerSecond(f64),
    /// All of them, evenly spread over this time.
    Over(Duration),
}

impl Ramp {
    /// How long the ramp's beginning is before the join of the peer with this index, of `peers` in all.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "numbers of peers are far below 2^52")]
    pub fn starts_after(&self, index: usize, peers: usize) -> Duration {
        match self {
            Self::PerSecond(rate) => Duration::from_secs_f64(index as f64 / rate),
            Self::Over(time) => time.mul_f64(index as f64 / peers.max(1) as f64),
        }
    }
}

/// Limits; the test fails (exit code 1) when one is passed. `None`: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Packets lost, in percent.
    pub loss_percent: Option<f64>,
    /// Peers that heard less than they should.
    pub starved: Option<usize>,
    /// One-way latency, the 99th percentile.
    pub latency_p99: Option<Duration>,
    /// Time to join, the 95th percentile.
    pub join_p95: Option<Duration>,
    /// The mean opinion score.
    pub mos: Option<f64>,
}

/// What `--find-max` raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vary {
    /// The listeners of each room.
    Listeners,
    /// The rooms.
    Rooms,
}

impl Vary {
    /// What is counted.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listeners => "listeners",
            Self::Rooms => "rooms",
        }
    }
}

/// How to look for the largest load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FindMax {
    /// What is raised, beginning with the number in the scenario.
    pub vary: Vary,
    /// Packets lost at which it is too much, in percent.
    pub max_loss_percent: f64,
    /// One-way latency (99th percentile) at which it is too much.
    pub max_latency_p99: Duration,
    /// For how long each load is measured.
    pub hold: Duration,
    /// Where to stop looking.
    pub at_most: Option<usize>,
    /// How exactly to look, in percent of the result.
    pub precision_percent: f64,
}

impl Default for FindMax {
    fn default() -> Self {
        Self {
            vary: Vary::Listeners,
            max_loss_percent: 0.1,
            max_latency_p99: Duration::from_millis(50),
            hold: Duration::from_secs(10),
            at_most: None,
            precision_percent: 5.0,
        }
    }
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            name: String::new(),
            rooms: Rooms::New(1),
            speakers: 3,
            listeners: 20,
            duration: Duration::from_secs(30),
            ramp: Ramp::PerSecond(50.0),
            talk: TalkPattern::Continuous,
            audio: None,
            churn_per_minute: 0.0,
            uplink: Impairment::default(),
            downlink: Impairment::default(),
            repair: Repair::default(),
            seed: 1,
            limits: Limits::default(),
            find_max: None,
        }
    }
}

impl Scenario {
    /// Reads a scenario file. Sound files are looked for beside it.
    ///
    /// # Errors
    /// The first mistake, with its line and what would be right.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| ScenarioError::Unreadable { path: path.to_owned(), reason: e.to_string() })?;
        let mut scenario = file::parse(&text)
            .map_err(|mistake| ScenarioError::Wrong { path: path.to_owned(), mistake: Box::new(mistake) })?;
        if let (Some(audio), Some(folder)) = (&scenario.audio, path.parent()) {
            scenario.audio = Some(folder.join(audio));
        }
        if scenario.name.is_empty() {
            scenario.name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        }
        Ok(scenario)
    }

    /// Peers that run at the same time.
    #[must_use]
    pub const fn peers(&self) -> usize {
        self.rooms.count() * self.peers_per_room()
    }

    /// Peers of one room.
    #[must_use]
    pub const fn peers_per_room(&self) -> usize {
        self.speakers + self.listeners
    }

    /// Whether all that is sent should be heard: everybody speaks without pauses and stays, and networks are as they are.
    #[must_use]
    pub fn is_undisturbed(&self) -> bool {
        let talks_on = self.talk == TalkPattern::Continuous;
        talks_on && self.churn_per_minute <= 0.0 && self.uplink.is_none() && self.downlink.is_none()
    }

    /// What no key alone can say, whether it was written in a file or as options.
    ///
    /// # Errors
    /// What is wrong and what would be right.
    pub fn check(&self) -> Result<(), String> {
        let peers = self.peers_per_room();
        if peers == 0 {
            return Err("a room without speakers and listeners: expected at least one of them".to_owned());
        }
        if peers > LARGEST_ROOM {
            return Err(format!(
                "{peers} speakers and listeners in one room: expected at most {LARGEST_ROOM}, or more rooms"
            ));
        }
        if self.limits.starved.is_some() && !self.is_undisturbed() {
            return Err("with spurts, churn or impairment nobody can tell who is starved: expected none of these, or \
                        no limit of starved peers"
                .to_owned());
        }
        if let Some(search) = &self.find_max {
            if self.churn_per_minute > 0.0 {
                return Err("no largest load is looked for with churn: expected no [churn], or no find_max".to_owned());
            }
            if search.vary == Vary::Rooms && matches!(self.rooms, Rooms::Existing(_)) {
                return Err("the largest number of rooms cannot be found in one existing room: expected a number of \
                            rooms or listeners to be raised"
                    .to_owned());
            }
            if self.speakers == 0 {
                return Err("without speakers no largest load can be found: expected at least one speaker".to_owned());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_spreads_peers_evenly() {
        let starts = |ramp: Ramp| [0, 1, 4].map(|i| ramp.starts_after(i, 8).as_millis());
        assert_eq!(starts(Ramp::PerSecond(4.0)), [0, 250, 1000]);
        assert_eq!(starts(Ramp::Over(Duration::from_secs(8))), [0, 1000, 4000]);
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let refused = |change: fn(&mut Scenario)| {
            let mut scenario = Scenario::default();
            change(&mut scenario);
            scenario.check().unwrap_err()
        };
        assert_eq!(Scenario::default().check(), Ok(()));
        assert!(refused(|s| (s.speakers, s.listeners) = (0, 0)).contains("at least one"));
        assert!(refused(|s| s.listeners = 10_000).contains("at most 10000"));
        let rooms = |s: &mut Scenario| {
            s.rooms = Rooms::Existing(Uuid::nil());
            s.find_max = Some(FindMax { vary: Vary::Rooms, ..FindMax::default() });
        };
        assert!(refused(rooms).contains("one existing room"));
        let churn = |s: &mut Scenario| (s.churn_per_minute, s.find_max) = (1.0, Some(FindMax::default()));
        assert!(refused(churn).contains("expected no [churn]"));
        let starved = |s: &mut Scenario| (s.downlink.loss, s.limits.starved) = (0.1, Some(0));
        assert!(refused(starved).contains("nobody can tell who is starved"));
        assert!(refused(|s| (s.speakers, s.find_max) = (0, Some(FindMax::default()))).contains("at least one speaker"));
    }
}
