//! `DELETE /api/rooms/{id}`

use axum::extract::State;
use axum::http::StatusCode;
use hubbub_domain::{Action, Actor, AuditAction, AuditEntry, AuditRoom, AuditUser, DomainEvent, Room, RoomId};

use super::permitted;
use crate::error::Problem;
use crate::extract::{CurrentUser, Path};
use crate::state::App;
use crate::users::load_me;

/// Delete a room
///
/// Its owner may. Everybody in it is sent out, and its invitations are void.
#[utoipa::path(
    delete, path = "/api/rooms/{id}", tag = "rooms",
    params(("id" = Uuid, Path, description = "Which.")),
    responses(
        (status = 204, description = "The room is gone."),
        (status = 403, description = "`forbidden`: only the room's owner may, or it is private"),
        (status = 404, description = "`room-not-found`: there is no such room"),
    )
)]
pub(crate) async fn delete_room(
    State(app): State<App>,
    current: CurrentUser,
    Path(id): Path<RoomId>,
) -> Result<StatusCode, Problem> {
    let room = permitted(&app, id, current.user, Action::Delete).await?;
    let user = load_me(&app, current.user).await?;
    delete_and_tell(&app, &room, Actor::User(AuditUser::from(&user))).await
}

/// Deletes a room in `actor`'s name.
pub(crate) async fn delete_and_tell(app: &App, room: &Room, actor: Actor) -> Result<StatusCode, Problem> {
    if !app.storage.delete_room(room.id).await? {
        return Err(Problem::room_not_found());
    }
    app.events.publish(DomainEvent::RoomDeleted(room.id));
    let entry = AuditEntry::new(actor, AuditAction::RoomDeleted, app.clock.now()).in_room(AuditRoom::from(room));
    if let Err(error) = app.storage.write_audit(&[entry]).await {
        tracing::warn!(room.id = %room.id, %error, "a deleted room is missing in the audit log");
    }
    Ok(StatusCode::NO_CONTENT)
}
