//! Everybody who has an account: listed, and changed one by one.

use clap::{Args, ValueEnum};
use hubbub_domain::Actor;
use hubbub_domain::storage::{ChangeUser, ListedUser, UserChange, UserCursor, UserFilter, UserState};
use hubbub_domain::user::{Role, Username};
use serde_json::json;

use super::accounts::rfc3339;
use super::{Admin, Failure, pages};
use crate::say;

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Those whom `delete --prefix` would delete: without a password, and with a username that begins so
    #[arg(long, conflicts_with_all = ["search", "state"])]
    prefix: Option<String>,
    /// Words that must be in address, username or shown name
    #[arg(long)]
    search: Option<String>,
    /// Only those in this state
    #[arg(long, value_enum)]
    state: Option<State>,
    /// At most so many, the newest first
    #[arg(long, default_value_t = 1000)]
    limit: u32,
    /// As JSON, one user a line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    Admin,
    Blocked,
    Unverified,
}

pub(super) async fn list(admin: &Admin<'_>, list: List) -> Result<(), Failure> {
    let now = admin.clock.now();
    if let Some(prefix) = &list.prefix {
        for user in admin.storage.users_without_password(prefix).await? {
            if let Some(listed) = admin.storage.listed_user(user.id, now).await? {
                show(&listed, list.json);
            }
        }
        return Ok(());
    }
    let state = list.state.map(|state| match state {
        State::Admin => UserState::Admin,
        State::Blocked => UserState::Blocked,
        State::Unverified => UserState::Unverified,
    });
    let filter = UserFilter { search: list.search, state };
    pages::each(
        list.limit,
        async |after, most| admin.storage.list_users(&filter, after, most, now).await,
        |listed| UserCursor { created_at: listed.user.created_at, id: listed.user.id },
        async |listed| {
            show(listed, list.json);
            Ok(())
        },
    )
    .await
}

fn show(listed: &ListedUser, as_json: bool) {
    let user = &listed.user;
    if as_json {
        let line = json!({
            "id": user.id, "username": user.username.as_str(), "displayName": user.display_name.as_str(),
            "email": user.email.as_str(), "emailVerified": user.email_verified, "role": user.role.as_str(),
            "blockedAt": user.blocked_at.map(rfc3339), "createdAt": rfc3339(user.created_at),
            "lastLoginAt": listed.last_login_at.map(rfc3339), "sessions": listed.sessions, "rooms": listed.rooms,
        });
        return say(&line.to_string());
    }
    let marks = [
        (user.role == Role::Admin, "admin"),
        (user.blocked_at.is_some(), "blocked"),
        (!user.email_verified, "unverified"),
    ];
    let marks: Vec<&str> = marks.iter().filter(|(is_so, _)| *is_so).map(|(_, mark)| *mark).collect();
    let marks = if marks.is_empty() { "-".to_owned() } else { marks.join(",") };
    say(&format!("{}\t{}\t{}\t{marks}", user.id, user.username, user.email));
}

/// Does one change to somebody and says so.
pub(super) async fn change(admin: &Admin<'_>, name: &str, change: UserChange) -> Result<(), Failure> {
    let user = admin.user(name).await?;
    let name = &user.username;
    match admin.auth.change_user(Actor::Operator, &user, change).await? {
        ChangeUser::Changed(_) => say(&match change {
            UserChange::Verify => format!("the address of {name} counts as proved now"),
            UserChange::Block => format!("{name} is blocked now, and all logins have ended"),
            UserChange::Unblock => format!("{name} can log in again"),
            UserChange::EndSessions => format!("all logins of {name} have ended"),
            UserChange::SetRole(Role::Admin) => format!("{name} is an admin now"),
            UserChange::SetRole(Role::Member) => format!("{name} is no admin any more"),
        }),
        ChangeUser::Unchanged(_) => say(&match change {
            UserChange::Verify => format!("the address of {name} is proved already"),
            UserChange::Block => format!("{name} is blocked already"),
            UserChange::Unblock => format!("{name} is not blocked"),
            UserChange::EndSessions => format!("{name} is not logged in"),
            UserChange::SetRole(Role::Admin) => format!("{name} is an admin already"),
            UserChange::SetRole(Role::Member) => format!("{name} is no admin"),
        }),
        ChangeUser::LastAdmin => {
            let text = format!("{name} is the last admin who can log in; make somebody else an admin first");
            return Err(Failure::Input(text));
        }
        ChangeUser::Unverified => {
            let text =
                format!("the address of {name} is not proved; `hubbub admin users verify {name}` declares it so");
            return Err(Failure::Input(text));
        }
        ChangeUser::NotFound => return Err(Failure::Input(format!("{name} was deleted in this very moment"))),
    }
    Ok(())
}

/// Makes somebody an admin who was just made.
pub(super) async fn promote(admin: &Admin<'_>, username: &Username) -> Result<(), Failure> {
    let user = admin.user(username.as_str()).await?;
    admin.auth.change_user(Actor::Operator, &user, UserChange::SetRole(Role::Admin)).await?;
    Ok(())
}
