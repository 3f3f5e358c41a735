//! The `hubbub` binary: reads the configuration, wires everything together, serves until it is told to stop.

mod admin;
mod backup;
mod causes;
mod cleaning;
mod config;
mod data_lock;
mod doctor;
mod events;
mod healthcheck;
mod http;
mod ice;
mod lifecycle;
mod notify;
mod operator;
mod secrets;
mod telemetry;
mod tls;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use config::{Config, ConfigError, Origin};
use telemetry::traces::Traces;

/// Gives memory back when it is free: what handshakes, passwords and pictures took for a moment.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Voice rooms for the browser, from two friends to a hall of thousands.
#[derive(Debug, Parser)]
#[command(name = "hubbub", version, about)]
struct Arguments {
    /// The configuration file; without it the first of ./config/hubbub.toml, ./hubbub.toml and /etc/hubbub/hubbub.toml, if there is one.
    #[arg(long, global = true, env = "HUBBUB_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves; the same as no command.
    Serve,
    /// About the configuration.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Looks at everything the server needs and says what is wrong and what to do; changes nothing.
    Doctor(doctor::Arguments),
    /// Looks after users, tokens, rooms and live calls; the server may be running.
    Admin {
        #[command(subcommand)]
        command: admin::Command,
    },
    /// Asks the server that runs with this configuration on this machine whether it is well; exit code 1 when not.
    Healthcheck {
        /// Asks whether it can do its work too: its database answers, and it is not about to end.
        #[arg(long)]
        ready: bool,
    },
    /// Writes everything a server on SQLite keeps into one new file; the server may be running.
    Backup {
        /// The file: it must not exist.
        file: PathBuf,
    },
    /// Puts a backup in place; the server must not be running.
    Restore {
        /// A file that `hubbub backup` wrote.
        file: PathBuf,
        /// Moves data that is there aside, into a folder in the data folder.
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Says whether the configuration is valid, and starts nothing.
    Check,
    /// Prints every key with its default and what it means.
    Defaults,
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return misunderstood(&error),
    };
    let result = match arguments.command {
        None | Some(Command::Serve) => serve(arguments.config),
        Some(Command::Config { command: ConfigCommand::Check }) => check(arguments.config),
        Some(Command::Config { command: ConfigCommand::Defaults }) => {
            say(config::DEFAULTS.trim_end());
            Ok(())
        }
        Some(Command::Healthcheck { ready }) => {
            read(arguments.config).map_err(Into::into).and_then(|(config, _)| healthcheck::run(&config, ready))
        }
        Some(Command::Backup { file }) => within(arguments.config, async |config| backup::create(config, &file).await),
        Some(Command::Restore { file, force }) => {
            within(arguments.config, async |config| backup::restore(config, &file, force).await)
        }
        Some(Command::Doctor(options)) => return examine(arguments.config, options),
        Some(Command::Admin { command }) => {
            return match administer(arguments.config, command) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    complain(&error.to_string());
                    ExitCode::from(error.exit_code())
                }
            };
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&causes::with_causes(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// What was asked for on the command line is no command: help where that was asked for, else one line and exit code 2.
fn misunderstood(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion};
    if matches!(error.kind(), DisplayHelp | DisplayVersion | DisplayHelpOnMissingArgumentOrSubcommand) {
        error.exit();
    }
    let text = error.to_string();
    // What follows the first paragraph is how to get help.
    let first = text.split("\n\n").next().unwrap_or(&text);
    complain(&format!("{}; see --help", first.trim_start_matches("error: ")));
    ExitCode::from(2)
}

fn administer(file: Option<PathBuf>, command: admin::Command) -> Result<(), admin::Failure> {
    let (config, _) = read(file).map_err(|error| admin::Failure::Failed(error.into()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(admin::run(&config, command))
}

/// Does something with the configuration, and says what was done.
fn within(file: Option<PathBuf>, work: impl AsyncFnOnce(&Config) -> anyhow::Result<String>) -> anyhow::Result<()> {
    let (config, _) = read(file)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    say(&runtime.block_on(work(&config))?);
    Ok(())
}

/// Exit code 1 when something fails; what fails was said.
fn examine(file: Option<PathBuf>, options: doctor::Arguments) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("no threads are to be had: {error}"));
            return ExitCode::FAILURE;
        }
    };
    if runtime.block_on(doctor::run(read(file), options)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn read(file: Option<PathBuf>) -> Result<(Config, Option<PathBuf>), ConfigError> {
    config::load(&Origin::of_process(file))
}

fn check(file: Option<PathBuf>) -> anyhow::Result<()> {
    let (config, file) = read(file)?;
    if let Some(source) = config.for_tls() {
        source.check()?;
    }
    say(&match file {
        Some(path) => format!("The configuration in {} is valid.", path.display()),
        None => "There is no configuration file; the defaults and the environment are valid.".to_owned(),
    });
    Ok(())
}

fn serve(file: Option<PathBuf>) -> anyhow::Result<()> {
    let asked = file.clone();
    let (config, file) = read(file)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let traces = config.for_traces().map(|to| Traces::start(to, runtime.handle().clone())).transpose()?;
    let filter = telemetry::logging::start(&config.log, traces.as_ref());
    lifecycle::raise_file_limit();
    let file = file.map_or_else(|| "none".to_owned(), |path| path.display().to_string());
    tracing::info!(version = env!("CARGO_PKG_VERSION"), config.file = file, "hubbub starts");
    runtime.block_on(async {
        let changed = filter.clone();
        lifecycle::on_hangup(move || {
            telemetry::logging::reread(&changed, || read(asked.clone()).map(|(config, _)| config));
        })?;
        wire::run(config, filter, traces).await
    })
}

/// One line on standard output.
#[expect(clippy::print_stdout, reason = "the answer to a command")]
fn say(text: &str) {
    println!("{text}");
}

/// One line on standard error, whatever the text looks like.
#[expect(clippy::print_stderr, reason = "the log may not have started")]
fn complain(text: &str) {
    let one_line: Vec<&str> = text.split_whitespace().collect();
    eprintln!("hubbub: {}", one_line.join(" "));
}
