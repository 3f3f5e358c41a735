//! `GET /api/users/{id}/avatar`

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hubbub_domain::UserId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::avatar;
use crate::error::Problem;
use crate::extract::{CurrentUser, Path, Query};
use crate::state::App;

/// A picture can do nothing, whatever it holds and however it is opened (CSP Level 3, `sandbox`).
const SANDBOX: &str = "sandbox; default-src 'none'";
/// A picture under its version never changes.
const FOR_GOOD: &str = "private, max-age=31536000, immutable";
/// Without its version the browser asks each time, and is mostly answered 304.
const ASK_AGAIN: &str = "private, no-cache";

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AvatarQuery {
    /// The version from `avatarUrl`: with the current one the answer may be cached for good.
    v: Option<String>,
}

/// Somebody's picture
///
/// The uploaded one (256×256), or one drawn from the name (SVG). Has an `ETag`.
#[utoipa::path(
    get, path = "/api/users/{id}/avatar", tag = "users",
    params(("id" = Uuid, Path, description = "Whose."), AvatarQuery),
    responses(
        (
            status = 200, description = "The picture.",
            content((Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp"), (Vec<u8> = "image/svg+xml"))
        ),
        (status = 304, description = "The picture that `If-None-Match` names is the current one."),
        (status = 404, description = "`not-found`: there is no such user"),
    )
)]
pub(crate) async fn get_avatar(
    State(app): State<App>,
    _: CurrentUser,
    Path(id): Path<UserId>,
    Query(query): Query<AvatarQuery>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let user = app.storage.user(id).await?.filter(|user| user.email_verified).ok_or_else(Problem::user_not_found)?;
    let current = avatar::version(&user);
    if matches(&request, &current) {
        let headers = [(header::ETAG, quoted(&current)), (header::CACHE_CONTROL, cache(&query, &current).to_owned())];
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let stored = match user.avatar_version {
        Some(_) => app.storage.avatar(id).await?,
        None => None,
    };
    // The version is that of the bytes: a new picture may have come in since the user was read.
    let (media_type, extension, bytes, version) = match stored {
        Some((media_type, bytes, at)) if media_type == "image/webp" => {
            ("image/webp", "webp", bytes, avatar::stored_version(at))
        }
        Some((_, bytes, at)) => ("image/jpeg", "jpg", bytes, avatar::stored_version(at)),
        None => {
            let name = user.display_name.as_str();
            ("image/svg+xml", "svg", avatar::drawn(id, name).into_bytes(), avatar::drawn_version(name))
        }
    };
    // The file's name comes from the id alone; nothing that a person typed is in a header.
    let disposition = format!("inline; filename=\"{id}.{extension}\"");
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &str| {
        headers.insert(name, HeaderValue::from_str(value).expect("ids, versions and constants are visible ASCII"));
    };
    set(header::CONTENT_TYPE, media_type);
    set(header::CONTENT_DISPOSITION, &disposition);
    set(header::CONTENT_SECURITY_POLICY, SANDBOX);
    set(header::ETAG, &quoted(&version));
    set(header::CACHE_CONTROL, cache(&query, &version));
    Ok(response)
}

fn quoted(version: &str) -> String {
    format!("\"{version}\"")
}

fn cache(query: &AvatarQuery, version: &str) -> &'static str {
    if query.v.as_deref() == Some(version) { FOR_GOOD } else { ASK_AGAIN }
}

/// RFC 9110, section 13.1.2, with the weak comparison.
fn matches(headers: &HeaderMap, version: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or_default().split(','))
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == "*" || tag == quoted(version))
}
