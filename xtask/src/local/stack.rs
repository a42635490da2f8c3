//! The running stack, for other commands.

use super::programs::{MCP, WEB};
use super::state::State;
use crate::cli::{MCP_PORT, WEB_PORT};
use crate::context::Context;
use crate::error::Result;

/// Where the stack's programs answer.
#[derive(Debug)]
pub struct Stack {
    /// The MCP server's base URL.
    pub mcp_url: String,
    /// The web application's base URL.
    pub api_url: String,
}

/// The stack that `local up` started in the usual place; `None` where none was started, or all of it was stopped.
pub fn running(context: &Context) -> Result<Option<Stack>> {
    let state = State::load(&context.root.join("target/local"))?;
    if state.running(WEB).is_none() && state.running(MCP).is_none() {
        return Ok(None);
    }
    let url = |name: &str, usual| {
        format!("http://localhost:{}", state.programs.get(name).map_or(usual, |program| program.port))
    };
    Ok(Some(Stack { mcp_url: url(MCP, MCP_PORT), api_url: url(WEB, WEB_PORT) }))
}

/// The programs of the stack that were started and have ended by themselves, each with its log.
pub fn ended(context: &Context) -> Result<Vec<(String, std::path::PathBuf)>> {
    let state = State::load(&context.root.join("target/local"))?;
    let ended = state.programs.iter().filter(|(name, _)| state.running(name).is_none());
    Ok(ended.map(|(name, program)| (name.clone(), program.log.clone())).collect())
}
