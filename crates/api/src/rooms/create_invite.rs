//! `POST /api/rooms/{id}/invites`

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use hubbub_domain::{Action, Invite, InviteId, RoomId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::permitted;
use crate::client_address::ClientAddress;
use crate::error::{Check, Problem};
use crate::extract::{CurrentUser, JsonOrEmpty, Path};
use crate::invites::InviteToken;
use crate::state::App;
use crate::wire;

/// A week.
const DEFAULT_LIFETIME: i64 = 604_800;

/// An invitation to be made.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CreateInvite {
    /// How long it is good for: a minute to 30 days; a week by default.
    #[schema(example = 604_800, minimum = 60, maximum = 2_592_000)]
    expires_in_seconds: Option<i64>,
    /// How many people may accept it: 1 to 1000; no limit by default.
    #[schema(example = 10, minimum = 1, maximum = 1000)]
    max_uses: Option<i64>,
}

/// An invitation. This is the only time that its token is told.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", rename = "Invite")]
#[schema(as = Invite)]
pub(crate) struct CreatedInvite {
    /// Which.
    id: Uuid,
    /// What accepts it: whoever has it may.
    #[schema(example = "pXb1m0cVJmGd0y2mBv5k1yJ9f0yq3xk2w1v0u9t8s7r")]
    token: String,
    /// A link to send to people.
    #[schema(example = "https://talk.example.org/invite/pXb1m0cVJmGd0y2mBv5k1yJ9f0yq3xk2w1v0u9t8s7r", format = "uri")]
    url: String,
    /// From when on it is refused.
    #[schema(example = "2026-11-28T10:00:00.000000Z", format = "date-time")]
    expires_at: String,
    /// How many people may accept it; `null` is without limit.
    #[schema(required = true, example = 10)]
    max_uses: Option<u32>,
}

/// Invite people to a room
///
/// Its owner may. Whoever accepts the invitation may see and enter the room for good.
#[utoipa::path(
    post, path = "/api/rooms/{id}/invites", tag = "invites",
    params(("id" = Uuid, Path, description = "Where to.")),
    request_body(content = Option<CreateInvite>),
    responses(
        (status = 201, description = "The invitation.", body = CreatedInvite),
        (status = 403, description = "`forbidden`: only the room's owner may, or it is private"),
        (status = 404, description = "`room-not-found`: there is no such room"),
    )
)]
pub(crate) async fn create_invite(
    State(app): State<App>,
    client: ClientAddress,
    current: CurrentUser,
    Path(room): Path<RoomId>,
    JsonOrEmpty(body): JsonOrEmpty<CreateInvite>,
) -> Result<(StatusCode, axum::Json<CreatedInvite>), Problem> {
    app.limits.invites.by_address(client)?;
    permitted(&app, room, current.user, Action::Invite).await?;
    let mut check = Check::default();
    let lifetime = match body.expires_in_seconds.unwrap_or(DEFAULT_LIFETIME) {
        seconds @ 60..=2_592_000 => Some(Duration::from_secs(seconds.unsigned_abs())),
        _ => {
            check.fail("expiresInSeconds", "range", "must be 60 to 2592000 (30 days)");
            None
        }
    };
    let max_uses = match body.max_uses {
        None => None,
        Some(uses @ 1..=1000) => u32::try_from(uses).ok(),
        Some(_) => {
            check.fail("maxUses", "range", "must be 1 to 1000; leave it out for no limit");
            None
        }
    };
    let Some(lifetime) = lifetime else { return Err(check.into_problem()) };
    check.finish()?;

    let token = InviteToken::generate()?;
    let now = app.clock.now();
    let expires_at = now.plus(lifetime);
    let invite = Invite {
        id: InviteId::new(),
        room,
        created_by: current.user,
        token_hash: token.hash(),
        expires_at,
        uses_left: max_uses,
        created_at: now,
    };
    let id = invite.id.0;
    app.storage.create_invite(invite).await?;
    let token = token.to_text();
    let url = format!("{}/invite/{token}", app.config.public_url.as_str().trim_end_matches('/'));
    let created = CreatedInvite { id, token, url, expires_at: wire::rfc3339(expires_at), max_uses };
    Ok((StatusCode::CREATED, axum::Json(created)))
}
