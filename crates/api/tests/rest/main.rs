//! The API as its clients see it, through the public router. [`support`] has the harness.

#![expect(clippy::unwrap_used, reason = "a test that meets what it does not expect should end there")]

mod admin;
mod auth;
mod avatars;
mod docs;
mod errors;
mod guards;
mod invites;
mod limits;
mod openapi;
mod outbox;
mod rooms;
mod routes;
mod sessions;
mod support;
mod users;
