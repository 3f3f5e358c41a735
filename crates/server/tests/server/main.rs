//! The real binary, started on free ports with a data folder of its own, and asked what a visitor or an operator would.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod admin;
mod backup;
mod certificates;
mod doctor;
mod draining;
mod firewall;
mod harness;
mod http;
mod lifecycle;
mod limits;
mod namespace;
mod observability;
mod postgres;
mod service;
mod sessions;
mod startup;
mod tls;
mod turn;
