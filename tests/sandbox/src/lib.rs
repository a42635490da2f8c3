//! A stand-in Validibot deployment that a laptop can run.
//!
//! It answers the part of Validibot's HTTP API that the MCP server uses: the licence, API tokens, the helper
//! endpoints with service authentication, the public REST API, the API for agents that pay, the OpenID provider, and workflows that really
//! validate what they are given: energy models, tables of sensor readings, and the files of modellers. State is held in memory
//! and is gone when the process ends. It shares no code with the server: each is held to the same contract by its own golden
//! examples, so that a mistake in one is not repeated in the other.
//!
//! As a library it is a test's backend: start one on a free port, script its [`Fault`]s route by route, and
//! read what it [`Received`].
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use sandbox::{Fault, Route, Sandbox};
//!
//! let sandbox = Sandbox::builder().start().await?;
//! sandbox.misbehave(Route::ListWorkflows, Fault::Status(503));
//! // … point a client at sandbox.url() …
//! assert!(sandbox.received().is_empty());
//! sandbox.stop().await;
//! # Ok::<(), std::io::Error>(())
//! # })?;
//! # Ok::<(), std::io::Error>(())
//! ```

mod answer;
mod api;
mod auth;
mod builder;
mod clock;
mod connection;
mod dispatch;
mod fault;
pub mod fixtures;
mod google;
mod hex;
mod idempotency;
mod json;
mod jwt;
pub mod ledger;
pub mod metadata;
mod oidc;
mod pages;
mod random;
mod received;
mod refs;
mod route;
mod running;
mod runs;
mod serve;
mod state;
mod submission;
mod throttle;
mod validators;
mod version;
mod world;

pub use builder::{Builder, Edition};
pub use fault::Fault;
pub use google::{GoogleCerts, GoogleVerification};
pub use oidc::Mint;
pub use received::Received;
pub use route::Route;
pub use running::Sandbox;
pub use submission::Stored;
pub use version::Version;
