//! The part of Google Cloud that the deploy tool calls, for the unmodified gcloud.
//!
//! It is an HTTP forward proxy on loopback: gcloud sends it every request in absolute form, and it answers from a
//! project that it keeps in memory. It checks what gcloud does not, records every call, refuses hosts that nobody
//! expected, and fails when told to.
//!
//! ```no_run
//! let emulator = gcp_emulator::Emulator::start()?;
//! let mut gcloud = std::process::Command::new("gcloud");
//! gcloud.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).envs(emulator.env());
//! gcloud.args(["secrets", "list"]).status()?;
//! assert!(emulator.unexpected().is_empty());
//! # Ok::<(), std::io::Error>(())
//! ```

mod api;
mod call;
mod clock;
mod cloud;
mod control;
mod crc32c;
mod docker;
mod emulator;
mod engine;
mod environment;
mod error;
mod fault;
mod glob;
pub mod installed;
mod policy;
mod proxy;
mod record;
mod region;
mod registry;
mod run;
mod seed;
mod shared;

pub use api::logging::LogSource;
pub use clock::{Clock, ManualClock, SystemClock};
pub use cloud::Cloud;
pub use docker::Docker;
pub use emulator::{Emulator, Options};
pub use engine::{Container, Engine, Ingress, Launch, Route, Scripted, Task};
pub use fault::{Fault, FaultKind, FaultSyntax};
pub use record::Recorded;
pub use registry::Registry;
pub use run::Ending;
pub use shared::Report;
