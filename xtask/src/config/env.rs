//! Environment files, what overrides what, and where each value comes from.

mod file;
mod layers;
mod tree;

pub use crate::core::environment::Environment;
pub use file::{Entry, EnvFile};
pub use layers::{Found, Layers, Origin};
pub use tree::{JUST, Tree};
