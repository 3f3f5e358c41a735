//! `hubbub doctor`: looks at everything a server needs and says, in a line each, whether it is there and what to do if not.
//!
//! It changes nothing: ports are bound for a moment, a write to the database is rolled back, a relay that was allocated is given
//! back, and no mail is sent unless asked for. It runs beside a server or without one. Nobody is contacted but those the
//! configuration and the command line name, and a time server, which `--offline` leaves out too. docs/DOCTOR.md explains
//! every line.

mod addresses;
mod certificate;
mod clock;
mod database;
mod finding;
mod http;
mod machine;
mod mail;
mod media;
mod names;
mod redirect;
mod stun;
mod tls;
mod turn;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::config::{Config, ConfigError};
use finding::{Finding, Report};

/// How long any check may take; each has shorter limits of its own.
const DEADLINE: Duration = Duration::from_secs(30);

/// What to look at and how to say it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Prints one JSON object instead of lines.
    #[arg(long)]
    json: bool,
    /// Sends a test mail there; without this no mail is sent.
    #[arg(long, value_name = "ADDRESS")]
    send_test_mail: Option<String>,
    /// A STUN server outside that is asked how it sees this machine, besides those of the configuration.
    #[arg(long, value_name = "stun:HOST:PORT")]
    stun: Vec<String>,
    /// The time server that the clock is compared with (SNTP).
    #[arg(long, value_name = "HOST[:PORT]", default_value = "pool.ntp.org")]
    time_server: String,
    /// Asks no STUN server and no time server.
    #[arg(long)]
    offline: bool,
}

/// What every check sees.
pub(crate) struct Doctor {
    config: Config,
    arguments: Arguments,
    /// Whether a Hubbub answers at `http.bind`.
    server_runs: bool,
}

/// Checks everything, prints what was found, and tells whether nothing fails.
pub(crate) async fn run(read: Result<(Config, Option<PathBuf>), ConfigError>, arguments: Arguments) -> bool {
    let json = arguments.json;
    let report = match read {
        Ok((config, file)) => examine(config, file, arguments).await,
        Err(error) => {
            let advice = "correct it; nothing else was looked at. `hubbub config defaults` explains every key";
            Report::new(vec![Finding::fails("configuration", error.to_string(), advice)])
        }
    };
    crate::say(&if json { report.json() } else { report.text() });
    report.is_well()
}

async fn examine(config: Config, file: Option<PathBuf>, arguments: Arguments) -> Report {
    let mut findings = vec![configuration(&config, file)];
    let (http, server_runs) = http::listener(&config).await;
    findings.push(http);
    let doctor = Arc::new(Doctor { config, arguments, server_runs });
    findings.extend(certificate::check(&doctor));
    // In the order in which they are told.
    let checks = [
        start("redirect port", &doctor, |doctor| async move { redirect::check(&doctor).await }),
        start("metrics port", &doctor, |doctor| async move { http::metrics(&doctor).await }),
        start("public url", &doctor, |doctor| async move { http::public_url(&doctor).await }),
        start("media ports", &doctor, |doctor| async move { media::check(&doctor).await }),
        start("turn", &doctor, |doctor| async move { turn::check(&doctor).await }),
        start("database", &doctor, |doctor| async move { vec![database::check(&doctor).await] }),
        start("mail", &doctor, |doctor| async move { vec![mail::check(&doctor).await] }),
        start("clock", &doctor, |doctor| async move { vec![clock::check(&doctor).await] }),
        start("machine", &doctor, |doctor| async move { machine::check(&doctor).await }),
    ];
    for (name, check) in checks {
        findings.extend(check.await.unwrap_or_else(|error| {
            vec![Finding::fails(name, format!("the check itself broke off: {error}"), "report this as a bug")]
        }));
    }
    Report::new(findings)
}

/// Runs a check beside the others, with a deadline.
fn start<F>(
    name: &'static str,
    doctor: &Arc<Doctor>,
    check: impl FnOnce(Arc<Doctor>) -> F,
) -> (&'static str, JoinHandle<Vec<Finding>>)
where
    F: Future<Output = Vec<Finding>> + Send + 'static,
{
    let check = check(doctor.clone());
    let bounded = async move {
        tokio::time::timeout(DEADLINE, check).await.unwrap_or_else(|_| {
            let found = format!("did not end within {} s", DEADLINE.as_secs());
            vec![Finding::fails(name, found, "look at the network and the machine's load, and try again")]
        })
    };
    (name, tokio::spawn(bounded))
}

fn configuration(config: &Config, file: Option<PathBuf>) -> Finding {
    let found = match file {
        Some(path) => format!("{} is valid", path.display()),
        None => "there is no file; the defaults and the environment are valid".to_owned(),
    };
    if config.lacks_public_url() {
        let found = format!("{found}, but http.bind lets others in and http.public_url is empty");
        return Finding::warning("configuration", found, "set http.public_url to the address people type");
    }
    Finding::ok("configuration", found)
}
