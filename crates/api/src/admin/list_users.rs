//! `GET /api/admin/users`

use axum::Json;
use axum::extract::State;
use hubbub_domain::storage::{UserCursor, UserFilter, UserState};
use hubbub_domain::{AdminAction, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{AdminUserRow, page_size};
use crate::error::{Check, Problem};
use crate::extract::{AdminUser, Query};
use crate::page::{self, Place};
use crate::state::App;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsersQuery {
    /// Words that must be in address, username or shown name; case and diacritics do not matter.
    #[param(example = "ada", max_length = 100)]
    search: Option<String>,
    /// Only those: `admin`, `blocked` or `unverified`.
    #[param(example = "blocked")]
    state: Option<String>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// How many users, 1 to 200; 50 by default.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, example = 50)]
    limit: Option<String>,
}

/// One page of users.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AdminUserList {
    /// Newest first.
    users: Vec<AdminUserRow>,
    /// Gets the next page; `null` on the last one.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// List users
///
/// All accounts, those too whose address is not proved; newest first.
#[utoipa::path(
    get, path = "/api/admin/users", tag = "admin",
    params(UsersQuery),
    responses(
        (status = 200, description = "One page.", body = AdminUserList),
        (status = 403, description = "`forbidden`: only admins of this server may"),
    )
)]
pub(crate) async fn admin_list_users(
    State(app): State<App>,
    admin: AdminUser,
    Query(query): Query<UsersQuery>,
) -> Result<Json<AdminUserList>, Problem> {
    admin.may(AdminAction::ViewUsers)?;
    let mut check = Check::default();
    let state = match query.state.as_deref() {
        None => None,
        Some("admin") => Some(UserState::Admin),
        Some("blocked") => Some(UserState::Blocked),
        Some("unverified") => Some(UserState::Unverified),
        Some(_) => {
            check.fail("state", "choice", "must be admin, blocked or unverified");
            None
        }
    };
    let filter = UserFilter { search: page::search(&mut check, query.search.as_deref()), state };
    let size = page_size(&mut check, query.limit.as_deref());
    let after = page::after(&mut check, query.cursor.as_deref(), Place::decode)
        .map(|Place { time, id }| UserCursor { created_at: time, id: UserId(id) });
    check.finish()?;

    let mut users = app.storage.list_users(&filter, after, size.to_read(), app.clock.now()).await?;
    let next_cursor = size.cut(&mut users, |last| Place { time: last.user.created_at, id: last.user.id.0 }.encode());
    Ok(Json(AdminUserList { users: users.iter().map(AdminUserRow::from).collect(), next_cursor }))
}
