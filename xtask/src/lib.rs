//! The deploy and ops tool of Validibot MCP, `cargo xtask`.
//!
//! Three layers: what is wanted ([`config`]: values), which commands that takes ([`core::command`]: data), and a
//! [`core::runner`] that executes, shows or records them. Only [`core::output`] writes to the terminal.

pub mod artifact;
pub mod cli;
pub mod commands;
pub mod config;
pub mod core;
pub mod tools;
