//! The MCP server for Validibot.
//!
//! A request goes one way: limits, inbound authentication (chain 1: who is the user), Host and Origin, rmcp, the kill switch, the
//! tool, outbound authentication (chain 2: how we prove ourselves to Validibot), the reply.
//!
//! The modules are rooms in rows: each imports from rows below its own, and only [`http`] and [`serve`] see the whole
//! [`app::App`]. ARCHITECTURE.md has the rows from the ground up, and a test holds them. Where to begin reading: [`http::router`] has
//! every route, [`mcp`] every tool, [`config`] every setting.

pub mod app;
pub mod base;
pub mod caller;
pub mod cli;
pub mod commands;
pub mod config;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod http;
pub mod limits;
pub mod mcp;
pub mod oauth;
mod payments;
mod resources;
pub mod seal;
pub mod serve;
pub mod telemetry;
mod uploads;
pub mod validibot;
mod view;
