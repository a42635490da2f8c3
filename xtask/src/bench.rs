//! `cargo xtask bench`: figures, measured the same way each time.

mod gcp;

pub use gcp::gcp;
