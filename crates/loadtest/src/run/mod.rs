//! Carries a scenario out: everybody comes, media is measured, everybody leaves.

mod churn;
mod crowd;
mod find_max;
mod progress;
mod room_list;
mod sampler;
mod search;
mod watch;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep_until};

pub use progress::Progress;
pub use watch::Stop;

use crate::accounts::Account;
use crate::engine::{Engine, EngineConfig, PeerResult};
use crate::error::LoadTestError;
use crate::report::{Measurement, Report};
use crate::scenario::Scenario;
use crate::server_metrics::ServerMetrics;
use crate::session::RestClient;
use churn::Churn;
use crowd::Crowd;
use find_max::FindMaxRun;
use sampler::{Sampler, process_cpu};
use watch::ServerWatch;

/// Nobody leaves to come back so close to the end: there would be no time to hear anything.
const LAST_CHURN: Duration = Duration::from_secs(2);
/// How often it is looked at what is going on.
const LOOK: Duration = Duration::from_secs(1);

/// What a run needs beside the scenario.
pub struct Setting {
    /// The server.
    pub client: RestClient,
    /// Who the peers are.
    pub accounts: Vec<Account>,
    /// The server's metrics, and whether somebody asked for them: then it is an error when they cannot be read.
    pub metrics: Option<(ServerMetrics, bool)>,
    /// Threads that carry media.
    pub threads: usize,
    /// Where to say what is going on.
    pub progress: Progress,
    /// Told when somebody wants the test to end early.
    pub stop: Stop,
}

/// Carries a scenario out and says how it went.
///
/// # Errors
/// What makes the test impossible: a server that is not there or refuses logins, rooms or seats, too few accounts, a sound
/// file that is none. What happens to single peers later is in the report.
pub async fn run(scenario: &Scenario, setting: Setting) -> Result<Report, LoadTestError> {
    let Setting { client, accounts, metrics, threads, mut progress, mut stop } = setting;
    let needed = scenario.peers();
    if accounts.len() < needed {
        return Err(LoadTestError::TooFewAccounts { needed, available: accounts.len() });
    }
    let mut watch = ServerWatch::begin(metrics).await?;
    let config = EngineConfig {
        threads,
        audio: scenario.audio.clone(),
        uplink: scenario.uplink,
        downlink: scenario.downlink,
        repair: scenario.repair,
        seed: scenario.seed,
        ..EngineConfig::default()
    };
    let engine = tokio::task::spawn_blocking(move || Engine::start(config));
    let engine = Arc::new(
        engine
            .await
            .map_err(|e| LoadTestError::Engine { what: "starting the media threads", reason: e.to_string() })??,
    );
    let target = client.target().to_string();
    let loopback = client.target().require_loopback().is_ok();
    let pauses = engine.has_pauses();
    let mut crowd = Crowd::new(engine, client, accounts, scenario);

    progress.say("logging in and making rooms");
    let outcome = match crowd.prepare(scenario.peers(), &mut stop).await {
        Ok(()) => {
            watch.before_the_first().await;
            let started_at = SystemTime::now();
            let course = Course { started_at, sampler: Sampler::begin(), watch: &mut watch, threads, loopback };
            course.follow(scenario, &mut crowd, &mut progress, &mut stop).await
        }
        Err(e) => Err(e),
    };
    if crowd.size() > 0 {
        progress.say(&format!("{} peers leave", crowd.size()));
    }
    crowd.disperse().await;
    progress.end();
    let outcome = outcome?;

    Ok(Report::of(&Measurement {
        scenario: scenario.clone(),
        target,
        started_at: outcome.started_at,
        interrupted: stop.asked(),
        measured: outcome.measured,
        joins: crowd.joins,
        churned: outcome.churned,
        results: outcome.results,
        total: outcome.total,
        timeline: outcome.timeline,
        failed_joins: crowd.failed_joins,
        failures: crowd.failures,
        server: outcome.server,
        media_threads: threads,
        process_cpu: outcome.process_cpu,
        pauses,
        search: outcome.search,
    }))
}

/// What a run has in hand while it is under way.
struct Course<'a> {
    started_at: SystemTime,
    sampler: Sampler,
    watch: &'a mut ServerWatch,
    threads: usize,
    loopback: bool,
}

/// What came of it, while everybody is still there.
struct Outcome {
    started_at: SystemTime,
    measured: Duration,
    churned: usize,
    results: Vec<PeerResult>,
    total: crate::engine::Snapshot,
    timeline: Vec<crate::report::Moment>,
    server: Result<crate::report::Server, String>,
    process_cpu: Duration,
    search: Option<crate::report::Search>,
}

impl Course<'_> {
    async fn follow(
        mut self,
        scenario: &Scenario,
        crowd: &mut Crowd,
        progress: &mut Progress,
        stop: &mut Stop,
    ) -> Result<Outcome, LoadTestError> {
        self.sampler.new_window(crowd.engine(), false).await;
        self.watch.begin_window().await;
        let mut cpu = process_cpu();
        crowd.grow(scenario.peers(), &mut self.sampler, progress, stop).await?;

        let mut search = None;
        let mut churned = 0;
        if let Some(find_max) = &scenario.find_max {
            let run = FindMaxRun {
                find_max,
                scenario,
                sampler: &mut self.sampler,
                watch: &mut *self.watch,
                threads: self.threads,
                loopback: self.loopback,
            };
            let (found, began_cpu) = run.search(crowd, progress, stop).await;
            (search, cpu) = (Some(found), began_cpu);
        } else if !stop.asked() {
            self.sampler.new_window(crowd.engine(), true).await;
            self.watch.begin_window().await;
            cpu = process_cpu();
            churned = self.measure(scenario, crowd, progress, stop).await;
        }
        let total = crowd.engine().snapshot().await;
        let process_cpu = process_cpu().saturating_sub(cpu);
        let server = self.watch.end(total.connected, total.sent).await;
        let mut results = crowd.take_results();
        results.extend(crowd.engine().peers().await);
        let timeline = self.sampler.end(&total);
        let measured = total.elapsed;
        Ok(Outcome {
            started_at: self.started_at,
            measured,
            churned,
            results,
            total,
            timeline,
            server,
            process_cpu,
            search,
        })
    }

    /// Looks every second until the time is over or somebody stops it; how many left and came back.
    async fn measure(
        &mut self,
        scenario: &Scenario,
        crowd: &mut Crowd,
        progress: &mut Progress,
        stop: &mut Stop,
    ) -> usize {
        let begin = Instant::now();
        let end = begin + scenario.duration;
        let mut churn = Churn::new(scenario.churn_per_minute, scenario.seed);
        let mut next_look = begin + LOOK;
        let last_churn = end.checked_sub(LAST_CHURN.min(scenario.duration / 2)).unwrap_or(begin);
        let mut next_churn = churn.next_after(begin).filter(|at| *at < last_churn);
        while Instant::now() < end && !stop.asked() {
            let next = [Some(next_look), next_churn, Some(end)].into_iter().flatten().min().unwrap_or(end);
            tokio::select! {
                () = sleep_until(next) => {}
                () = crowd.one_is_done() => continue,
                () = stop.wait() => break,
            }
            let now = Instant::now();
            if next_churn.is_some_and(|at| now >= at) {
                crowd.replace_one(&mut churn);
                next_churn = churn.next_after(now).filter(|at| *at < last_churn);
            }
            if now >= next_look && now < end {
                let moment = self.sampler.look(crowd.engine()).await;
                progress.show("measuring", end.saturating_duration_since(now), &moment);
                next_look = (next_look + LOOK).max(now);
            }
        }
        crowd.until_nobody_moves().await;
        crowd.churned
    }
}
