//! The MCP server for Validibot.
//!
//! A request goes one way: limits, chain 1 (who is the user), Host and Origin, rmcp, the kill switch, the
//! tool, chain 2 (how we prove ourselves to Validibot), the reply. The modules follow that order;
//! ARCHITECTURE.md has the map.

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
