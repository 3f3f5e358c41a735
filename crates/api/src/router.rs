//! Every route, in one place.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::{any, get};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use crate::avatar::MAX_UPLOAD_BYTES;
use crate::error::{Code, Problem};
use crate::state::{App, State};
use crate::{admin, auth, cross_site, dev, docs, guard, ice_servers, invites, openapi, rooms, server_info, users};

/// Largest JSON body: the longest profile, several times over.
const MAX_JSON_BYTES: usize = 64 * 1024;

/// What the OpenAPI document describes.
fn described() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(auth::register::register))
        .routes(routes!(auth::verify_email::verify_email))
        .routes(routes!(auth::resend_verification::resend_verification))
        .routes(routes!(auth::login::login))
        .routes(routes!(auth::refresh::refresh))
        .routes(routes!(auth::logout::logout))
        .routes(routes!(auth::me::who_am_i))
        .routes(routes!(auth::ws_ticket::ws_ticket))
        .routes(routes!(users::get_me::get_me, users::update_me::update_me))
        .routes(
            routes!(users::put_avatar::put_avatar, users::delete_avatar::delete_avatar)
                .layer(DefaultBodyLimit::max(MAX_UPLOAD_BYTES)),
        )
        .routes(routes!(users::get_user::get_user))
        .routes(routes!(users::get_avatar::get_avatar))
        .routes(routes!(rooms::list::list_rooms, rooms::create::create_room))
        .routes(routes!(rooms::get::get_room, rooms::update::update_room, rooms::delete::delete_room))
        .routes(routes!(rooms::create_invite::create_invite))
        .routes(routes!(invites::accept::accept_invite))
        .routes(routes!(admin::list_users::admin_list_users))
        .routes(routes!(admin::get_user::admin_get_user, admin::update_user::admin_update_user))
        .routes(routes!(admin::end_sessions::admin_end_sessions))
        .routes(routes!(admin::list_live_rooms::admin_list_live_rooms))
        .routes(routes!(admin::get_live_room::admin_get_live_room, admin::delete_room::admin_delete_room))
        .routes(routes!(admin::close_room::admin_close_room))
        .routes(routes!(
            admin::mute_participant::admin_mute_participant,
            admin::kick_participant::admin_kick_participant
        ))
        .routes(routes!(admin::audit::admin_audit))
        .routes(routes!(ice_servers::ice_servers))
        .routes(routes!(server_info::server_info))
        .routes(routes!(dev::outbox::dev_outbox))
}

/// The REST API under `/api`, its documentation, and `/dev/outbox`.
///
/// It has no fallback of its own, so that it can be merged with other routers; unknown paths under `/api` are answered here.
/// Must be served with `into_make_service_with_connect_info::<SocketAddr>()`.
pub fn router(state: State) -> Router {
    let app = App::new(state);
    let (described, api) = described().split_for_parts();
    let document: Arc<str> = openapi::document(&api).to_string().into();
    let document = move || async move {
        ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], document.to_string())
    };
    described
        .route("/api/openapi.json", get(document))
        .route("/api/docs", get(docs::redirect))
        .route("/api/docs/", get(docs::index))
        .route("/api/docs/{file}", get(docs::file))
        .route("/dev/outbox", get(dev::page::page))
        .route("/dev/outbox.css", get(dev::page::style))
        .route("/dev/outbox.js", get(dev::page::script))
        .route("/api", any(not_found))
        .route("/api/", any(not_found))
        .route("/api/{*rest}", any(not_found))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_JSON_BYTES))
        .layer(axum::middleware::from_fn_with_state(app.clone(), cross_site::middleware))
        .layer(axum::middleware::from_fn_with_state(app.clone(), guard::rate_limit))
        .layer(axum::middleware::from_fn_with_state(app.clone(), guard::time_limit))
        .layer(guard::catch_panics())
        .layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .layer(SetResponseHeaderLayer::overriding(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
        .with_state(app)
}

/// The OpenAPI document, as `/api/openapi.json` has it.
#[must_use]
pub fn openapi_document() -> serde_json::Value {
    openapi::document(described().get_openapi())
}

async fn not_found() -> impl IntoResponse {
    Problem::not_found()
}

async fn method_not_allowed() -> impl IntoResponse {
    Problem::new(
        Code::MethodNotAllowed,
        "this address does not take this method; the Allow header lists those it takes",
    )
}
