//! The server's own program, built from this checkout: it speaks HTTP where this tool does not.

use std::path::PathBuf;

use serde::Deserialize;

use crate::config::context::Context;
use crate::core::command::Command;
use crate::core::error::{Error, Result};
use crate::core::runner::Streams;

/// The package and the program in it.
const SERVER: &str = "validibot-mcp";
const SANDBOX: &str = "validibot-sandbox";

/// One line of cargo's `--message-format=json`.
#[derive(Deserialize)]
struct Message {
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Builds the server, which takes no time where nothing has changed, and says where it is.
pub fn server(context: &Context) -> Result<PathBuf> {
    let build = Command::new(context.cargo())
        .args(["build", "--locked", "--message-format=json-render-diagnostics"])
        // Beside the stand-in, as `local up` builds it: with other features, its libraries would be compiled once more.
        .args(["--package", SERVER, "--package", SANDBOX, "--bin", SERVER])
        .dir(&context.root)
        .no_deadline();
    let progress = context.printer.progress("building the server's program");
    let outcome = context.runner.run(&build, Streams::StdoutCaptured)?;
    drop(progress);
    let program = executable(&outcome.stdout).filter(|_| outcome.code == 0);
    program.ok_or_else(|| {
        Error::failed("the server's program cannot be built").cause(format!("command: {}", build.render()))
    })
}

/// The program that cargo says it built: only cargo knows its target folder.
fn executable(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    let ours = |message: &Message| message.target.as_ref().is_some_and(|target| target.name == SERVER);
    messages.filter(ours).find_map(|message| message.executable)
}
