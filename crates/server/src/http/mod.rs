//! The public listener: connections, what every request passes through, and the web client's files.

mod activity;
pub(crate) mod assets;
pub(crate) mod client_network;
mod connection;
pub(crate) mod health;
pub(crate) mod layers;
pub(crate) mod listener;
pub(crate) mod places;
pub(crate) mod problem;
pub(crate) mod redirect;
mod seldom;
