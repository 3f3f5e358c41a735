//! `PATCH /api/admin/users/{id}`

use axum::extract::State;
use hubbub_domain::storage::UserChange;
use hubbub_domain::{AdminAction, UserId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{AdminUserRow, change_user};
use crate::error::{Check, Problem};
use crate::extract::{AdminUser, Json, Path};
use crate::state::App;
use crate::users::RoleName;

/// One change to an account: exactly one field.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AdminUpdateUser {
    /// `true`: no logging in any more, and all logins end at once. `false`: logging in works again.
    blocked: Option<bool>,
    /// Makes somebody an admin, or an admin somebody who is not.
    role: Option<RoleName>,
    /// `true`: the address counts as proved. It cannot be taken back.
    email_verified: Option<bool>,
}

/// Block, verify or promote a user
///
/// One change at a time, which the audit log has afterwards. Admins do not block themselves or change their own role, and
/// somebody who is an admin and can log in is always left.
#[utoipa::path(
    patch, path = "/api/admin/users/{id}", tag = "admin",
    params(("id" = Uuid, Path, description = "Who.")),
    request_body = AdminUpdateUser,
    responses(
        (status = 200, description = "The account as it is now.", body = AdminUserRow),
        (
            status = 403, description = "`forbidden`: only admins of this server may, and this only to others\n\n\
                `email-not-verified`: an admin needs a proved address"
        ),
        (status = 404, description = "`not-found`: there is no such user"),
        (status = 409, description = "`last-admin`: nobody would be left who is an admin and can log in"),
    )
)]
pub(crate) async fn admin_update_user(
    State(app): State<App>,
    admin: AdminUser,
    Path(id): Path<UserId>,
    Json(body): Json<AdminUpdateUser>,
) -> Result<axum::Json<AdminUserRow>, Problem> {
    let mut check = Check::default();
    let AdminUpdateUser { blocked, role, email_verified } = body;
    if email_verified == Some(false) {
        check.fail("emailVerified", "choice", "can only become true");
    }
    if [blocked.is_some(), role.is_some(), email_verified.is_some()].iter().filter(|&&given| given).count() != 1 {
        check.fail("body", "choice", "must have exactly one of blocked, role and emailVerified");
    }
    check.finish()?;
    let (action, change) = match (blocked, role) {
        (Some(true), _) => (AdminAction::Block(id), UserChange::Block),
        (Some(false), _) => (AdminAction::Block(id), UserChange::Unblock),
        (None, Some(role)) => (AdminAction::ChangeRole(id), UserChange::SetRole(role.into())),
        (None, None) => (AdminAction::Verify(id), UserChange::Verify),
    };
    admin.may(action)?;
    change_user(&app, &admin, id, change).await.map(axum::Json)
}
