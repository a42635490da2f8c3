//! Tools of a server, as a client calls them.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::http::DEADLINE;
use super::mcp::{Failure, Mcp};

/// How long a run may take on the whole: live simulations take minutes.
const RUN_DEADLINE: Duration = Duration::from_mins(10);
/// One wait, in seconds: below the minute after which some platforms cut a silent call.
const WAIT_SECONDS: u64 = 45;

/// A file that is sent.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// Its name, without a folder.
    pub(crate) name: String,
    /// Its content.
    pub(crate) content: Vec<u8>,
}

impl File {
    /// Reads a file of this machine; an error names it.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let content = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, content })
    }
}

/// Calls tools; an error is a sentence with where to go on.
pub(crate) struct Tools<'a> {
    mcp: &'a Mcp,
}

impl<'a> Tools<'a> {
    pub(crate) fn new(mcp: &'a Mcp) -> Self {
        Self { mcp }
    }

    /// Every workflow that the caller can see, over all pages.
    pub(crate) async fn workflows(&self) -> Result<Vec<Value>, String> {
        let mut all: Vec<Value> = Vec::new();
        let mut page = json!({});
        loop {
            let list = self.call("list_workflows", page).await?;
            let entries = list["result"].as_array().cloned().unwrap_or_default();
            page = list["more"]["arguments"].clone();
            let ended = entries.is_empty() || !page.is_object();
            all.extend(entries);
            if ended {
                return Ok(all);
            }
        }
    }

    /// Starts a run and waits until it is finished.
    pub(crate) async fn validate(&self, workflow_ref: &Value, file: &File) -> Result<Value, String> {
        let arguments = json!({
            "workflow_ref": workflow_ref,
            "file_name": file.name,
            "file_content": STANDARD.encode(&file.content),
        });
        let started = self.call("validate_file", arguments).await?;
        let run_ref = started["run_ref"].as_str().ok_or("the started run has no run_ref")?.to_owned();
        let deadline = Instant::now() + RUN_DEADLINE;
        loop {
            let arguments = json!({ "run_ref": run_ref, "timeout_seconds": WAIT_SECONDS });
            // One wait is longer than the limit of a single request: it is asked for in shorter pieces.
            let run =
                self.call_within("wait_for_run", arguments, Duration::from_secs(WAIT_SECONDS + 15)).await?;
            if run["state"] == "COMPLETED" {
                return Ok(run);
            }
            if Instant::now() > deadline {
                return Err(format!("the run is not finished after {} minutes", RUN_DEADLINE.as_secs() / 60));
            }
        }
    }

    /// One call, within the usual deadline.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Result<Value, String> {
        self.call_within(tool, arguments, DEADLINE).await
    }

    async fn call_within(&self, tool: &str, arguments: Value, limit: Duration) -> Result<Value, String> {
        let call = self.mcp.call(tool, arguments, limit).await.map_err(explain)?;
        match call.error() {
            Some((code, message)) => Err(format!("{code}: {message}")),
            None if call.is_error => Err(call.text),
            None => Ok(call.structured),
        }
    }
}

/// A failed request, with where to go on.
pub(crate) fn explain(failure: Failure) -> String {
    match failure {
        Failure::Trouble(trouble) => format!("{trouble}; cargo xtask diagnose finds out why"),
        Failure::Rpc(code, message) => format!("JSON-RPC error {code}: {message}"),
        Failure::Http(answer) if answer.status == 401 => format!(
            "401: the server does not accept {}; cargo xtask diagnose --token finds out why",
            envs::tests::E2E_TOKEN.name
        ),
        Failure::Http(answer) => format!("{}; cargo xtask diagnose --token finds out why", answer.describe()),
    }
}
