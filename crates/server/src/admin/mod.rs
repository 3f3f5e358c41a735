//! `hubbub admin`: what the operator does to a server's data from the command line.
//!
//! It works on the database that the configuration names, beside a server that runs on it or without one: SQLite in WAL mode
//! and Postgres both take a second writer. What it makes goes through the same checks as what people make, and is there for
//! the server at the next request. What must count at once (a login that ended, a room that is gone) is told to the running
//! server by its socket in the data folder ([`crate::operator`]), and so is everything about live calls. It never makes a
//! data folder or a secret: without a server's there is nothing to do.

mod accounts;
mod audit;
mod directory;
mod duration;
mod live;
mod log;
mod pages;
mod rooms;
mod tokens;
mod users;

use std::fmt;
use std::sync::Arc;

use clap::Subcommand;
use hubbub_auth::{Auth, OutboxMailer, ServerSecret};
use hubbub_domain::storage::UserChange;
use hubbub_domain::user::{Email, Role, User, Username};
use hubbub_domain::{Actor, AuditAction, AuditEntry, Clock, DomainEvent, EventBus, Storage, SystemClock};
use hubbub_storage::Database;

use crate::causes::with_causes;
use crate::config::Config;
use crate::events::LocalBus;
use crate::{operator, secrets};

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Data(DataCommand),
    /// What the running server logs. Needs no database.
    Log {
        #[command(subcommand)]
        command: log::Command,
    },
}

/// What is done to the data, with or beside a running server.
#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// Makes a user an admin, who looks after the server in the web client.
    Grant {
        /// A username or an e-mail address
        user: String,
    },
    /// Makes an admin a user like others. The last admin stays one.
    Revoke {
        /// A username or an e-mail address
        user: String,
    },
    /// Users: make, list, verify, block, log out, delete.
    Users {
        #[command(subcommand)]
        command: users::Command,
    },
    /// Tokens, with which a program is a user.
    Tokens {
        #[command(subcommand)]
        command: tokens::Command,
    },
    /// Rooms: make, delete.
    Rooms {
        #[command(subcommand)]
        command: rooms::Command,
    },
    /// Live calls: who is in them and how their audio gets through; send out, mute, close. Needs the server to run.
    Live {
        #[command(subcommand)]
        command: live::Command,
    },
    /// What admins, room owners and the operator did, newest first.
    Audit(audit::Query),
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
            Self::Failed(error) => f.write_str(&with_causes(error.as_ref())),
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
    events: Arc<dyn EventBus>,
}

/// Does what was asked for.
///
/// # Errors
/// [`Failure`], fit for one line.
pub(crate) async fn run(config: &Config, command: Command) -> Result<(), Failure> {
    match command {
        Command::Data(command) => work(config, command).await,
        Command::Log { command } => log::run(config, command).await,
    }
}

async fn work(config: &Config, command: DataCommand) -> Result<(), Failure> {
    let secret = ServerSecret::from_bytes(&secrets::load(config.data_dir())?)?;
    let database = Database::connect(&config.for_storage()).await?;
    let storage: Arc<dyn Storage> = Arc::new(database.clone());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    // Nothing that is done here mails anybody.
    let mailer = Arc::new(OutboxMailer::new(storage.clone(), clock.clone()));
    let (bus, mut told) = LocalBus::new();
    let events: Arc<dyn EventBus> = Arc::new(bus);
    let auth = Auth::new(config.for_auth(secret), storage.clone(), clock.clone(), mailer, events.clone())?;
    let admin = Admin { config, storage, auth, clock, events };
    let done = match command {
        DataCommand::Grant { user } => directory::change(&admin, &user, UserChange::SetRole(Role::Admin)).await,
        DataCommand::Revoke { user } => directory::change(&admin, &user, UserChange::SetRole(Role::Member)).await,
        DataCommand::Users { command } => users::run(&admin, command).await,
        DataCommand::Tokens { command } => tokens::run(&admin, command).await,
        DataCommand::Rooms { command } => rooms::run(&admin, command).await,
        DataCommand::Live { command } => live::run(&admin, command).await,
        DataCommand::Audit(query) => audit::run(&admin, query).await,
    };
    database.close().await;
    let events: Vec<DomainEvent> = std::iter::from_fn(|| told.try_recv().ok()).collect();
    let told = operator::tell(config.data_dir(), &events).await;
    done.and(told.map_err(|error| {
        Failure::Failed(anyhow::anyhow!(
            "it is done, but the running server could not be told ({error}): it may take five minutes to notice"
        ))
    }))
}

impl Admin<'_> {
    /// Writes down what the operator did.
    async fn write_down(
        &self,
        entry: impl FnOnce(AuditEntry) -> AuditEntry,
        action: AuditAction,
    ) -> Result<(), Failure> {
        let entry = entry(AuditEntry::new(Actor::Operator, action, self.clock.now()));
        Ok(self.storage.write_audit(&[entry]).await?)
    }

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
