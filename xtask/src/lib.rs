//! The deploy and ops tool of Validibot MCP, `cargo xtask`.
//!
//! Three layers: what is wanted ([`env`], [`stage`], [`gate`]: values), which commands that takes ([`command`]:
//! data), and a [`runner`] that executes, shows or records them. Only [`output`] writes to the terminal.

pub mod ask;
pub mod bench;
pub mod cli;
pub mod command;
pub mod compose;
pub mod context;
pub mod diagnose;
pub mod docker;
pub mod doctor;
pub mod e2e;
pub mod engine;
pub mod env;
pub mod error;
pub mod exit;
pub mod fleet;
pub mod fuzz;
pub mod gate;
pub mod gcloud;
pub mod gcp;
pub mod generate;
pub mod git;
pub mod image;
pub mod interrupt;
pub mod live;
pub mod local;
pub mod output;
pub mod process;
pub mod program;
pub mod runner;
pub mod sbom;
pub mod secret;
pub mod self_hosted;
pub mod soak;
pub mod stage;
pub mod tasks;
pub mod test;
pub mod tools;
pub mod variables;
pub mod verify;
