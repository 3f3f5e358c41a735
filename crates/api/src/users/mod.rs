//! Profiles and pictures.

pub(crate) mod delete_avatar;
pub(crate) mod get_avatar;
pub(crate) mod get_me;
pub(crate) mod get_user;
pub(crate) mod put_avatar;
pub(crate) mod update_me;

use hubbub_domain::{Role, User, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::Problem;
use crate::state::App;
use crate::{avatar, wire};

/// What somebody may do on this server as a whole.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Role)]
pub(crate) enum RoleName {
    /// What everybody may.
    Member,
    /// Look after the server.
    Admin,
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::Member => Self::Member,
            Role::Admin => Self::Admin,
        }
    }
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Member => Self::Member,
            RoleName::Admin => Self::Admin,
        }
    }
}

/// A user as that user sees it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Me {
    /// Who.
    id: Uuid,
    /// The proved address; shown to nobody else.
    #[schema(example = "ada@example.org", format = "email")]
    email: String,
    /// The unique name.
    #[schema(example = "ada")]
    username: String,
    /// The name others see.
    #[schema(example = "Ada Lovelace")]
    display_name: String,
    /// A few lines about oneself; may be empty.
    #[schema(example = "First programmer.")]
    bio: String,
    /// Path of the picture; changes with it.
    #[schema(example = "/api/users/0192f0c1-2b3c-7d4e-8f50-617283940a1b/avatar?v=65f1c3a2b4d00")]
    avatar_url: String,
    /// What they may do on this server as a whole: `member` or `admin`.
    role: RoleName,
    /// When the account was made.
    #[schema(example = "2026-11-21T10:00:00.000000Z", format = "date-time")]
    created_at: String,
}

impl From<&User> for Me {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.0,
            email: user.email.to_string(),
            username: user.username.to_string(),
            display_name: user.display_name.to_string(),
            bio: user.bio.to_string(),
            avatar_url: avatar::url(user),
            role: user.role.into(),
            created_at: wire::rfc3339(user.created_at),
        }
    }
}

/// A user as others see it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PublicUser {
    /// Who.
    id: Uuid,
    /// The unique name.
    #[schema(example = "ada")]
    username: String,
    /// The name to show.
    #[schema(example = "Ada Lovelace")]
    display_name: String,
    /// A few lines about oneself; may be empty.
    #[schema(example = "First programmer.")]
    bio: String,
    /// Path of the picture; changes with it.
    #[schema(example = "/api/users/0192f0c1-2b3c-7d4e-8f50-617283940a1b/avatar?v=65f1c3a2b4d00")]
    avatar_url: String,
}

impl From<&User> for PublicUser {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.0,
            username: user.username.to_string(),
            display_name: user.display_name.to_string(),
            bio: user.bio.to_string(),
            avatar_url: avatar::url(user),
        }
    }
}

/// The user who is logged in. An account that is gone is no login.
pub(crate) async fn load_me(app: &App, id: UserId) -> Result<User, Problem> {
    app.storage.user(id).await?.ok_or_else(Problem::unauthorized)
}
