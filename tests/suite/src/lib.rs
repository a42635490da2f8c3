//! The harness of the suites: the real server as a process, MCP clients, browsers, and what a test needs to
//! say about programs that are not there.
//!
//! It links no part of the server: what it knows about the server is what anybody can see from outside.
//! A helper that cannot do its work panics, for its callers are tests.
#![expect(clippy::missing_panics_doc, reason = "every helper panics when it cannot do its work")]

pub mod binary;
pub mod browser;
pub mod conformance;
pub mod docker;
pub mod hostile;
mod install;
pub mod logs;
pub mod mcp;
pub mod memory;
pub mod model;
pub mod net;
pub mod node;
pub mod person;
pub mod post;
pub mod process;
pub mod proxy;
pub mod python;
pub mod server;
pub mod sign_in;
pub mod xtask;

pub use test_support::{require, skip};

/// The folder of the workspace.
pub fn workspace() -> &'static std::path::Path {
    // Set at compile time: the tests of a checkout test that checkout.
    std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
