//! Environment files, what overrides what, and where each value comes from.

mod file;
mod layers;
mod location;
mod tree;

pub use crate::core::environment::Environment;
pub use file::{Entry, EnvFile, Unreadable};
pub use layers::{Found, Layers, Origin};
pub use location::Location;
pub use tree::{JUST, Tree};
