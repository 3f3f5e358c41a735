//! `hubbub admin users`.

use std::io::{BufRead as _, Read as _};
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand, ValueEnum};
use hubbub_auth::{CreateError, MAX_PASSWORD_CHARS, Minted, VerifiedUser};
use hubbub_domain::storage::UserChange;
use hubbub_domain::user::{Email, Role, User, Username};
use hubbub_domain::{AuditAction, AuditUser, DomainEvent, LoginsEnd, UserId};
use rand::TryRng as _;

use super::accounts::{Account, NewFile};
use super::{Admin, Failure, directory, duration};
use crate::say;

/// The domain of generated addresses. Mail never gets there (RFC 2606, section 2).
const DOMAIN: &str = "load.invalid";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes one user (--email), or many for load tests (--count), with addresses that count as proved.
    Create(Create),
    /// Lists users, the newest first: id, username, address, and whether they are admin, blocked or unverified.
    List(directory::List),
    /// Declares somebody's address proved.
    Verify {
        /// A username or an e-mail address
        user: String,
    },
    /// Keeps somebody out: no logging in any more, and all logins end at once.
    Block {
        /// A username or an e-mail address
        user: String,
    },
    /// Lets somebody in again.
    Unblock {
        /// A username or an e-mail address
        user: String,
    },
    /// Ends all of somebody's logins at once.
    EndSessions {
        /// A username or an e-mail address
        user: String,
    },
    /// Deletes somebody with all that is theirs: rooms, memberships, picture, logins. Or many that --count made.
    Delete {
        /// A username or an e-mail address
        #[arg(required_unless_present = "prefix")]
        user: Option<String>,
        /// Instead: everybody without a password whose username begins so
        #[arg(long, conflicts_with = "user")]
        prefix: Option<String>,
        /// Do it; without this it only says how many there are
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// How many users to make: PREFIX-1, PREFIX-2, … without passwords, which can be used by tokens only
    #[arg(
        long, requires = "prefix", requires = "json", required_unless_present = "email",
        value_parser = clap::value_parser!(u32).range(1..=100_000)
    )]
    count: Option<u32>,
    /// What their usernames begin with
    #[arg(long, requires = "count")]
    prefix: Option<String>,
    /// Where the users and a token for each are written; must not exist
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// How long the tokens are valid: 90s, 10m, 2h; at most auth.minted_token_seconds, which is the default
    #[arg(long, value_parser = duration::parse, requires = "json")]
    ttl: Option<Duration>,
    /// The address of the one user to make
    #[arg(long, requires = "username", conflicts_with = "count")]
    email: Option<String>,
    /// The username of the one user to make
    #[arg(long, requires = "email")]
    username: Option<String>,
    /// Where the password comes from: the first line of standard input, made up and printed, or none
    #[arg(long, value_enum, default_value_t = Password::Generate, requires = "email")]
    password: Password,
    /// Make the one user an admin
    #[arg(long, requires = "email")]
    admin: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Password {
    Stdin,
    Generate,
    None,
}

pub(super) async fn run(admin: &Admin<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::Create(create) => self::create(admin, create).await,
        Command::List(list) => directory::list(admin, list).await,
        Command::Verify { user } => directory::change(admin, &user, UserChange::Verify).await,
        Command::Block { user } => directory::change(admin, &user, UserChange::Block).await,
        Command::Unblock { user } => directory::change(admin, &user, UserChange::Unblock).await,
        Command::EndSessions { user } => directory::change(admin, &user, UserChange::EndSessions).await,
        Command::Delete { user: Some(user), yes, .. } => delete_one(admin, &user, yes).await,
        Command::Delete { prefix, yes, .. } => delete_many(admin, &prefix.unwrap_or_default(), yes).await,
    }
}

async fn create(admin: &Admin<'_>, create: Create) -> Result<(), Failure> {
    let lifetime = admin.lifetime(create.ttl)?;
    let (users, generated) = match (create.count, create.email) {
        (Some(count), _) => (many(&create.prefix.unwrap_or_default(), count)?, None),
        (None, email) => {
            let (email, username) = (email.unwrap_or_default(), create.username.unwrap_or_default());
            let generated = matches!(create.password, Password::Generate).then(generate).transpose()?;
            let password = match create.password {
                Password::Stdin => Some(from_stdin()?),
                Password::Generate => generated.clone(),
                Password::None => None,
            };
            (
                vec![VerifiedUser { email: parse_email(&email)?, username: parse_username(&username)?, password }],
                generated,
            )
        }
    };
    // Before anything is made: a file that cannot be written must not leave users behind.
    let file = create.json.as_deref().map(NewFile::create).transpose()?;
    let emails: Vec<Email> = users.iter().map(|user| user.email.clone()).collect();
    let (first, last) = (users.first().map(|u| u.username.clone()), users.last().map(|u| u.username.clone()));
    let ids = admin.auth.create_verified(users).await.map_err(|error| match error {
        CreateError::Storage(error) => error.into(),
        error => Failure::Input(error.to_string()),
    })?;
    if let Some(file) = file
        && let Err(error) = write(admin, file, &ids, &emails, lifetime).await
    {
        admin.storage.delete_users(&ids).await?;
        return Err(error);
    }
    let detail = match (&first, &last) {
        (Some(first), Some(last)) if first != last => format!("{} users, {first} to {last}", ids.len()),
        (Some(only), _) => only.to_string(),
        _ => String::new(),
    };
    admin.write_down(|entry| entry.with_detail(detail), AuditAction::UserCreated).await?;
    if create.admin
        && let Some(only) = &first
    {
        directory::promote(admin, only).await?;
    }
    match (first, last) {
        (Some(first), Some(last)) if first != last => say(&format!("made {} users: {first} to {last}", ids.len())),
        (Some(only), _) => say(&format!("made {only}")),
        _ => {}
    }
    if let Some(password) = generated {
        say(&format!("password: {password}"));
    }
    Ok(())
}

async fn write(
    admin: &Admin<'_>,
    file: NewFile,
    ids: &[UserId],
    emails: &[Email],
    lifetime: Duration,
) -> Result<(), Failure> {
    let tokens: Vec<Minted> = admin.auth.mint(ids, lifetime).await?;
    let accounts: Vec<Account> = emails.iter().zip(&tokens).map(|(email, token)| Account::new(email, token)).collect();
    file.finish(&accounts)
}

/// `PREFIX-01` and so on: as many digits as the last one has, so that they sort.
fn many(prefix: &str, count: u32) -> Result<Vec<VerifiedUser>, Failure> {
    let width = count.to_string().len();
    (1..=count)
        .map(|n| {
            let name = format!("{prefix}-{n:0width$}");
            let wrong = |problem: String| Failure::Input(format!("--prefix {prefix:?} cannot be: {name} {problem}"));
            let username = Username::parse(&name).map_err(|e| wrong(e.to_string()))?;
            let email = Email::parse(&format!("{name}@{DOMAIN}")).map_err(|_| {
                wrong("makes no e-mail address; use letters a to z, digits, '_', '-' and '.'".to_owned())
            })?;
            Ok(VerifiedUser { email, username, password: None })
        })
        .collect()
}

fn parse_email(text: &str) -> Result<Email, Failure> {
    Email::parse(text).map_err(|e| Failure::Input(format!("--email {text:?} {e}")))
}

fn parse_username(text: &str) -> Result<Username, Failure> {
    Username::parse(text).map_err(|e| Failure::Input(format!("--username {text:?} {e}")))
}

/// 128 random bits.
fn generate() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    rand::rngs::SysRng.try_fill_bytes(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The first line, without its end.
fn from_stdin() -> Result<String, Failure> {
    // A character has at most four bytes; one byte more shows that there are too many.
    let most = 4 * MAX_PASSWORD_CHARS as u64 + 3;
    let mut line = Vec::new();
    std::io::stdin().lock().take(most).read_until(b'\n', &mut line)?;
    let line = String::from_utf8(line).map_err(|_| Failure::Input("the password is not UTF-8".to_owned()))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn delete_one(admin: &Admin<'_>, name: &str, yes: bool) -> Result<(), Failure> {
    let user = admin.user(name).await?;
    no_admin(std::slice::from_ref(&user))?;
    let name = &user.username;
    if !yes {
        let listed = admin.storage.listed_user(user.id, admin.clock.now()).await?;
        let rooms = listed.map_or(0, |listed| listed.rooms);
        return Err(Failure::Input(format!("{name} and {rooms} rooms of theirs would be deleted; add --yes to do it")));
    }
    if admin.storage.delete_users(&[user.id]).await? == 0 {
        return Err(Failure::Input(format!("{name} was deleted in this very moment")));
    }
    admin.events.publish(DomainEvent::LoginsEnded { user: user.id, why: LoginsEnd::Deleted });
    admin.write_down(|entry| entry.on(AuditUser::from(&user)), AuditAction::UserDeleted).await?;
    say(&format!("deleted {name}"));
    Ok(())
}

/// Deleting the last admin would leave nobody; revoking refuses that.
fn no_admin(users: &[User]) -> Result<(), Failure> {
    let Some(admin) = users.iter().find(|user| user.role == Role::Admin) else { return Ok(()) };
    let name = &admin.username;
    Err(Failure::Input(format!("{name} is an admin; `hubbub admin revoke {name}` makes it a user like others")))
}

async fn delete_many(admin: &Admin<'_>, prefix: &str, yes: bool) -> Result<(), Failure> {
    let users = admin.storage.users_without_password(prefix).await?;
    let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
    no_admin(&users)?;
    if ids.is_empty() {
        return Err(Failure::Input(format!("no user without a password has a name that begins with {prefix:?}")));
    }
    if !yes {
        return Err(Failure::Input(format!(
            "{} users and their rooms would be deleted; add --yes to do it",
            ids.len()
        )));
    }
    let mut deleted = 0;
    for batch in ids.chunks(500) {
        deleted += admin.storage.delete_users(batch).await?;
        for &user in batch {
            admin.events.publish(DomainEvent::LoginsEnded { user, why: LoginsEnd::Deleted });
        }
    }
    let detail = format!("{deleted} users whose names begin with {prefix}");
    admin.write_down(|entry| entry.with_detail(detail), AuditAction::UserDeleted).await?;
    say(&format!("deleted {deleted} users"));
    Ok(())
}
