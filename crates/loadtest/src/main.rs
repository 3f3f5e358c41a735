//! `hubbub-loadtest`: puts synthetic peers into rooms and says what they heard.

mod cli;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use hubbub_loadtest::run::{Progress, Setting, Stop};
use hubbub_loadtest::server_metrics::{DEFAULT_URL, ServerMetrics};
use hubbub_loadtest::session::RestClient;
use hubbub_loadtest::{Account, Scenario, Target, report, run};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use cli::{Command, CommandLine, RunArguments};

/// The exit code after a second Ctrl-C: 128 and the number of the signal, as shells have it.
const INTERRUPTED: u8 = 130;

#[tokio::main]
async fn main() -> ExitCode {
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(e) if e.use_stderr() => return complain(&clap_says(&e)),
        Err(e) => e.exit(),
    };
    let outcome = match line.command() {
        Ok(Command::Check { scenario }) => check(&scenario),
        Ok(Command::Run(arguments)) => run(&arguments).await,
        Err(e) => Err(e),
    };
    outcome.unwrap_or_else(|error| complain(&error))
}

/// The exit code, when the test could run.
async fn run(arguments: &RunArguments) -> Result<ExitCode, String> {
    let level = if arguments.quiet { "hubbub_loadtest=error" } else { "hubbub_loadtest=info" };
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level)))
        .with_writer(std::io::stderr)
        .init();
    let scenario = arguments.scenario()?;
    let target = Target::parse(&arguments.url).map_err(|e| e.to_string())?;
    let loopback = target.require_loopback();
    if !arguments.i_own_this_server {
        loopback.as_ref().map_err(ToString::to_string)?;
    }
    let metrics = match (&arguments.metrics_url, loopback) {
        (Some(url), _) => Some((ServerMetrics::new(url).map_err(|e| e.to_string())?, true)),
        (None, Ok(())) => Some((ServerMetrics::new(DEFAULT_URL).map_err(|e| e.to_string())?, false)),
        (None, Err(_)) => None,
    };
    let accounts = Account::read_all(&arguments.accounts).map_err(|e| e.to_string())?;
    if let Some(path) = &arguments.html {
        // Before the test, not after it.
        std::fs::write(path, "").map_err(|e| format!("the report {} cannot be written: {e}", path.display()))?;
    }
    let client = RestClient::new(target).map_err(|e| e.to_string())?;
    let (stop_sender, stop) = Stop::new();
    tokio::spawn(interrupt(stop_sender));
    let setting = Setting {
        client,
        accounts,
        metrics,
        threads: arguments.threads.into(),
        progress: Progress::new(arguments.quiet),
        stop,
    };
    let report = run::run(&scenario, setting).await.map_err(|e| e.to_string())?;
    if let Some(path) = &arguments.html {
        std::fs::write(path, report::html::page(&report))
            .map_err(|e| format!("the report {} cannot be written: {e}", path.display()))?;
    }
    print(&if arguments.json { report.to_json() } else { report.to_string() });
    Ok(if report.limits.iter().all(|limit| limit.kept) { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn check(path: &Path) -> Result<ExitCode, String> {
    let scenario = Scenario::read(path).map_err(|e| e.to_string())?;
    print(&report::describe(&scenario));
    Ok(ExitCode::SUCCESS)
}

/// The first Ctrl-C ends the test, the second one the program.
async fn interrupt(stop: watch::Sender<bool>) {
    if tokio::signal::ctrl_c().await.is_ok() {
        // Nobody listens when the test has ended.
        let _ = stop.send(true);
    }
    if tokio::signal::ctrl_c().await.is_ok() {
        std::process::exit(INTERRUPTED.into());
    }
}

/// Without the usage that clap adds: one line.
fn clap_says(error: &clap::Error) -> String {
    let text = error.to_string();
    let first: Vec<&str> =
        text.lines().take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more")).collect();
    let words = first.join(" ");
    format!("{}; see hubbub-loadtest --help", words.trim_start_matches("error: ").trim())
}

#[expect(clippy::print_stdout, reason = "the report is what this program is for")]
fn print(text: &str) {
    println!("{}", text.trim_end());
}

/// One line, whatever the error's text looks like.
#[expect(clippy::print_stderr, reason = "errors go to standard error, not into the log")]
fn complain(error: &str) -> ExitCode {
    let words: Vec<&str> = error.split_whitespace().collect();
    eprintln!("hubbub-loadtest: {}", words.join(" "));
    ExitCode::from(2)
}
