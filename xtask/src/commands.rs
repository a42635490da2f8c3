//! What each command of `cargo xtask` does.

pub mod bench;
pub mod completions;
pub mod contract;
pub mod diagnose;
pub mod doctor;
pub mod e2e;
pub mod env;
pub mod fuzz;
pub mod gcp;
pub mod generate;
pub mod help;
pub mod live;
pub mod local;
pub mod log_line;
pub mod self_hosted;
pub mod soak;
pub mod test;
pub mod verify;
