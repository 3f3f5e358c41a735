//! Who is logged in.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use hubbub_auth::{Identity, SessionError};
use hubbub_domain::UserId;

use crate::config::Config;
use crate::cookies::TokenCookie;
use crate::error::{Code, Problem};
use crate::state::App;

/// Whoever an access token proves, in `Authorization: Bearer` (RFC 6750) or the cookie. The login must live: one look-up in
/// storage for each request, so that a logout counts at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CurrentUser {
    /// The account.
    pub(crate) user: UserId,
    /// The whole proof.
    pub(crate) identity: Identity,
}

/// The access token that came with a request. A bearer token wins over the cookie.
pub(crate) fn access_token(headers: &HeaderMap, config: &Config) -> Option<String> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    bearer.or_else(|| TokenCookie::Access.read(headers, config))
}

impl FromRequestParts<App> for CurrentUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let token = access_token(&parts.headers, &app.config).ok_or_else(Problem::unauthorized)?;
        match app.auth.authenticate_live(&token).await {
            Ok(identity) => {
                // The log of this request, in the server's span.
                tracing::Span::current().record("user.id", tracing::field::display(identity.user));
                Ok(Self { user: identity.user, identity })
            }
            Err(SessionError::Invalid) => {
                Err(Problem::new(Code::Unauthorized, "the access token is not valid here; log in again"))
            }
            Err(SessionError::Expired) => {
                Err(Problem::new(Code::TokenExpired, "the access token has expired; refresh it"))
            }
            Err(SessionError::Storage(error)) => Err(error.into()),
        }
    }
}
