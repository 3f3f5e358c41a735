//! Who looks after the server.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use hubbub_domain::{Actor, AdminAction, AuditUser, User, may_administer};

use super::CurrentUser;
use crate::error::Problem;
use crate::state::App;

/// In the extensions of a request: it comes from whoever has the machine, by a way that nobody else can take. Only the
/// server puts it there, for requests that come by its socket in the data folder.
#[derive(Clone, Copy, Debug)]
pub struct Operator;

/// An admin who is logged in, or the operator. Others are answered 403 before anything of the request is read.
#[derive(Clone, Debug)]
pub(crate) enum AdminUser {
    /// An admin.
    Admin(Box<User>),
    /// Whoever has the machine, who may do everything.
    Operator,
}

impl AdminUser {
    /// Whether this one may do `action`.
    ///
    /// # Errors
    /// 403 `forbidden`.
    pub(crate) fn may(&self, action: AdminAction) -> Result<(), Problem> {
        match self {
            Self::Admin(user) => Ok(may_administer(user, action)?),
            Self::Operator => Ok(()),
        }
    }

    /// As the audit log names them.
    pub(crate) fn actor(&self) -> Actor {
        match self {
            Self::Admin(user) => Actor::User(AuditUser::from(&**user)),
            Self::Operator => Actor::Operator,
        }
    }
}

impl FromRequestParts<App> for AdminUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        if parts.extensions.get::<Operator>().is_some() {
            return Ok(Self::Operator);
        }
        let current = CurrentUser::from_request_parts(parts, app).await?;
        app.limits.admin.by_user(current.user)?;
        let user = app.storage.user(current.user).await?.ok_or_else(Problem::unauthorized)?;
        let admin = Self::Admin(Box::new(user));
        // What every admin may.
        admin.may(AdminAction::ViewLive)?;
        Ok(admin)
    }
}
