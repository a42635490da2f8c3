//! The commands that inspect a server, from outside or with its settings, and the client that they do it with.

mod client;
pub mod contract;
pub mod diagnose;
pub mod e2e;
pub mod healthcheck;
pub mod license;
pub mod probe;
pub mod validate;
