//! What stands in front of every route: the general rate limit, the time limit, and the net that catches panics.

use std::any::Any;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::{CatchPanicLayer, ResponseForPanic};

use crate::client_address::ClientAddress;
use crate::error::{Code, Problem};
use crate::state::App;

/// 429 for clients that ask without pause.
pub(crate) async fn rate_limit(
    State(app): State<App>,
    client: ClientAddress,
    request: Request,
    next: Next,
) -> Response {
    match app.limits.general.by_address(client) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// 503 `timeout` for what takes too long.
pub(crate) async fn time_limit(State(app): State<App>, request: Request, next: Next) -> Response {
    let limit = app.config.request_timeout;
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            Problem::new(Code::Timeout, "the request took too long; try again").retry_after(limit).into_response()
        }
    }
}

/// A panic ends one request, not the server.
pub(crate) fn catch_panics() -> CatchPanicLayer<AnswerPanic> {
    CatchPanicLayer::custom(AnswerPanic)
}

/// 500 `internal`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnswerPanic;

impl ResponseForPanic for AnswerPanic {
    type ResponseBody = axum::body::Body;

    fn response_for_panic(&mut self, panic: Box<dyn Any + Send + 'static>) -> Response {
        Problem::internal(&loggable(&*panic)).into_response()
    }
}

/// What may be logged of a panic: a text that stands in the source. One put together while running may hold anything,
/// a request's secrets too; the process's panic hook logs the place of both.
fn loggable(panic: &(dyn Any + Send)) -> &'static str {
    panic.downcast_ref::<&'static str>().copied().unwrap_or("a panic; its text is not logged")
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn o1_only_texts_of_the_source_are_logged() {
        let caught = catch_unwind(|| panic!("a text of the source")).unwrap_err();
        assert_eq!(loggable(&*caught), "a text of the source");
        let token = "eyJhbGciOiJIUzI1NiJ9";
        let caught = catch_unwind(|| panic!("no login for {token}")).unwrap_err();
        assert!(!loggable(&*caught).contains(token));
        let caught = catch_unwind(|| std::panic::panic_any(7)).unwrap_err();
        assert_eq!(loggable(&*caught), "a panic; its text is not logged");
    }
}
