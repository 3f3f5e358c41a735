//! `GET /api/dev/outbox`

use axum::Json;
use axum::extract::State;
use hubbub_domain::storage::OutboxMail;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{OutboxVisible, SHOWN};
use crate::error::Problem;
use crate::state::App;
use crate::wire;

/// A mail in the built-in outbox.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", rename = "OutboxMail")]
#[schema(as = OutboxMail)]
pub(crate) struct Mail {
    /// Which.
    id: Uuid,
    /// To whom.
    #[schema(example = "ada@example.org")]
    to: String,
    /// Its subject.
    #[schema(example = "Your code for Hubbub")]
    subject: String,
    /// Its plain text.
    #[schema(example = "Your code is 271828.")]
    text: String,
    /// When it was sent.
    #[schema(example = "2026-11-21T10:00:00.000000Z", format = "date-time")]
    created_at: String,
}

impl From<OutboxMail> for Mail {
    fn from(mail: OutboxMail) -> Self {
        let created_at = wire::rfc3339(mail.created_at);
        Self { id: mail.id.0, to: mail.to, subject: mail.subject, text: mail.text, created_at }
    }
}

/// The newest mails.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", rename = "Outbox")]
#[schema(as = Outbox)]
pub(crate) struct Mails {
    /// Newest first, at most 50.
    mails: Vec<Mail>,
}

/// Read the built-in outbox
///
/// Only while no SMTP server is configured, and only for clients on the server's own machine; for all others there is nothing
/// here.
#[utoipa::path(
    get, path = "/api/dev/outbox", tag = "server", security(()),
    responses(
        (status = 200, description = "The newest mails.", body = Mails),
        (status = 404, description = "`not-found`: mail is sent by SMTP, or the client is on another machine"),
    )
)]
pub(crate) async fn dev_outbox(_: OutboxVisible, State(app): State<App>) -> Result<Json<Mails>, Problem> {
    let mails = app.storage.outbox_mails(SHOWN).await?.into_iter().map(Mail::from).collect();
    Ok(Json(Mails { mails }))
}
