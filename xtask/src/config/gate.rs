//! `ENABLE_MCP_SERVER`, the build gate: without it nothing of the MCP server is built, started or deployed.

use crate::config::env::{EnvFile, Environment, Found, Layers, Origin};
use crate::core::error::{Error, Result};

/// Whether the gate is open, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// Whether the MCP server may be built, started and deployed.
    pub open: bool,
    /// What decides.
    pub origin: Origin,
}

impl Gate {
    /// Reads the gate: the process environment, then the stage's `.build` file, then closed.
    ///
    /// Anything that is neither on nor off is an error that names its place (exit code 64): a typing mistake
    /// must neither open the gate nor silently close it.
    pub fn read(environment: &Environment, build: Option<&EnvFile>) -> Result<Self> {
        let variable = &envs::deploy::ENABLE_MCP_SERVER;
        let Some(Found { value, origin }) = Layers::new(environment, build).get(variable) else {
            return Ok(Self { open: false, origin: Origin::Default });
        };
        match envs::parse_gate(value.expose()) {
            Some(open) => Ok(Self { open, origin }),
            None => Err(Error::usage(format!("{} is neither on nor off", variable.name))
                .cause(format!("its value is '{}'", value.expose()))
                .origin(origin.to_string())
                .hint("write true, 1 or yes to open the gate; false, 0, no or nothing to close it")),
        }
    }

    /// The notice of a closed gate: that this is skipped, why, and how to open it.
    pub fn skipped(&self, what: &str, how_to_open: &str) -> String {
        format!("{what}: skipped, because {}\n  to open the gate: {how_to_open}", self.why())
    }

    /// What keeps it closed.
    pub fn why(&self) -> String {
        match &self.origin {
            Origin::Default => "ENABLE_MCP_SERVER is not set".to_owned(),
            origin => format!("ENABLE_MCP_SERVER is off in {origin}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn gate(process: Option<&str>, file: Option<&str>) -> Result<Gate> {
        let environment = process.map(|value| ("ENABLE_MCP_SERVER", value)).into_iter().collect();
        let file = file.map(|text| EnvFile::parse(Path::new("envs/local/.build"), text).unwrap());
        Gate::read(&environment, file.as_ref())
    }

    #[test]
    fn the_command_line_wins_over_the_file_and_the_file_over_nothing() {
        for (process, file, open) in [
            (None, None, false),
            (None, Some("ENABLE_MCP_SERVER=YES"), true),
            (Some("false"), Some("ENABLE_MCP_SERVER=true"), false),
            (Some(""), Some("ENABLE_MCP_SERVER=true"), false),
            (Some("1"), Some("ENABLE_MCP_SERVER=0"), true),
            (Some("True"), None, true),
            (None, Some("OTHER=1"), false),
        ] {
            assert_eq!(gate(process, file).unwrap().open, open, "{process:?} {file:?}");
        }
    }

    #[test]
    fn a_word_that_is_neither_is_refused_with_its_place() {
        let in_file = gate(None, Some("# the gate\nENABLE_MCP_SERVER=maybe")).unwrap_err();
        expect_test::expect![[r"
            ENABLE_MCP_SERVER is neither on nor off
              its value is 'maybe'
              from: envs/local/.build:2
            hint: write true, 1 or yes to open the gate; false, 0, no or nothing to close it"]]
        .assert_eq(&in_file.to_string());
        assert_eq!(in_file.exit().code(), 64);
        let in_process = gate(Some("on"), None).unwrap_err();
        assert!(in_process.to_string().contains("from: the process environment"), "{in_process}");
    }

    #[test]
    fn a_closed_gate_says_why_and_how_to_open_it() {
        let closed = gate(None, Some("ENABLE_MCP_SERVER=no")).unwrap();
        expect_test::expect![[r"
            mcp: skipped, because ENABLE_MCP_SERVER is off in envs/local/.build:1
              to open the gate: try it"]]
        .assert_eq(&closed.skipped("mcp", "try it"));
    }
}
