//! `gcp lock status` and `gcp lock break`.

use serde_json::json;

use super::Holder;
use crate::cli::{GcpLock, GcpLook};
use crate::commands::gcp::settings;
use crate::commands::gcp::state::observe::cannot_tell;
use crate::commands::gcp::unprepared::unread;
use crate::config::context::Context;
use crate::core::ask;
use crate::core::error::{Error, Result};
use crate::core::runner::Runner;
use crate::tools::gcloud::{Seen, lock};

/// Version of the JSON. Fields may be added under the same number; anything else raises it.
const SCHEMA_VERSION: u32 = 1;

/// Says who holds the lock.
pub(crate) fn status(context: &Context, args: &GcpLook) -> Result<()> {
    let names = settings::load(context, args.stage)?.names;
    let holder = match Holder::read(context, &names)? {
        Seen::Present(holder) => Some(holder),
        Seen::Absent => None,
        Seen::Unknown(trouble) => return Err(unread(context, &names, &[trouble])),
    };
    if args.json {
        context.printer.json(&json!({
            "schema_version": SCHEMA_VERSION,
            "stage": args.stage.name(),
            "locked": holder.is_some(),
            "lock": holder,
        }));
        return Ok(());
    }
    match holder {
        Some(holder) => {
            context.printer.data(&format!("{}: locked\n  {}", args.stage, holder.lines().join("\n  ")));
        }
        None => context.printer.data(&format!("{}: not locked", args.stage)),
    }
    Ok(())
}

/// Takes the lock away from whoever holds it, and says whose it was. Its holder stops before its next write.
pub(crate) fn break_lock(context: &Context, args: &GcpLock) -> Result<()> {
    let names = settings::load(context, args.stage)?.names;
    let holder = match Holder::read(context, &names)? {
        Seen::Present(holder) => holder,
        Seen::Absent => {
            said(context, args, None, false);
            return Ok(());
        }
        Seen::Unknown(trouble) => return Err(cannot_tell(&[trouble])),
    };
    let command = lock::release(&names, &holder.etag);
    if args.dry_run {
        said(context, args, Some(&holder), false);
        Runner::dry_run(context.printer.clone(), context.runner.interrupts().clone()).read(&command)?;
        return Ok(());
    }
    if !args.json {
        context.printer.note(&format!("{} is locked\n  {}", args.stage, holder.lines().join("\n  ")));
    }
    let question = "It stops before its next write. Break the lock?";
    if !args.yes && !ask::confirm(&context.printer, &context.runner, question)? {
        return Err(Error::failed("not confirmed; nothing was changed"));
    }
    context.runner.read(&command).map_err(|error| {
        error.hint("look again: cargo xtask gcp lock status").cause("the lock has changed, or it is gone")
    })?;
    said(context, args, Some(&holder), true);
    Ok(())
}

fn said(context: &Context, args: &GcpLock, holder: Option<&Holder>, broken: bool) {
    if args.json {
        context.printer.json(&json!({
            "schema_version": SCHEMA_VERSION,
            "stage": args.stage.name(),
            "broken": broken,
            "lock": holder,
        }));
        return;
    }
    match holder {
        Some(holder) if broken => {
            context.printer.data(&format!("broke the lock of {}, which was {}'s", args.stage, holder.who()));
        }
        Some(holder) => {
            let lines = holder.lines().join("\n  ");
            context.printer.data(&format!("{} is locked\n  {lines}", args.stage));
        }
        None => context.printer.data(&format!("{} is not locked", args.stage)),
    }
}
