//! What a running server logs.

use clap::Subcommand;

use super::Failure;
use crate::config::Config;
use crate::operator::{self, AskError};
use crate::say;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prints what is logged, or changes it until the server's next start or SIGHUP.
    Level {
        /// As in log.filter: "info", "debug", or by module, such as "info,hubbub_signaling=debug"
        directives: Option<String>,
    },
}

/// Asks the server alone: what it logs can be changed while its database is away.
pub(super) async fn run(config: &Config, command: Command) -> Result<(), Failure> {
    let Command::Level { directives } = command;
    let folder = config.data_dir();
    let done = match directives {
        None => operator::logged(folder).await,
        Some(directives) => {
            operator::log(folder, &directives).await.map(|()| format!("logged from now on: {directives}"))
        }
    };
    match done {
        Ok(text) => {
            say(&text);
            Ok(())
        }
        Err(AskError::Refused { detail, .. }) => Err(Failure::Input(detail)),
        Err(error) => Err(error.into()),
    }
}
