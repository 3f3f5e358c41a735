//! Looking after the server: users, live calls, the audit log. Whoever is no admin is answered 403 everywhere here.

pub(crate) mod audit;
pub(crate) mod close_room;
pub(crate) mod delete_room;
pub(crate) mod end_sessions;
pub(crate) mod get_live_room;
pub(crate) mod get_user;
pub(crate) mod kick_participant;
pub(crate) mod list_live_rooms;
pub(crate) mod list_users;
pub(crate) mod mute_participant;
pub(crate) mod update_user;

use hubbub_domain::storage::{ChangeUser, ListedUser, UserChange};
use hubbub_domain::{AuditAction, AuditEntry, ParticipantId, Seated, UserId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::{Check, Code, Problem};
use crate::extract::AdminUser;
use crate::page::PageSize;
use crate::state::App;
use crate::users::RoleName;
use crate::{avatar, wire};

/// Rows on a page unless asked otherwise.
const DEFAULT_LIMIT: u32 = 50;
/// Most rows on a page.
const MAX_LIMIT: u32 = 200;

/// A user as admins see them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AdminUserRow {
    /// Who.
    id: Uuid,
    /// The address.
    #[schema(example = "ada@example.org", format = "email")]
    email: String,
    /// Whether the address was proved.
    email_verified: bool,
    /// The unique name.
    #[schema(example = "ada")]
    username: String,
    /// The name others see.
    #[schema(example = "Ada Lovelace")]
    display_name: String,
    /// Path of the picture.
    #[schema(example = "/api/users/0192f0c1-2b3c-7d4e-8f50-617283940a1b/avatar")]
    avatar_url: String,
    /// `member` or `admin`.
    role: RoleName,
    /// Since when they may not log in; `null` for almost everybody.
    #[schema(example = "2026-11-21T10:00:00.000000Z", format = "date-time", required = true)]
    blocked_at: Option<String>,
    /// When the account was made.
    #[schema(example = "2026-11-21T10:00:00.000000Z", format = "date-time")]
    created_at: String,
    /// When they last logged in, as far as that is known.
    #[schema(example = "2026-11-21T10:00:00.000000Z", format = "date-time", required = true)]
    last_login_at: Option<String>,
    /// How many logins live.
    #[schema(example = 2)]
    sessions: u32,
    /// How many rooms they own.
    #[schema(example = 3)]
    rooms: u32,
}

impl From<&ListedUser> for AdminUserRow {
    fn from(listed: &ListedUser) -> Self {
        let user = &listed.user;
        Self {
            id: user.id.0,
            email: user.email.to_string(),
            email_verified: user.email_verified,
            username: user.username.to_string(),
            display_name: user.display_name.to_string(),
            avatar_url: avatar::url(user),
            role: user.role.into(),
            blocked_at: user.blocked_at.map(wire::rfc3339),
            created_at: wire::rfc3339(user.created_at),
            last_login_at: listed.last_login_at.map(wire::rfc3339),
            sessions: listed.sessions,
            rooms: listed.rooms,
        }
    }
}

/// Changes an account in the admin's name; gives it as it is now.
async fn change_user(app: &App, admin: &AdminUser, id: UserId, change: UserChange) -> Result<AdminUserRow, Problem> {
    let user = app.storage.user(id).await?.ok_or_else(Problem::user_not_found)?;
    match app.auth.change_user(admin.actor(), &user, change).await? {
        ChangeUser::Changed(_) | ChangeUser::Unchanged(_) => listed(app, id).await,
        ChangeUser::NotFound => Err(Problem::user_not_found()),
        ChangeUser::Unverified => {
            Err(Problem::new(Code::EmailNotVerified, "an admin needs a proved address; verify the account first"))
        }
        ChangeUser::LastAdmin => Err(Problem::new(
            Code::LastAdmin,
            "nobody would be left who is an admin and can log in; make somebody else an admin first",
        )),
    }
}

/// One account as admins see it.
async fn listed(app: &App, id: UserId) -> Result<AdminUserRow, Problem> {
    let found = app.storage.listed_user(id, app.clock.now()).await?.ok_or_else(Problem::user_not_found)?;
    Ok(AdminUserRow::from(&found))
}

/// Who has a seat; and that something is done to them is written down before it is.
async fn moderated(app: &App, admin: &AdminUser, id: ParticipantId, action: AuditAction) -> Result<Seated, Problem> {
    let seated = app.supervision.seated(id).await.ok_or_else(Problem::participant_not_found)?;
    let entry = AuditEntry::new(admin.actor(), action, app.clock.now());
    app.storage.write_audit(&[entry.on(seated.user.clone()).in_room(seated.room.clone())]).await?;
    Ok(seated)
}

/// How many rows are wanted.
fn page_size(check: &mut Check, text: Option<&str>) -> PageSize {
    PageSize::parse(check, text, DEFAULT_LIMIT, MAX_LIMIT)
}
