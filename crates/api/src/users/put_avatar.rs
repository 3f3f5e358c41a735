//! `PUT /api/users/me/avatar`

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::{Json, RequestExt};
use hubbub_domain::DomainEvent;

use super::{Me, load_me};
use crate::avatar::{self, PictureError};
use crate::client_address::ClientAddress;
use crate::error::{Code, Problem};
use crate::extract::{Body, CurrentUser};
use crate::state::App;

/// Upload a picture
///
/// The body is the file itself: PNG, JPEG, WebP or GIF (its first frame), at most 5 MiB, 8192 pixels wide and high, and 40
/// megapixels. It is turned upright, cropped to the centre square, scaled to 256×256 and encoded anew, so that nothing but
/// pixels is kept (no place, no camera).
#[utoipa::path(
    put, path = "/api/users/me/avatar", tag = "users",
    request_body(
        description = "The picture.",
        content((Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp"), (Vec<u8> = "image/gif"))
    ),
    responses(
        (status = 200, description = "The profile with the new `avatarUrl`.", body = Me),
        (status = 413, description = "`payload-too-large`: more than 5 MiB, 8192 pixels a side or 40 megapixels"),
        (status = 415, description = "`unsupported-media-type`: not one of the four types, not what its type says, or damaged"),
        (status = 503, description = "`server-busy`: too many pictures are being uploaded"),
    )
)]
pub(crate) async fn put_avatar(
    State(app): State<App>,
    client: ClientAddress,
    current: CurrentUser,
    headers: HeaderMap,
    request: axum::extract::Request,
) -> Result<Json<Me>, Problem> {
    app.limits.avatars.by_address(client)?;
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let content_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let _upload = app.avatar_uploads.try_acquire().map_err(|_| Problem::server_busy())?;
    let Body(bytes) = request.extract_with_state(&app).await?;
    let permit = app.avatar_permits.clone().acquire_owned().await.map_err(|error| Problem::internal(&error))?;
    let prepared = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        avatar::prepare(&content_type, &bytes)
    });
    // Without the text of a panic, which may hold anything.
    let prepared = prepared.await.map_err(|_| Problem::internal(&"a picture made its decoder panic"))?;
    let picture = prepared.map_err(|error| match error {
        PictureError::Unsupported(detail) => Problem::new(Code::UnsupportedMediaType, detail),
        PictureError::TooLarge(detail) => Problem::new(Code::PayloadTooLarge, detail),
    })?;
    app.storage.put_avatar(current.user, picture.media_type, &picture.bytes, app.clock.now()).await?;
    app.events.publish(DomainEvent::ProfileChanged(current.user));
    Ok(Json(Me::from(&load_me(&app, current.user).await?)))
}
