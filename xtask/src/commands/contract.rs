//! `cargo xtask contract check`: whether a Validibot still has what this server uses of it.

mod checkout;
mod python;
mod report;
mod used;

use std::path::Path;

use envs::tests;

use self::checkout::Checkout;
use crate::artifact::program;
use crate::cli::{Contract, ContractCheck, ValidibotVersion};
use crate::commands::live;
use crate::config::context::Context;
use crate::core::command::Command;
use crate::core::error::{Error, Result};
use crate::core::exit::Exit;
use crate::core::runner::Streams;

/// Does what was asked.
pub fn run(context: &Context, task: &Contract) -> Result<Exit> {
    match task {
        Contract::Check(args) => check(context, args),
    }
}

/// Checks a checkout or a running site. Exit code 2 where a difference breaks this server, 1 where it could not be told.
fn check(context: &Context, args: &ContractCheck) -> Result<Exit> {
    if args.place.starts_with("http://") || args.place.starts_with("https://") {
        return site(context, args);
    }
    if args.token {
        return Err(
            Error::usage("--token is for a running site").hint("leave it out: a checkout is read as text")
        );
    }
    let checkout = Checkout::at(Path::new(&args.place))?;
    let rows = checkout.rows(args.version == ValidibotVersion::V016);
    Ok(report::print(&context.printer, &rows, args.json))
}

/// Requests over HTTP are the server's to make.
fn site(context: &Context, args: &ContractCheck) -> Result<Exit> {
    let mut command =
        Command::new(program::server(context)?).arg("contract").arg(&args.place).reads().no_deadline();
    command = command.args(["--version", args.version.name()]);
    if args.json {
        command = command.arg("--json");
    }
    if args.token {
        let token = live::find(context, args.stage, Some(&args.place))?.token.ok_or_else(|| {
            Error::usage(format!("--token needs {}, which is not set", tests::E2E_TOKEN.name))
                .hint(format!("write it into the stage's .test file, or export it: {}", tests::E2E_TOKEN.doc))
        })?;
        command = command.arg("--token").env_secret(tests::E2E_TOKEN.name, token);
    } else {
        command = command.env_remove(tests::E2E_TOKEN.name);
    }
    let outcome = context.runner.run(&command, Streams::Inherited)?;
    match outcome.code {
        0 => Ok(Exit::Success),
        1 => Ok(Exit::Failed),
        2 => Ok(Exit::ChangesPending),
        64 => Ok(Exit::Usage),
        _ => outcome.success_of(&command).map(|_| Exit::Success),
    }
}
