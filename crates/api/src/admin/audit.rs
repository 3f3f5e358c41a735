//! `GET /api/admin/audit`

use axum::Json;
use axum::extract::State;
use hubbub_domain::storage::{AuditCursor, AuditFilter};
use hubbub_domain::{Actor, AdminAction, AuditAction, AuditEntry, AuditEntryId, AuditUser, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::page_size;
use crate::error::{Check, Problem};
use crate::extract::{AdminUser, Query};
use crate::page::{self, Place};
use crate::state::App;
use crate::wire;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// Words that must be in the names of people and rooms or in the detail; case and diacritics do not matter.
    #[param(example = "ada", max_length = 100)]
    search: Option<String>,
    /// Only this action.
    #[param(example = "user-blocked")]
    action: Option<String>,
    /// Only what this user did or what was done to them.
    #[param(value_type = Option<Uuid>)]
    user: Option<String>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// How many entries, 1 to 200; 50 by default.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, example = 50)]
    limit: Option<String>,
}

/// A user as they were called then.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditName {
    /// Who or which; may be gone.
    id: Uuid,
    /// The name then.
    #[schema(example = "ada")]
    name: String,
}

impl From<&AuditUser> for AuditName {
    fn from(user: &AuditUser) -> Self {
        Self { id: user.id.0, name: user.username.clone() }
    }
}

/// One thing that was done.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditRow {
    /// Which.
    id: Uuid,
    /// When.
    #[schema(example = "2026-11-21T10:00:00.000000Z", format = "date-time")]
    at: String,
    /// Who did it: `user`, `operator` (from the command line) or `server` (by itself).
    #[schema(example = "user")]
    actor_kind: &'static str,
    /// The user who did it; `null` where it was none.
    #[schema(required = true)]
    actor: Option<AuditName>,
    /// What.
    #[schema(example = "user-blocked")]
    action: &'static str,
    /// The user it was done to; `null` where it was none.
    #[schema(required = true)]
    target: Option<AuditName>,
    /// The room; `null` where it was none.
    #[schema(required = true)]
    room: Option<AuditName>,
    /// What else is worth knowing; mostly empty.
    detail: String,
}

impl From<&AuditEntry> for AuditRow {
    fn from(entry: &AuditEntry) -> Self {
        let (actor_kind, actor) = match &entry.actor {
            Actor::User(user) => ("user", Some(user)),
            Actor::Operator => ("operator", None),
            Actor::Server => ("server", None),
        };
        Self {
            id: entry.id.0,
            at: wire::rfc3339(entry.at),
            actor_kind,
            actor: actor.map(AuditName::from),
            action: entry.action.as_str(),
            target: entry.target.as_ref().map(AuditName::from),
            room: entry.room.as_ref().map(|room| AuditName { id: room.id.0, name: room.name.clone() }),
            detail: entry.detail.clone(),
        }
    }
}

/// One page of the audit log.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditPage {
    /// Newest first.
    entries: Vec<AuditRow>,
    /// Gets the next page; `null` on the last one.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// Read the audit log
///
/// What admins, room owners and the operator did to people and rooms, newest first. It is kept for as long as the operator
/// has set.
#[utoipa::path(
    get, path = "/api/admin/audit", tag = "admin",
    params(AuditQuery),
    responses(
        (status = 200, description = "One page.", body = AuditPage),
        (status = 403, description = "`forbidden`: only admins of this server may"),
    )
)]
pub(crate) async fn admin_audit(
    State(app): State<App>,
    admin: AdminUser,
    Query(query): Query<AuditQuery>,
) -> Result<Json<AuditPage>, Problem> {
    admin.may(AdminAction::ViewAudit)?;
    let mut check = Check::default();
    let action = query.action.as_deref().map(AuditAction::parse);
    if action == Some(None) {
        let all: Vec<&str> = AuditAction::ALL.iter().map(|action| action.as_str()).collect();
        check.fail("action", "choice", format!("must be one of {}", all.join(", ")));
    }
    let user = query.user.as_deref().map(str::parse::<UserId>);
    if matches!(user, Some(Err(_))) {
        check.fail("user", "id", "is no user's id");
    }
    let filter = AuditFilter {
        search: page::search(&mut check, query.search.as_deref()),
        action: action.flatten(),
        user: user.and_then(Result::ok),
    };
    let size = page_size(&mut check, query.limit.as_deref());
    let after = page::after(&mut check, query.cursor.as_deref(), Place::decode)
        .map(|Place { time, id }| AuditCursor { at: time, id: AuditEntryId(id) });
    check.finish()?;

    let mut entries = app.storage.audit(&filter, after, size.to_read()).await?;
    let next_cursor = size.cut(&mut entries, |last| Place { time: last.at, id: last.id.0 }.encode());
    Ok(Json(AuditPage { entries: entries.iter().map(AuditRow::from).collect(), next_cursor }))
}
