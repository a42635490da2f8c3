//! Who may call a service: by a command of its own, and read back.

use super::super::lock::Lock;
use super::super::policy::Policy;
use crate::commands::gcp::service::Live;
use crate::commands::gcp::state::observe::cannot_tell;
use crate::config::context::Context;
use crate::config::stage::Names;
use crate::core::error::{Error, Result};
use crate::core::runner::Streams;
use crate::tools::gcloud::{INVOKER, Seen, classify, run};

/// Who may call a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody: the program itself asks who is calling.
    Everybody,
    /// Those who were given the role.
    Granted,
}

/// Who may call a service that is there, as it says itself and as its policy says: where Cloud Run checks nobody, the policy has
/// no say.
pub(crate) fn access(live: Option<&Live>, policy: Option<&Policy>) -> Access {
    let open = live.is_some_and(Live::checks_nobody)
        || policy.is_some_and(|policy| policy.grants_everybody(INVOKER));
    if open { Access::Everybody } else { Access::Granted }
}

/// Makes it so, if it is not, and reads it back; the service as it is then, where it has become another for that.
///
/// Everybody is let in by the policy. Where the organization allows none that names everybody, Cloud Run is told to check nobody.
pub(super) fn grant(
    context: &Context,
    names: &Names,
    lock: &Lock<'_>,
    live: &Live,
    (service, wanted): (&str, Access),
) -> Result<Option<Live>> {
    let policy = look(context, names, service)?;
    if access(Some(live), Some(&policy)) == wanted {
        return Ok(None);
    }
    let _progress = context.printer.progress(&format!("{service}: setting who may call it"));
    let check = |check: bool| -> Result<Live> {
        lock.verify()?;
        let outcome = context.runner.read(&run::check_invokers(names, service, check))?;
        let understood = Live::parse(&outcome.stdout);
        understood.ok_or_else(|| Error::failed("gcloud's answer is not a service's document"))
    };
    lock.verify()?;
    let mut after = None;
    if wanted == Access::Everybody {
        let command = run::open_to_everybody(names, service);
        let outcome = context.runner.run(&command, Streams::Captured)?;
        if outcome.code != 0 && is_forbidden(&outcome.stderr) {
            context.printer.note(
                "  the organization allows no policy that names everybody: Cloud Run is told to check no caller",
            );
            after = Some(check(false).map_err(|error| error.hint(ASK))?);
        } else {
            outcome.success_of(&command)?;
        }
    } else {
        if live.checks_nobody() {
            after = Some(check(true)?);
        }
        if policy.grants_everybody(INVOKER) {
            lock.verify()?;
            context.runner.read(&run::close_to_everybody(names, service))?;
        }
    }
    if access(Some(after.as_ref().unwrap_or(live)), Some(&look(context, names, service)?)) == wanted {
        return Ok(after);
    }
    Err(Error::failed(match wanted {
        Access::Everybody => format!("{service} was opened to everybody, and is not open"),
        Access::Granted => format!("{service} was closed to everybody, and is open"),
    })
    .hint(ASK))
}

/// What to do where neither way is allowed.
const ASK: &str = "an organization's policy may forbid it (constraints/iam.allowedPolicyMemberDomains, \
                   constraints/run.managed.requireInvokerIam): ask who administers it";

/// Whether a policy was refused because of whom it names.
fn is_forbidden(stderr: &str) -> bool {
    ["do not belong to a permitted customer", "allowedPolicyMember"]
        .iter()
        .any(|words| stderr.contains(words))
}

fn look(context: &Context, names: &Names, service: &str) -> Result<Policy> {
    let command = run::policy(names, service);
    let outcome = context.runner.run(&command, Streams::Captured)?;
    let what = format!("the policy of {service}");
    match classify(&what, &command, &outcome).understand(&what, Policy::parse) {
        Seen::Present(policy) => Ok(policy),
        Seen::Absent => Err(Error::failed(format!("{service} has just gone"))),
        Seen::Unknown(trouble) => Err(cannot_tell(&[trouble])),
    }
}
