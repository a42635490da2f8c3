//! The MCP server for Validibot.
//!
//! A request goes one way: limits, chain 1 (who is the user), Host and Origin, rmcp, the kill switch, the
//! tool, chain 2 (how we prove ourselves to Validibot), the reply. The modules follow that order;
//! ARCHITECTURE.md has the map.

mod absent;
pub mod app;
mod browsers;
pub mod caller;
mod clean;
pub mod cli;
pub mod clock;
pub mod config;
pub mod diagnose;
pub mod e2e;
pub mod env;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod healthcheck;
mod hex;
mod http_body;
mod json;
pub mod license;
pub mod lifecycle;
pub mod limits;
pub mod oauth;
mod outside;
mod page;
mod payments;
pub mod probe;
mod public;
pub mod random;
mod resources;
pub mod router;
pub mod seal;
pub mod serve;
pub mod telemetry;
#[cfg(test)]
mod testing;
pub mod tools;
mod trouble;
mod uploads;
pub mod validibot;
mod visible;
