//! Every environment variable of Validibot MCP, declared once, and the grammar of the files that hold them.
//!
//! From [`VARIABLES`] come the `*.example` files, `docs/configuration.md`,
//! `cargo xtask env explain`, the server's settings and the deploy tool's checks.
//! The crate has no dependencies: everything else in the workspace reads it.

mod boolean;
mod check;
pub mod file;
mod place;
mod render;
mod suggest;
mod table;
mod variable;

pub use boolean::{parse_gate, parse_switch};
pub use place::{Line, Place};
pub use render::{configuration_page, example_file};
pub use suggest::closest;
pub use table::{VARIABLES, deploy, find, oauth, sandbox, server, tests, x402};
pub use variable::{Fallback, HeldIn, Kind, Reader, Required, Variable};
