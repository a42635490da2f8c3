//! Waiting for the licence: the image's own program asks, for this tool speaks no HTTP.

use std::time::Duration;

use crate::config::context::Context;
use crate::core::command::Command;
use crate::core::error::{Error, Result};
use crate::core::runner::{Streams, last_lines};

/// Above the waiting itself: pulling the image.
const PULLING: Duration = Duration::from_mins(5);

/// Asks Validibot at this address until it lists the feature, or the time is over.
pub(super) fn command(image: &str, api: &str, patience: Duration) -> Command {
    let seconds = patience.as_secs().to_string();
    Command::new("docker")
        .args(["run", "--rm", "--network", "host", "--read-only", image])
        .args(["license", "--api", api, "--wait", &seconds])
        .deadline(patience + PULLING)
        .reads()
}

/// Runs it; the error says what Validibot said last.
pub(super) fn wait(context: &Context, command: &Command) -> Result<()> {
    let _progress = context.printer.progress("waiting for Validibot to say that it is licensed");
    let outcome = context.runner.run(command, Streams::Captured)?;
    match outcome.code {
        0 => Ok(()),
        1 => Err(Error::failed("Validibot is not licensed for MCP")
            .cause(last_lines(&outcome.stderr, 6))
            .hint("when Validibot needs longer to start: add --license-wait 5m")),
        code => Err(Error::failed(format!(
            "the licence could not be asked for: docker ended with exit code {code}"
        ))
        .cause(format!("command: {}", command.render()))
        .cause(last_lines(&outcome.stderr, 12))),
    }
}
