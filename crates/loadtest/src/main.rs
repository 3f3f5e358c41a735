//! `hubbub-loadtest`: puts synthetic peers into a room and says what they heard.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use hubbub_loadtest::session::RestClient;
use hubbub_loadtest::{Account, Report, Scenario, Target};
use tracing_subscriber::EnvFilter;
use uuid::Uuid;

/// Puts synthetic peers into a room of a Hubbub server and reports what they heard of each other.
///
/// They use nothing but what any client uses: REST, the WebSocket, ICE, DTLS and SRTP. Exit code 0: done, see the report;
/// 2: the test could not run.
#[derive(Debug, Parser)]
#[command(name = "hubbub-loadtest", version)]
struct Arguments {
    /// The server, such as http://127.0.0.1:8080
    #[arg(long)]
    url: String,
    /// The accounts to use, one a peer: a file that hubbub admin users create wrote, or [{"email": "...", "password": "..."}, ...]
    #[arg(long)]
    accounts: PathBuf,
    /// The room's id: the last part of its address in the browser
    #[arg(long)]
    room: Uuid,
    /// How many peers speak
    #[arg(long, default_value_t = 3)]
    speakers: usize,
    /// How many peers only listen
    #[arg(long, default_value_t = 20)]
    listeners: usize,
    /// For how long they speak once everybody is there: 500ms, 30s, 10m, 2h
    #[arg(long, default_value = "30s", value_parser = parse_duration)]
    duration: Duration,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Allow a server that is not this machine
    #[arg(long)]
    i_own_this_server: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("hubbub_loadtest=info")))
        .with_writer(std::io::stderr)
        .init();
    match run(&arguments).await {
        Ok(report) => {
            print(&report, arguments.json);
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&error);
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: &Arguments) -> Result<Report, String> {
    let target = Target::parse(&arguments.url).map_err(|e| e.to_string())?;
    if !arguments.i_own_this_server {
        target.require_loopback().map_err(|e| e.to_string())?;
    }
    let accounts = Account::read_all(&arguments.accounts).map_err(|e| e.to_string())?;
    let scenario = Scenario {
        room: arguments.room,
        speakers: arguments.speakers,
        listeners: arguments.listeners,
        duration: arguments.duration,
    };
    let client = RestClient::new(target).map_err(|e| e.to_string())?;
    scenario.run(&client, &accounts).await.map_err(|e| e.to_string())
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a duration such as 500ms, 30s, 10m or 2h");
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(wrong)
}

#[expect(clippy::print_stdout, reason = "the report is what this program is for")]
fn print(report: &Report, json: bool) {
    if json {
        println!("{}", serde_json::to_string_pretty(report).expect("a report is valid JSON"));
    } else {
        println!("{report}");
    }
}

/// One line, whatever the error's text looks like.
#[expect(clippy::print_stderr, reason = "errors go to standard error, not into the log")]
fn complain(error: &str) {
    let words: Vec<&str> = error.split_whitespace().collect();
    eprintln!("hubbub-loadtest: {}", words.join(" "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration("2h"), Ok(Duration::from_secs(7200)));
        for bad in ["", "30", "s", "-1s", "1.5s", "3 weeks", "99999999999999999999s", "99999999999999999h"] {
            assert!(parse_duration(bad).unwrap_err().contains("30s"), "{bad}");
        }
    }
}
