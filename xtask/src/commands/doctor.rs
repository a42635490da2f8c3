//! `cargo xtask doctor`: what is wrong with this machine and a stage's files, and with its part of Google Cloud.
//!
//! It reads files, asks programs of this machine and, for a stage on Google Cloud, gcloud. What can be seen only
//! from outside, `diagnose` finds out.

mod cloud;
mod files;
mod finding;
mod hosts;
mod machine;
mod values;

use std::net::{IpAddr, ToSocketAddrs as _};

use crate::cli::Doctor;
use crate::config::context::Context;
use crate::config::stage::Target;
use crate::core::error::Result;
use crate::core::exit::Exit;
pub use cloud::Resolve;
use finding::{Finding, Report, Severity};

/// Reports everything that is wrong, causes before their consequences.
pub fn doctor(context: &Context, args: &Doctor) -> Result<Exit> {
    examine(context, args, &resolve)
}

/// As [`doctor`], with a resolver of one's own.
pub fn examine(context: &Context, args: &Doctor, resolve: Resolve<'_>) -> Result<Exit> {
    let stage = args.target()?;
    let mut findings = Vec::new();
    let checked = files::examine(context, stage, &mut findings);
    values::examine(context, stage, &checked, &mut findings);
    machine::examine(context, stage, &checked, &mut findings)?;
    let mut looked_at = "its files or this machine";
    if let Target::GoogleCloud(stage) = stage {
        let gcloud = cloud::examine_gcloud(context, stage)?;
        let usable = gcloud.iter().all(|finding| finding.severity != Severity::Error);
        findings.extend(gcloud);
        // Without files nothing is known of the project.
        if usable && !args.offline && !checked.files.is_empty() {
            looked_at = "its files, this machine or its part of Google Cloud";
            cloud::examine(context, (stage, args.at_once), &checked, resolve, &mut findings)?;
        }
    }
    // Warnings last; within each kind the order of the checks, causes first.
    findings.sort_by_key(|finding: &Finding| finding.severity);
    let failed = findings.iter().any(|finding| finding.severity == Severity::Error);
    let report = Report::new(stage, looked_at, findings);
    if args.json {
        context.printer.json(&report);
    } else {
        context.printer.report(&report.text());
    }
    Ok(if failed { Exit::Failed } else { Exit::Success })
}

/// The system's resolver: no HTTP, and the same answer that a client of this machine would get.
fn resolve(host: &str) -> std::io::Result<Vec<IpAddr>> {
    Ok((host, 443).to_socket_addrs()?.map(|address| address.ip()).collect())
}
