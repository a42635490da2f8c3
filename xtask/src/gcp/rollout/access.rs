//! Who may call a service: by a command of its own, and read back.

use super::super::lock::Lock;
use super::super::policy::Policy;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::gcloud::{INVOKER, Seen, classify, run};
use crate::gcp::observe::cannot_tell;
use crate::runner::Streams;
use crate::stage::Names;

/// Who may call a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody: the program itself asks who is calling.
    Everybody,
    /// Those who were given the role.
    Granted,
}

/// What a service's policy says.
pub(crate) fn access(policy: &Policy) -> Access {
    if policy.grants_everybody(INVOKER) { Access::Everybody } else { Access::Granted }
}

/// Makes the policy say so, if it does not, and reads it back.
pub(super) fn grant(
    context: &Context,
    names: &Names,
    lock: &Lock<'_>,
    service: &str,
    wanted: Access,
) -> Result<()> {
    if look(context, names, service)? == wanted {
        return Ok(());
    }
    lock.verify()?;
    let command = match wanted {
        Access::Everybody => run::open_to_everybody(names, service),
        Access::Granted => run::close_to_everybody(names, service),
    };
    let _progress = context.printer.progress(&format!("{service}: setting who may call it"));
    context.runner.read(&command)?;
    if look(context, names, service)? == wanted {
        return Ok(());
    }
    Err(Error::failed(match wanted {
        Access::Everybody => format!("{service} was opened to everybody, and is not open"),
        Access::Granted => format!("{service} was closed to everybody, and is open"),
    })
    .hint("an organisation's policy may forbid it (constraints/iam.allowedPolicyMemberDomains): ask who administers it"))
}

fn look(context: &Context, names: &Names, service: &str) -> Result<Access> {
    let command = run::policy(names, service);
    let outcome = context.runner.run(&command, Streams::Captured)?;
    let what = format!("the policy of {service}");
    match classify(&what, &command, &outcome).understand(&what, Policy::parse) {
        Seen::Present(policy) => Ok(access(&policy)),
        Seen::Absent => Err(Error::failed(format!("{service} has just gone"))),
        Seen::Unknown(trouble) => Err(cannot_tell(&[trouble])),
    }
}
