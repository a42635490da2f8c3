//! Every helper endpoint times everything that Validibot and the network can do wrong.

mod matrix;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sandbox::{Route, Sandbox, fixtures};
use serde_json::{Value, json};
use suite::mcp::{Client, Era};
use suite::server::{Builder, Server};

/// A helper endpoint, and how an agent reaches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Catalogue,
    Details,
    Launch,
    Status,
}

impl Endpoint {
    const ALL: [Self; 4] = [Self::Catalogue, Self::Details, Self::Launch, Self::Status];

    fn route(self) -> Route {
        match self {
            Self::Catalogue => Route::ListWorkflows,
            Self::Details => Route::WorkflowDetails,
            Self::Launch => Route::LaunchRun,
            Self::Status => Route::RunStatus,
        }
    }

    /// The tool and its arguments; `run_ref` is of a run that exists.
    fn call(self, run_ref: &Value) -> (&'static str, Value) {
        let workflow_ref = fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL);
        match self {
            Self::Catalogue => ("list_workflows", json!({})),
            Self::Details => ("get_workflow_details", json!({ "workflow_ref": workflow_ref })),
            Self::Status => ("get_run_status", json!({ "run_ref": run_ref })),
            Self::Launch => (
                "validate_file",
                json!({
                    "file_content": STANDARD.encode(fixtures::GOOD_ENERGY_MODEL),
                    "file_name": "model.json",
                    "workflow_ref": workflow_ref,
                }),
            ),
        }
    }

    /// Within which a call ends in any case: the server's own deadline, and what a busy machine takes.
    fn deadline(self) -> Duration {
        match self {
            Self::Launch => Duration::from_secs(80),
            _ => Duration::from_secs(50),
        }
    }
}

/// A stack with a run that can be looked at; nothing is on record yet.
struct Stack {
    sandbox: Sandbox,
    server: Server,
    client: Client,
    run_ref: Value,
}

impl Stack {
    async fn start() -> Self {
        Self::start_with(|builder| builder).await
    }

    async fn start_with(settings: impl FnOnce(Builder) -> Builder) -> Self {
        let sandbox = Sandbox::builder().start().await.expect("a sandbox");
        let server = settings(Server::for_sandbox(&sandbox)).start().await;
        let client = server.client(Era::Modern, fixtures::DEMO_TOKEN);
        let (tool, arguments) = Endpoint::Launch.call(&Value::Null);
        let run_ref = client.call_tool(tool, arguments).await.success()["run_ref"].clone();
        sandbox.clear_received();
        Self { sandbox, server, client, run_ref }
    }
}
