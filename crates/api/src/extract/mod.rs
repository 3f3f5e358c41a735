//! Parsing requests. Whatever is wrong is answered as a [`Problem`](crate::Problem), never as axum's plain text.

mod admin;
mod body;
mod json;
mod path;
mod query;
mod session;

pub(crate) use admin::AdminUser;
pub use admin::Operator;
pub(crate) use body::Body;
pub(crate) use json::{Json, JsonOrEmpty};
pub(crate) use path::{Path, PathParam};
pub(crate) use query::Query;
pub(crate) use session::{CurrentUser, access_token};
