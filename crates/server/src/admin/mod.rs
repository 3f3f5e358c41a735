//! `hubbub admin`: what the operator does to a server's data from the command line.
//!
//! It works on the database that the configuration names, beside a server that runs on it or without one: SQLite in WAL mode
//! and Postgres both take a second writer. What it makes goes through the same checks as what people make, and is there for
//! the server at the next request. It never makes a data folder or a secret: without a server's there is nothing to do.

mod accounts;
mod duration;
mod rooms;
mod tokens;
mod users;

use std::fmt;
use std::sync::Arc;

use clap::Subcommand;
use hubbub_auth::{Auth, OutboxMailer, ServerSecret};
use hubbub_domain::user::{Email, User, Username};
use hubbub_domain::{Clock, Storage, SystemClock};
use hubbub_storage::Database;

use crate::config::Config;
use crate::events::LocalBus;
use crate::secrets;

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Users: make, list, delete.
    Users {
        #[command(subcommand)]
        command: users::Command,
    },
    /// Tokens, with which a program is a user.
    Tokens {
        #[command(subcommand)]
        command: tokens::Command,
    },
    /// Rooms.
    Rooms {
        #[command(subcommand)]
        command: rooms::Command,
    },
}

/// Why nothing was done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was asked for cannot be: exit code 2.
    Input(String),
    /// The configuration, the data or the database: exit code 1.
    Failed(anyhow::Error),
}

impl Failure {
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Input(_) => 2,
            Self::Failed(_) => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(text) => f.write_str(text),
            Self::Failed(error) => write!(f, "{error:#}"),
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// What a command works with.
pub(crate) struct Admin<'a> {
    config: &'a Config,
    storage: Arc<dyn Storage>,
    auth: Auth,
    clock: Arc<dyn Clock>,
}

/// Does what was asked for.
///
/// # Errors
/// [`Failure`], fit for one line.
pub(crate) async fn run(config: &Config, command: Command) -> Result<(), Failure> {
    let secret = ServerSecret::from_bytes(&secrets::load(config.data_dir())?)?;
    let database = Database::connect(&config.for_storage()).await?;
    let storage: Arc<dyn Storage> = Arc::new(database.clone());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    // Nothing that is done here mails anybody or ends a login.
    let mailer = Arc::new(OutboxMailer::new(storage.clone(), clock.clone()));
    let (bus, _events) = LocalBus::new();
    let auth = Auth::new(config.for_auth(secret), storage.clone(), clock.clone(), mailer, Arc::new(bus))?;
    let admin = Admin { config, storage, auth, clock };
    let done = match command {
        Command::Users { command } => users::run(&admin, command).await,
        Command::Tokens { command } => tokens::run(&admin, command).await,
        Command::Rooms { command } => rooms::run(&admin, command).await,
    };
    database.close().await;
    done
}

impl Admin<'_> {
    /// The user with this username or, where there is an `@`, this address.
    async fn user(&self, name: &str) -> Result<User, Failure> {
        let unknown = || Failure::Input(format!("there is no user {name:?}; give a username or an e-mail address"));
        let found = if name.contains('@') {
            let email = Email::parse(name).map_err(|e| Failure::Input(format!("{name:?} {e}")))?;
            self.storage.user_by_email(&email).await?.map(|(user, _)| user)
        } else {
            let username = Username::parse(name).map_err(|_| unknown())?;
            self.storage.user_by_username(&username).await?
        };
        found.ok_or_else(unknown)
    }
}
