//! `hubbub admin tokens`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use hubbub_domain::{AuditAction, AuditUser, UserId};

use super::{Admin, Failure, accounts, duration};
use crate::say;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes an access token and prints it, or new ones for a whole accounts file.
    Mint {
        /// For whom: a username or an e-mail address
        #[arg(long, required_unless_present = "accounts", conflicts_with = "accounts")]
        user: Option<String>,
        /// An accounts file; each user in it gets a new token. Tokens from before stay valid until their own end
        #[arg(long, value_name = "FILE")]
        accounts: Option<PathBuf>,
        /// How long it is valid: 90s, 10m, 2h; at most auth.minted_token_seconds, which is the default
        #[arg(long, value_parser = duration::parse)]
        ttl: Option<Duration>,
    },
}

pub(super) async fn run(admin: &Admin<'_>, command: Command) -> Result<(), Failure> {
    let Command::Mint { user, accounts, ttl } = command;
    let lifetime = admin.lifetime(ttl)?;
    if let Some(path) = accounts {
        return refresh(admin, &path, lifetime).await;
    }
    let user = admin.user(&user.unwrap_or_default()).await?;
    if user.blocked_at.is_some() {
        return Err(Failure::Input(format!("{} is blocked; no token would be good for anything", user.username)));
    }
    let tokens = admin.auth.mint(&[user.id], lifetime).await?;
    admin.write_down(|entry| entry.on(AuditUser::from(&user)), AuditAction::TokenMinted).await?;
    tokens.iter().for_each(|token| say(token.access.expose()));
    Ok(())
}

async fn refresh(admin: &Admin<'_>, path: &Path, lifetime: Duration) -> Result<(), Failure> {
    let mut accounts = accounts::read(path)?;
    let mut ids: Vec<UserId> = Vec::with_capacity(accounts.len());
    for account in &accounts {
        ids.push(admin.user(&account.email).await?.id);
    }
    let tokens = admin.auth.mint(&ids, lifetime).await?;
    for (account, token) in accounts.iter_mut().zip(&tokens) {
        account.set_token(token);
    }
    accounts::replace(path, &accounts)?;
    let detail = format!("{} users of an accounts file", accounts.len());
    admin.write_down(|entry| entry.with_detail(detail), AuditAction::TokenMinted).await?;
    say(&format!("made new tokens for {} users", accounts.len()));
    Ok(())
}

impl Admin<'_> {
    /// How long a token is to live: what was asked for, if the configuration allows so much.
    pub(super) fn lifetime(&self, asked: Option<Duration>) -> Result<Duration, Failure> {
        let most = self.config.minted_lifetime();
        match asked {
            Some(asked) if asked.is_zero() || asked > most => Err(Failure::Input(format!(
                "--ttl must be from 1s to {}s (auth.minted_token_seconds), is {}s",
                most.as_secs(),
                asked.as_secs()
            ))),
            asked => Ok(asked.unwrap_or(most)),
        }
    }
}
