//! Ids in paths. Something that is no id at all is answered as an id that nothing has.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use hubbub_domain::{ParticipantId, RoomId, UserId};

use crate::error::Problem;
use crate::state::App;

/// What may stand in a path as its one parameter.
pub(crate) trait PathParam: FromStr {
    /// The answer when there is no such thing.
    fn not_found() -> Problem;
}

impl PathParam for RoomId {
    fn not_found() -> Problem {
        Problem::room_not_found()
    }
}

impl PathParam for ParticipantId {
    fn not_found() -> Problem {
        Problem::participant_not_found()
    }
}

impl PathParam for UserId {
    fn not_found() -> Problem {
        Problem::user_not_found()
    }
}

/// The parameter of the path.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: PathParam> FromRequestParts<App> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| T::not_found())?;
        let text = params.iter().next().map(|(_, value)| value);
        text.and_then(|text| text.parse().ok()).map(Self).ok_or_else(T::not_found)
    }
}
