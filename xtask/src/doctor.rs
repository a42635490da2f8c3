//! `cargo xtask doctor`: what is wrong with this machine and a stage's files, before anything is started.
//!
//! It reads files and asks programs of this machine. What can be seen only from outside, `diagnose` finds out.

mod files;
mod finding;
mod machine;
mod values;

use crate::cli::Doctor;
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use finding::{Finding, Report, Severity};

/// Says everything that is wrong, the causes before what follows from them.
pub fn doctor(context: &Context, args: &Doctor) -> Result<Exit> {
    let mut findings = Vec::new();
    let checked = files::examine(context, args.stage, &mut findings);
    values::examine(context, args.stage, &checked, &mut findings);
    machine::examine(context, args.stage, &checked, &mut findings)?;
    // Warnings last; within each kind the order of the checks, causes first.
    findings.sort_by_key(|finding: &Finding| finding.severity);
    let failed = findings.iter().any(|finding| finding.severity == Severity::Error);
    let report = Report::new(args.stage, findings);
    if args.json {
        context.printer.json(&report);
    } else {
        context.printer.data(&report.text());
    }
    Ok(if failed { Exit::Failed } else { Exit::Success })
}
