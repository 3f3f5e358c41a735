//! `hubbub admin audit`.

use clap::Args;
use hubbub_domain::storage::{AuditCursor, AuditFilter};
use hubbub_domain::{Actor, AuditAction, AuditEntry};
use serde_json::json;

use super::accounts::rfc3339;
use super::{Admin, Failure, pages};
use crate::say;

#[derive(Debug, Args)]
pub(crate) struct Query {
    /// At most so many
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// Only this action, such as user-blocked
    #[arg(long, value_parser = action)]
    action: Option<AuditAction>,
    /// Only what this user did or what was done to them: a username or an e-mail address
    #[arg(long)]
    user: Option<String>,
    /// Words that must be in the names of people and rooms or in the detail
    #[arg(long)]
    search: Option<String>,
    /// As JSON, one entry a line
    #[arg(long)]
    json: bool,
}

fn action(name: &str) -> Result<AuditAction, String> {
    AuditAction::parse(name).ok_or_else(|| {
        let all: Vec<&str> = AuditAction::ALL.iter().map(|action| action.as_str()).collect();
        format!("expected one of {}", all.join(", "))
    })
}

pub(super) async fn run(admin: &Admin<'_>, query: Query) -> Result<(), Failure> {
    let user = match &query.user {
        Some(name) => Some(admin.user(name).await?.id),
        None => None,
    };
    let filter = AuditFilter { search: query.search, action: query.action, user };
    pages::each(
        query.limit,
        async |after, most| admin.storage.audit(&filter, after, most).await,
        |entry| AuditCursor { at: entry.at, id: entry.id },
        async |entry| {
            show(entry, query.json);
            Ok(())
        },
    )
    .await
}

fn show(entry: &AuditEntry, as_json: bool) {
    let (kind, actor) = match &entry.actor {
        Actor::User(user) => ("user", Some(user)),
        Actor::Operator => ("operator", None),
        Actor::Server => ("server", None),
    };
    let target = entry.target.as_ref();
    let room = entry.room.as_ref();
    if as_json {
        let line = json!({
            "id": entry.id, "at": rfc3339(entry.at), "actorKind": kind,
            "actor": actor.map(|user| json!({ "id": user.id, "name": user.username })),
            "action": entry.action.as_str(),
            "target": target.map(|user| json!({ "id": user.id, "name": user.username })),
            "room": room.map(|room| json!({ "id": room.id, "name": room.name })),
            "detail": entry.detail,
        });
        return say(&line.to_string());
    }
    let actor = actor.map_or_else(|| format!("({kind})"), |user| user.username.clone());
    let target = target.map_or("-", |user| user.username.as_str());
    let room = room.map_or("-", |room| room.name.as_str());
    say(&format!("{}\t{actor}\t{}\t{target}\t{room}\t{}", rfc3339(entry.at), entry.action.as_str(), entry.detail));
}
