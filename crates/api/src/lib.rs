//! The REST API on axum, one file an endpoint.
//!
//! [`router()`] lists every route. Each endpoint's file has its request, its answer, its description for the OpenAPI document
//! and its handler, in this order; the tests drive the public router in `tests/rest/`. Every answer that is no success is a
//! [`Problem`] (RFC 9457), axum's own rejections included.
//!
//! Architecture invariant: nothing here knows SQL, how passwords are hashed or what is in a token, and no rule about who may do
//! what is decided here: that is [`hubbub_domain::may`].

mod admin;
mod auth;
mod avatar;
mod client_address;
mod config;
mod cookies;
mod cross_site;
mod dev;
mod docs;
mod error;
mod extract;
mod guard;
mod html;
mod ice_servers;
mod invites;
mod metrics;
mod openapi;
mod page;
mod rate_limit;
mod rooms;
mod router;
mod server_info;
mod state;
mod users;
mod wire;

pub use client_address::ClientAddress;
pub use config::{Config, IceServerConfig, IceServers, LimitConfig, LimitsConfig};
pub use cross_site::{is_same_site, refuse_cross_site};
pub use error::{Code, FieldError, Problem};
pub use extract::Operator;
pub use metrics::Metrics;
pub use router::{openapi_document, router};
pub use state::State;
