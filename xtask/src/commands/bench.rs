//! `cargo xtask bench`: figures, measured the same way each time.

mod gcp;
mod server;

pub use gcp::gcp;
pub use server::server;
