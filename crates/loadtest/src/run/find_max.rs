//! `--find-max`: raises the load until it is too much, then narrows down, and says whose limit that was.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::LOOK;
use super::crowd::Crowd;
use super::progress::Progress;
use super::sampler::{Sampler, process_cpu};
use super::search::Search;
use super::watch::{ServerWatch, Stop};
use crate::engine::Snapshot;
use crate::error::LoadTestError;
use crate::machine::Machine;
use crate::report::{self, Quantiles, Trial, completeness, percent_of, verdict};
use crate::scenario::{FindMax, LARGEST_ROOM, MOST_ROOMS, Rooms, Scenario, Vary};
use crate::units::milliseconds;

/// How long a new load may settle before it is measured.
const SETTLE: Duration = Duration::from_secs(2);
/// The share of the peers that must be connected.
const CONNECTED: f64 = 0.99;

/// What a search works with.
pub(super) struct FindMaxRun<'a> {
    pub(super) find_max: &'a FindMax,
    pub(super) scenario: &'a Scenario,
    pub(super) sampler: &'a mut Sampler,
    pub(super) watch: &'a mut ServerWatch,
    pub(super) threads: usize,
    pub(super) loopback: bool,
}

/// Whose limit it was.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Blame {
    whose: &'static str,
    because: String,
    /// Whether the server did not want so many.
    refused: bool,
}

impl Blame {
    fn new(whose: &'static str, because: String) -> Self {
        Self { whose, because, refused: false }
    }
}

impl FindMaxRun<'_> {
    /// Tries loads until the largest is known, and measures that one last. What was found, and the CPU time of this program
    /// when the last measurement began.
    pub(super) async fn search(
        mut self,
        crowd: &mut Crowd,
        progress: &mut Progress,
        stop: &mut Stop,
    ) -> (report::Search, Duration) {
        let (first, most) = (self.first(), self.most(crowd.accounts()));
        let mut search = Search::new(first, most, self.find_max.precision_percent);
        let mut trials: Vec<Trial> = Vec::new();
        let mut blames: Vec<(usize, Blame)> = Vec::new();
        let mut cpu = process_cpu();
        while let Some(load) = search.next().filter(|_| !stop.asked()) {
            let mut outcome = self.try_load(load, crowd, progress, stop, &mut cpu).await;
            if outcome.1.as_ref().is_some_and(|blame| !blame.refused) && !stop.asked() {
                // Once may be chance, but a refusal is none.
                outcome = self.try_load(load, crowd, progress, stop, &mut cpu).await;
            }
            if stop.asked() {
                break;
            }
            let (trial, blame) = outcome;
            search.note(load, trial.kept);
            trials.push(trial);
            blames.extend(blame.map(|blame| (load, blame)));
        }
        if let Some(found) = search.found().filter(|found| trials.last().is_some_and(|last| last.load != *found))
            && !stop.asked()
        {
            // The rest of the report is about the load that was found.
            self.try_load(found, crowd, progress, stop, &mut cpu).await;
        }
        let blame = if stop.asked() {
            Blame::new("interrupted", "somebody ended the search early".to_owned())
        } else if search.reached_a_limit() {
            blames.into_iter().min_by_key(|(load, _)| *load).map_or_else(|| self.no_limit(most), |(_, blame)| blame)
        } else {
            self.no_limit(most)
        };
        let found = report::Search {
            vary: self.find_max.vary.name(),
            found: search.found(),
            limited_by: blame.whose,
            because: blame.because,
            max_loss_percent: self.find_max.max_loss_percent,
            max_latency_p99_milliseconds: milliseconds(self.find_max.max_latency_p99),
            trials,
        };
        (found, cpu)
    }

    fn first(&self) -> usize {
        match self.find_max.vary {
            Vary::Listeners => self.scenario.listeners.max(1),
            Vary::Rooms => self.scenario.rooms.count(),
        }
    }

    /// The largest load that can be tried.
    fn most(&self, accounts: usize) -> usize {
        let (by_accounts, at_all) = match self.find_max.vary {
            Vary::Listeners => {
                let a_room = accounts / self.scenario.rooms.count().max(1);
                (a_room.saturating_sub(self.scenario.speakers), LARGEST_ROOM - self.scenario.speakers.min(LARGEST_ROOM))
            }
            Vary::Rooms => (accounts / self.scenario.peers_per_room().max(1), MOST_ROOMS),
        };
        by_accounts.min(at_all).min(self.find_max.at_most.unwrap_or(usize::MAX)).max(1)
    }

    fn peers(&self, load: usize) -> usize {
        match self.find_max.vary {
            Vary::Listeners => self.scenario.rooms.count() * (self.scenario.speakers + load),
            Vary::Rooms => load * self.scenario.peers_per_room(),
        }
    }

    async fn try_load(
        &mut self,
        load: usize,
        crowd: &mut Crowd,
        progress: &mut Progress,
        stop: &mut Stop,
        cpu: &mut Duration,
    ) -> (Trial, Option<Blame>) {
        let peers = self.peers(load);
        crowd.shrink(peers).await;
        let arrived = match crowd.prepare(peers, stop).await {
            Ok(()) => crowd.grow(peers, self.sampler, progress, stop).await,
            Err(e) => Err(e),
        };
        tokio::select! {
            () = sleep(if arrived.is_ok() { SETTLE } else { Duration::ZERO }) => {}
            () = stop.wait() => {}
        }
        self.sampler.new_window(crowd.engine(), true).await;
        self.watch.begin_window().await;
        *cpu = process_cpu();
        let machine = Machine::now();
        let end = Instant::now() + self.find_max.hold;
        while arrived.is_ok() && Instant::now() < end && !stop.asked() {
            let left = end.saturating_duration_since(Instant::now());
            tokio::select! {
                () = sleep(left.min(LOOK)) => {}
                () = stop.wait() => {}
            }
            let moment = self.sampler.look(crowd.engine()).await;
            progress.show(&format!("trying {load} {}", self.find_max.vary.name()), left, &moment);
        }
        let snapshot = crowd.engine().snapshot().await;
        let server = self.watch.end(snapshot.connected, snapshot.sent).await.ok();
        let busy = machine.and_then(|machine| machine.busy_percent_until_now());
        let failure = arrived.as_ref().err();
        let starved = if failure.is_none() {
            let (engine, scenario) = (crowd.engine(), self.scenario);
            completeness::starved(scenario, engine.has_pauses(), &engine.peers().await, snapshot.elapsed)
        } else {
            None
        };
        let exceeded = exceeded(self.find_max, peers, &snapshot, starved, failure);
        let trial = self.trial(load, &snapshot, server.map(|server| server.cpu_percent), &exceeded);
        let blame = (!trial.kept).then(|| self.blame(&trial, &snapshot, failure, busy));
        (trial, blame)
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    fn trial(&self, load: usize, snapshot: &Snapshot, server_cpu_percent: Option<f64>, exceeded: &[String]) -> Trial {
        let seconds = snapshot.elapsed.as_secs_f64().max(f64::EPSILON);
        Trial {
            load,
            peers: snapshot.connected,
            loss_percent: percent_of(snapshot.lost, snapshot.received),
            latency_milliseconds: Quantiles::of_histogram(&snapshot.latency),
            packets_per_second: snapshot.received as f64 / seconds,
            generator_cpu_percent: verdict::cpu_percent(&snapshot.generator, self.threads, snapshot.elapsed),
            server_cpu_percent,
            kept: exceeded.is_empty(),
            exceeded: exceeded.join(", "),
        }
    }

    /// Whose fault a load that was too much is.
    fn blame(&self, trial: &Trial, snapshot: &Snapshot, failure: Option<&LoadTestError>, busy: Option<f64>) -> Blame {
        match failure {
            Some(LoadTestError::Engine { .. }) => {
                return Blame::new("generator", format!("the load tester itself: {}", trial.exceeded));
            }
            Some(LoadTestError::Refused { .. }) => {
                return Blame { refused: true, ..Blame::new("server", trial.exceeded.clone()) };
            }
            _ => {}
        }
        let reasons = verdict::overloaded(&snapshot.generator, trial.generator_cpu_percent);
        if let Some(reason) = reasons.first() {
            return Blame::new("generator", format!("the load tester itself: {reason}"));
        }
        if let Some(busy) = busy.filter(|busy| self.loopback && failure.is_none() && *busy > Machine::FULL) {
            let because = format!(
                "this machine: server and load tester share it, and all its cores were busy for {busy:.0} % of the time"
            );
            return Blame::new("machine", because);
        }
        Blame::new("server", format!("the server: {}", trial.exceeded))
    }

    /// Nothing was too much.
    fn no_limit(&self, most: usize) -> Blame {
        if self.find_max.at_most == Some(most) {
            return Blame::new("at-most", format!("nothing: {most} were asked for at most"));
        }
        let fixed = matches!(self.scenario.rooms, Rooms::Existing(_));
        if self.find_max.vary == Vary::Listeners && self.scenario.speakers + most == LARGEST_ROOM && !fixed {
            return Blame::new("at-most", format!("nothing: a room has {LARGEST_ROOM} seats at most"));
        }
        Blame::new("accounts", format!("nothing but the number of accounts, which is enough for {most}"))
    }
}

/// What was too much for so many peers; empty when nothing was.
#[expect(clippy::cast_precision_loss, reason = "a share")]
fn exceeded(
    find_max: &FindMax,
    peers: usize,
    snapshot: &Snapshot,
    starved: Option<usize>,
    failure: Option<&LoadTestError>,
) -> Vec<String> {
    let loss_percent = percent_of(snapshot.lost, snapshot.received);
    let latency = Quantiles::of_histogram(&snapshot.latency);
    let mut exceeded = Vec::new();
    if let Some(failure) = failure {
        exceeded.push(failure.to_string().split_whitespace().collect::<Vec<_>>().join(" "));
    }
    if (snapshot.connected as f64) < peers as f64 * CONNECTED {
        exceeded.push(format!("{} of {peers} peers connected", snapshot.connected));
    }
    if failure.is_none() && latency.count == 0 {
        exceeded.push("nothing was heard".to_owned());
    }
    if loss_percent > find_max.max_loss_percent {
        exceeded.push(format!("loss {loss_percent:.3} %"));
    }
    if let Some(starved) = starved.filter(|starved| *starved > 0) {
        exceeded.push(format!("{starved} of {peers} peers starved"));
    }
    if latency.p99 > milliseconds(find_max.max_latency_p99) {
        exceeded.push(format!("latency p99 {:.1} ms", latency.p99));
    }
    exceeded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Histogram;

    /// A hundred peers who hear everything within 1 ms.
    fn snapshot() -> Snapshot {
        let mut latency = Histogram::default();
        latency.note(1_000);
        Snapshot {
            elapsed: Duration::from_secs(10),
            connected: 100,
            sent: 1_500,
            received: 150_000,
            latency,
            ..Snapshot::of_nothing()
        }
    }

    #[test]
    fn each_way_of_being_too_much_is_named() {
        let exceeded = |snapshot: &Snapshot, starved| exceeded(&FindMax::default(), 100, snapshot, starved, None);
        let fine = snapshot();
        assert_eq!((exceeded(&fine, Some(0)), exceeded(&fine, None)), (Vec::new(), Vec::new()));
        assert_eq!(exceeded(&fine, Some(1)), ["1 of 100 peers starved"], "without any loss");
        assert_eq!(exceeded(&Snapshot { lost: 1_500, ..fine.clone() }, None), ["loss 0.990 %"]);
        assert_eq!(exceeded(&Snapshot { connected: 98, ..fine.clone() }, None), ["98 of 100 peers connected"]);
        assert_eq!(exceeded(&Snapshot { latency: Histogram::default(), ..fine.clone() }, None), ["nothing was heard"]);
        let mut latency = Histogram::default();
        latency.note(60_000);
        let late = exceeded(&Snapshot { latency, ..fine }, None);
        assert!(late.len() == 1 && late[0].starts_with("latency p99 6"), "{late:?}");
    }
}
