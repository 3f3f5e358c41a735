//! The only crate with SQL: SQLite and Postgres behind the traits of [`hubbub_domain::storage`].
//!
//! [`Database::connect`] opens what a [`Config`] names, brings its schema up to date and hands out a [`Database`], which
//! implements every trait and is cheap to clone. One SQL text with `$1` placeholders serves both databases where the
//! dialects allow; where they do not (searching), both texts stand next to each other.
//!
//! - A write that returned `Ok` is on disk: SQLite runs in WAL mode with `synchronous=FULL`, Postgres with
//!   `synchronous_commit` not below what the server is configured for, and never `off`.
//! - SQLite has one connection that writes and several that read, so writers queue in order rather than fail with
//!   `SQLITE_BUSY`; every transaction that writes begins with `BEGIN IMMEDIATE`.
//! - The pools mend themselves: when Postgres goes away, queries fail with
//!   [`StorageError::Unavailable`](hubbub_domain::StorageError::Unavailable) and work again once it is back.
//!
//! Architecture invariant: no other crate of ours depends on `sqlx`, and nothing here decides who may do what.

mod administration;
mod audit;
mod avatars;
mod config;
mod connect;
mod copy;
mod database;
mod directory;
mod email_codes;
mod error;
mod examine;
mod invites;
mod metrics;
mod outbox;
mod rooms;
mod row;
mod search;
mod sessions;
#[cfg(test)]
mod tests;
mod users;

pub use config::{Config, ConnectError};
pub use copy::{Contents, CopyError, copy_sqlite, inspect_sqlite, sqlite_file};
pub use database::Database;
pub use examine::{Examination, Examined, examine};
pub use metrics::{MetricsSnapshot, PoolSnapshot};
