//! The running stack, for other commands.

use std::path::{Path, PathBuf};

use super::docker::{self, Containers};
use super::programs::{MCP, WEB};
use super::state::State;
use crate::cli::{MCP_PORT, WEB_PORT};
use crate::config::context::Context;
use crate::core::error::Result;
use crate::tools::engine;

/// Where the stack's programs answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Stack {
    /// The MCP server's base URL.
    pub mcp_url: String,
    /// The web application's base URL.
    pub api_url: String,
}

/// A program that was started and has ended by itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    /// `web` or `mcp`.
    pub name: String,
    /// The file of its log, or the command that shows it.
    pub log: String,
}

/// The stack that `local up` started in the usual place; `None` where none was started, or all of it was stopped.
pub fn running(context: &Context) -> Result<Option<Stack>> {
    running_in(context, &folder(context))
}

/// The stack whose state is in this folder.
pub(super) fn running_in(context: &Context, folder: &Path) -> Result<Option<Stack>> {
    if let Some(containers) = Containers::load(folder)? {
        // Where no engine answers, none of its containers runs.
        let running = engine::is_usable(context) && docker::states(context, &containers)?.contains(&true);
        return Ok(running.then(|| stack(containers.mcp_port, containers.web_port)));
    }
    let state = State::load(folder)?;
    if state.running(WEB).is_none() && state.running(MCP).is_none() {
        return Ok(None);
    }
    let port = |name: &str, usual| state.programs.get(name).map_or(usual, |program| program.port);
    Ok(Some(stack(port(MCP, MCP_PORT), port(WEB, WEB_PORT))))
}

/// The programs of that stack that have ended by themselves.
pub fn ended(context: &Context) -> Result<Vec<Ended>> {
    if let Some(containers) = Containers::load(&folder(context))? {
        if !engine::is_usable(context) {
            return Ok(Vec::new());
        }
        let list = containers.list(context, engine::require(context)?)?;
        let stopped = list.into_iter().filter(|container| !container.is_running());
        let log = |name: &str| format!("docker compose --project-name {} logs {name}", containers.project);
        return Ok(stopped.map(|one| Ended { log: log(&one.service), name: one.service }).collect());
    }
    let state = State::load(&folder(context))?;
    let ended = state.programs.iter().filter(|(name, _)| state.running(name).is_none());
    Ok(ended
        .map(|(name, program)| Ended { name: name.clone(), log: program.log.display().to_string() })
        .collect())
}

/// Whether that stack was started as containers.
pub fn in_containers(context: &Context) -> Result<bool> {
    Containers::load(&folder(context)).map(|containers| containers.is_some())
}

fn folder(context: &Context) -> PathBuf {
    context.root.join("target/local")
}

fn stack(mcp: u16, web: u16) -> Stack {
    let url = |port| format!("http://localhost:{port}");
    Stack { mcp_url: url(mcp), api_url: url(web) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::env::{Environment, Tree};
    use crate::core::command::Command;
    use crate::core::output::Printer;
    use crate::core::runner::{Outcome, Runner};

    /// A folder in which a stack was started as containers; `list` is what compose says of them.
    fn context(list: &'static str) -> (Context, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("target/local");
        std::fs::create_dir_all(&state).unwrap();
        let containers = r#"{"project": "p", "edition": "pro", "web_port": 9000, "mcp_port": 9001}"#;
        std::fs::write(state.join("containers.json"), containers).unwrap();
        let docker = folder.path().join("docker");
        std::fs::write(&docker, "").unwrap();
        std::fs::set_permissions(&docker, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let answer = move |command: &Command| {
            let ps = command.arguments().iter().any(|argument| argument == "ps");
            Outcome::success(if ps { list } else { "28.0.1" })
        };
        let printer = Printer::captured();
        let runner = Runner::record(printer.clone(), answer);
        let path = folder.path().display().to_string();
        let environment: Environment = [("PATH", path.as_str())].into_iter().collect();
        let tree = Tree::new(folder.path(), folder.path());
        (Context { root: folder.path().to_owned(), environment, tree, printer, runner }, folder)
    }

    #[test]
    fn containers_are_a_stack_too() {
        let (both, _folder) = context(
            "{\"Service\":\"web\",\"State\":\"running\"}\n{\"Service\":\"mcp\",\"State\":\"exited\"}",
        );
        let stack = running(&both).unwrap().unwrap();
        assert_eq!(
            (stack.mcp_url.as_str(), stack.api_url.as_str()),
            ("http://localhost:9001", "http://localhost:9000")
        );
        let log = "docker compose --project-name p logs mcp".to_owned();
        assert_eq!(ended(&both).unwrap(), [Ended { name: "mcp".to_owned(), log }]);
        assert!(in_containers(&both).unwrap());
        let (none, _folder) = context("");
        assert_eq!(running(&none).unwrap(), None);
        assert_eq!(ended(&none).unwrap(), []);
    }
}
