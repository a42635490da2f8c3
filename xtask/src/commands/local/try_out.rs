//! `local try`: the first success, in front of one's eyes.

use envs::tests;

use super::docker::Containers;
use super::stack::running_in;
use super::{files, state_folder};
use crate::artifact::program;
use crate::cli::StateDir;
use crate::config::context::Context;
use crate::core::command::Command;
use crate::core::error::{Error, Result};
use crate::core::runner::Streams;

/// Where the samples are.
const SAMPLES: &str = "tests/sandbox/samples";
/// One that passes, one that does not.
const FILES: [&str; 2] = ["good-energy-model.json", "bad-energy-model.json"];
/// What the stand-in validates them with.
const WORKFLOW: [&str; 4] = ["--org", "acme", "--workflow", "energy-model"];
/// The server's program says with it that a file does not pass, as one of the two must not.
const FINDINGS: i32 = 2;

/// Validates the samples through the running stack, as an agent does.
pub(super) fn try_out(context: &Context, args: &StateDir) -> Result<()> {
    let start = "start one: ENABLE_MCP_SERVER=true cargo xtask local up --pro";
    let folder = state_folder(context, args);
    let stack =
        running_in(context, &folder)?.ok_or_else(|| Error::failed("no stack is running").hint(start))?;
    if Containers::load(&folder)?.is_some_and(|containers| containers.real) {
        return Err(Error::usage("this stack runs a Validibot of your own, whose workflows only you know")
            .hint("name one and its files in envs/local/.test, then: cargo xtask test-e2e"));
    }
    let token = files::api_token(context)?
        .ok_or_else(|| Error::failed("the demo user's token is not in envs/local/.test").hint(start))?;
    let mut validate = Command::new(program::server(context)?)
        .arg("validate")
        .arg(&stack.mcp_url)
        .args(WORKFLOW)
        .env_secret(tests::E2E_TOKEN.name, token)
        // Each wait of the program has a deadline of its own.
        .no_deadline();
    for file in FILES {
        validate = validate.arg(context.root.join(SAMPLES).join(file));
    }
    context.printer.note(&format!(
        "validating {} of {SAMPLES} through {}/mcp",
        FILES.join(" and "),
        stack.mcp_url
    ));
    let outcome = context.runner.run(&validate, Streams::Inherited)?;
    if outcome.code != FINDINGS {
        let error = Error::failed(format!("the samples were not validated (exit code {})", outcome.code));
        return Err(error.hint("find out why: cargo xtask diagnose --token"));
    }
    context.printer.note(&format!(
        "\nThat is what an agent sees. Now with yours, in {}:\n  Validate {SAMPLES}/{} with the energy model workflow, and \
         explain the findings.",
        context.root.display(),
        FILES[1]
    ));
    Ok(())
}
