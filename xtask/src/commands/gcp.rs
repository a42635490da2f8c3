//! `cargo xtask gcp`: Google Cloud, by the gcloud that the operator has.
//!
//! Each command reads what is there, works out the difference, shows it, asks, and applies only that.

mod age;
mod apply;
mod balancer;
mod build;
mod deploy;
pub(crate) mod emulator;
pub(crate) mod identity;
pub(crate) mod lock;
mod logs;
mod maintenance;
pub(crate) mod mcp;
mod plan;
pub(crate) mod policy;
pub(crate) mod releases;
pub(crate) mod rollout;
mod scope;
pub(crate) mod secrets;
pub(crate) mod service;
pub(crate) mod settings;
pub(crate) mod setup;
mod side_by_side;
pub(crate) mod state;
mod status;
mod unprepared;

use crate::cli::{Gcp, GcpGate, GcpGated, GcpLocking, GcpMaintenance};
use crate::config::context::Context;
use crate::config::stage::Stage;
use crate::core::error::Result;
use crate::core::exit::Exit;

/// Does what `gcp` was asked for.
pub fn gcp(context: &Context, task: &Gcp) -> Result<Exit> {
    let gated = |what: &str, stage: Stage, gate: GcpGate, act: &dyn Fn() -> Result<()>| -> Result<()> {
        // The gate comes before anything else: closed, no program is started and no other file is read.
        if settings::gate_is_open(context, stage, what, gate)? { act() } else { Ok(()) }
    };
    match task {
        Gcp::Plan(args) => {
            let open = settings::gate_is_open(context, args.stage, "gcp plan", args.gate)?;
            return if open { deploy::plan(context, args) } else { Ok(Exit::Success) };
        }
        Gcp::Deploy(args) => {
            gated("gcp deploy", args.common.stage, args.gate, &|| deploy::deploy(context, args))
        }
        Gcp::DeployAll(args) => deploy::deploy_all(context, args),
        Gcp::Setup(GcpGated { common, gate }) => {
            gated("gcp setup", common.stage, *gate, &|| setup::setup(context, common))
        }
        Gcp::Build(args) => gated("gcp build", args.common.stage, args.gate, &|| build::build(context, args)),
        Gcp::Secrets(GcpGated { common, gate }) => {
            gated("gcp secrets", common.stage, *gate, &|| secrets::secrets(context, common))
        }
        // Open or closed: what is there can be looked at, and a service brought back.
        Gcp::Rollback(args) => releases::rollback(context, args),
        Gcp::Releases(args) => releases::releases(context, args),
        Gcp::Release(args) => releases::release(context, args),
        Gcp::Status(args) => return status::status(context, args),
        Gcp::Lock(GcpLocking::Status(args)) => lock::status(context, args),
        Gcp::Lock(GcpLocking::Break(args)) => lock::break_lock(context, args),
        Gcp::LbAdd(args) => balancer::lb_add(context, args),
        // Of the fleet the gate leaves out the MCP server alone.
        Gcp::Maintenance(GcpMaintenance::On(args)) => maintenance::on(context, args),
        Gcp::Maintenance(GcpMaintenance::Off(args)) => maintenance::off(context, args),
        Gcp::Logs(args) => logs::logs(context, args),
        Gcp::Emulator(args) => emulator::emulator(context, args),
    }?;
    Ok(Exit::Success)
}
