//! Programs of this workspace, built from this checkout: they speak HTTP where this tool does not.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::artifact::cargo;
use crate::config::context::Context;
use crate::core::command::Command;
use crate::core::error::{Error, Result};

/// The server's program.
pub const SERVER: &str = "validibot-mcp";
/// The stand-in's program.
pub const SANDBOX: &str = "validibot-sandbox";

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

/// Builds these programs, which takes no time where nothing has changed, and says where they are.
///
/// The features of libraries are those of the whole workspace, whichever programs are asked for: with others, most
/// libraries would be compiled once more when a second program is.
pub fn build(context: &Context, names: &[&str]) -> Result<BTreeMap<String, PathBuf>> {
    let mut compile = Command::new(context.cargo())
        .args(["build", "--locked", "--workspace", "--message-format=json-render-diagnostics"])
        .dir(&context.root)
        .no_deadline();
    for name in names {
        compile = compile.args(["--bin", name]);
    }
    let what = match names {
        [SERVER] => "building the server's program",
        _ => "building the programs, which takes a few minutes the first time",
    };
    let mut built = BTreeMap::new();
    let outcome = cargo::build(context, what, &compile, &mut |line| built.extend(executable(line)))?;
    let failed = |what: String| Error::failed(what).cause(format!("command: {}", compile.render()));
    if outcome.code != 0 {
        return Err(failed("the programs cannot be built".to_owned()));
    }
    match names.iter().find(|name| !built.contains_key(**name)) {
        Some(missing) => Err(failed(format!("cargo built no program {missing}"))),
        None => Ok(built),
    }
}

/// Builds the server and says where it is.
pub fn server(context: &Context) -> Result<PathBuf> {
    let built = build(context, &[SERVER])?;
    Ok(built.get(SERVER).cloned().unwrap_or_default())
}

/// A program that cargo says it built: only cargo knows its target folder.
fn executable(line: &str) -> Option<(String, PathBuf)> {
    let message = serde_json::from_str::<Message>(line).ok()?;
    Some((message.target?.name, message.executable?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_says_where_the_programs_are() {
        let messages = "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"sandbox\"},\"executable\":null}\n\
             {\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"validibot-sandbox\"},\"executable\":\"/t/validibot-sandbox\"}\n\
             {\"reason\":\"build-finished\",\"success\":true}\nnot json\n";
        assert_eq!(
            messages.lines().filter_map(executable).collect::<Vec<_>>(),
            [("validibot-sandbox".into(), "/t/validibot-sandbox".into())]
        );
    }
}
