//! `cargo xtask gcp`: Google Cloud, by the gcloud that the operator has.
//!
//! Each command reads what is there, works out the difference, shows it, asks, and applies only that.

mod apply;
mod build;
mod deploy;
pub(crate) mod emulator;
pub(crate) mod lock;
pub(crate) mod mcp;
pub(crate) mod observe;
mod plan;
pub(crate) mod policy;
pub(crate) mod rollout;
pub(crate) mod secrets;
pub(crate) mod service;
pub(crate) mod settings;
pub(crate) mod setup;
mod side_by_side;

use crate::cli::{Gcp, GcpLocking, GcpStage};
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;

/// Does what `gcp` was asked for.
pub fn gcp(context: &Context, task: &Gcp) -> Result<Exit> {
    let gated = |what: &str, args: &GcpStage, act: &dyn Fn() -> Result<()>| -> Result<()> {
        // The gate comes before anything else: closed, no program is started and no other file is read.
        if settings::gate_is_open(context, args.stage, what)? { act() } else { Ok(()) }
    };
    match task {
        Gcp::Plan(args) => {
            let open = settings::gate_is_open(context, args.stage, "gcp plan")?;
            return if open { deploy::plan(context, args) } else { Ok(Exit::Success) };
        }
        Gcp::Deploy(args) => gated("gcp deploy", &args.common, &|| deploy::deploy(context, args)),
        Gcp::Setup(args) => gated("gcp setup", args, &|| setup::setup(context, args)),
        Gcp::Build(args) => gated("gcp build", &args.common, &|| build::build(context, args)),
        Gcp::Secrets(args) => gated("gcp secrets", args, &|| secrets::secrets(context, args)),
        Gcp::Lock(GcpLocking::Status(args)) => lock::status(context, args),
        Gcp::Lock(GcpLocking::Break(args)) => lock::break_lock(context, args),
        Gcp::Emulator(args) => emulator::emulator(context, args),
    }?;
    Ok(Exit::Success)
}
