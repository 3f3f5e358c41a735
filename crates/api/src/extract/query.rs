//! Query strings.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::{FieldError, Problem};
use crate::state::App;

/// The parameters of a query string. Endpoints take them as text and parse them with [`Check`](crate::error::Check), so
/// that the answer names the parameter; what fails here is a parameter that is there twice.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        axum::extract::Query::try_from_uri(&parts.uri).map(|query| Self(query.0)).map_err(|rejection| {
            let text = rejection.body_text();
            let message = text.rsplit_once(": ").map_or(text.as_str(), |(_, message)| message).to_owned();
            let field = message.split('`').nth(1).unwrap_or("query").to_owned();
            Problem::validation(vec![FieldError { field, code: "query", detail: format!("cannot be read: {message}") }])
        })
    }
}
