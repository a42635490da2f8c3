//! `cargo xtask diagnose`: the server's own `diagnose`, with what the stage's files know.

use envs::tests;

use crate::artifact::program;
use crate::cli::Diagnose;
use crate::commands::live::{self, Live};
use crate::config::context::Context;
use crate::core::command::Command;
use crate::core::error::{Error, Result};
use crate::core::exit::Exit;
use crate::core::runner::Streams;

/// Reports which hop fails, why, and what to do.
pub fn diagnose(context: &Context, args: &Diagnose) -> Result<Exit> {
    let mut live = live::find(context, args.stage, args.url.as_deref()).map_err(|error| match args.url {
        Some(_) => error,
        None => error.hint("or name it: cargo xtask diagnose https://…"),
    })?;
    live.api = args.api.clone().or(live.api);
    if args.token && live.token.is_none() {
        return Err(Error::usage(format!("--token needs {}, which is not set", tests::E2E_TOKEN.name))
            .hint(format!("write it into the stage's .test file, or export it: {}", tests::E2E_TOKEN.doc)));
    }
    let command = command(&program::server(context)?, args, &live);
    let outcome = context.runner.run(&command, Streams::Inherited)?;
    match outcome.code {
        0 => Ok(Exit::Success),
        // The report says which hop.
        1 => Ok(Exit::Failed),
        64 => Ok(Exit::Usage),
        _ => outcome.success_of(&command).map(|_| Exit::Success),
    }
}

fn command(server: &std::path::Path, args: &Diagnose, live: &Live) -> Command {
    let mut command = Command::new(server).arg("diagnose").arg(&live.url).reads().no_deadline();
    if let Some(api) = &live.api {
        command = command.args(["--api", api]);
    }
    if args.json {
        command = command.arg("--json");
    }
    if args.login {
        command = command.arg("--login");
    }
    match &live.token {
        Some(token) if args.token => command.arg("--token").env_secret(tests::E2E_TOKEN.name, token.clone()),
        _ => command.env_remove(tests::E2E_TOKEN.name),
    }
}
