//! A stage's part of Google Cloud: what its server needs there, from the login to the certificate.
//!
//! Anything that cannot be read is a separate finding; no other finding is derived from it.

mod account;
mod front;
mod project;
mod secret;
mod service;
mod unknown;

use std::io;
use std::net::IpAddr;

use super::finding::Finding;
use crate::commands::env::Checked;
use crate::commands::gcp::settings;
use crate::config::context::Context;
use crate::config::stage::{Names, Stage};
use crate::core::error::Result;

/// Asks for a host's addresses, as this machine knows them.
pub type Resolve<'a> = &'a dyn Fn(&str) -> io::Result<Vec<IpAddr>>;

/// What the checks have in common.
struct CloudChecks<'a> {
    context: &'a Context,
    checked: &'a Checked,
    stage: Stage,
    names: Names,
    /// Maximum concurrent gcloud reads.
    at_once: usize,
}

/// Checks the project, causes first: the consequences of a cause that was found are not checked.
pub(super) fn examine(
    context: &Context,
    (stage, at_once): (Stage, usize),
    checked: &Checked,
    resolve: Resolve<'_>,
    findings: &mut Vec<Finding>,
) -> Result<()> {
    // What is wrong with the settings was said with the files.
    let Ok(settings) = settings::load(context, stage) else { return Ok(()) };
    let look = CloudChecks { context, checked, stage, names: settings.names, at_once };
    let Some(project) = project::read(&look, findings)? else { return Ok(()) };
    let service = service::read(&look, findings)?;
    secret::examine(&look, &project, service.secret_version(&look), findings)?;
    let leads_here = front::examine(&look, &project, resolve, findings)?;
    service::examine(&look, &service, leads_here, findings)
}

/// gcloud itself, which answers without a network: it is checked with or without the cloud.
pub(super) fn examine_gcloud(context: &Context, stage: Stage) -> Result<Vec<Finding>> {
    account::examine(context, stage)
}

impl CloudChecks<'_> {
    /// Where something in the project is.
    fn place(&self, resource: &str) -> String {
        format!("{resource} in project {}", self.names.project())
    }

    /// The command of this tool that mends it.
    fn command(&self, task: &str) -> String {
        format!("cargo xtask gcp {task} {}", self.stage)
    }
}
