//! That a service is not there: believed only where Cloud Run says so of the service itself.

use crate::commands::gcp::state::observe::cannot_tell;
use crate::config::context::Context;
use crate::config::stage::Names;
use crate::core::error::Result;
use crate::core::runner::Streams;
use crate::tools::gcloud::{Advice, Seen, Trouble, classify, run};

/// An error where the service exists, or that is unknown. A list of services that does not name it is no proof: such a
/// list has been seen empty, and cut after its first page, with an exit code of 0.
pub(crate) fn is_not_there(context: &Context, names: &Names, service: &str) -> Result<()> {
    let command = run::describe(names, service);
    let what = format!("the service {service}");
    let outcome = context.runner.run(&command, Streams::Captured)?;
    let trouble = match classify(&what, &command, &outcome) {
        Seen::Absent => return Ok(()),
        Seen::Present(_) => {
            contradiction(what, "the list of services does not name it, and it is there", command.render())
        }
        Seen::Unknown(trouble) => trouble,
    };
    Err(cannot_tell(&[trouble]))
}

/// Two answers that cannot both be true.
pub(crate) fn contradiction(what: impl Into<String>, said: impl Into<String>, command: String) -> Trouble {
    Trouble { what: what.into(), advice: Advice::TryLater, said: said.into(), command }
}
