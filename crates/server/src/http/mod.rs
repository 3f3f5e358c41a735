//! The public listener: connections, what every request passes through, and the web client's files.

pub(crate) mod assets;
pub(crate) mod health;
pub(crate) mod layers;
pub(crate) mod listener;
pub(crate) mod problem;
