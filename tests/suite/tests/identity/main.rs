//! Chain 2 with Google identity tokens: the server against a metadata server and a Validibot that verifies.

mod metadata;
mod refused;
mod whose_fault;

use std::time::Duration;

use sandbox::metadata::{MetadataServer, SERVICE_ACCOUNT};
use sandbox::{GoogleVerification, Sandbox, fixtures};
use serde_json::{Value, json};
use suite::mcp::{Client, Era, ToolResult};
use suite::server::{Builder, Server};
use tokio::time::Instant;

/// Recovery takes a rest of ten seconds at most; machines are slow.
const DEADLINE: Duration = Duration::from_mins(1);

/// Everything that runs on Google Cloud, on loopback.
struct Cloud {
    metadata: MetadataServer,
    sandbox: Sandbox,
    server: Server,
    client: Client,
}

impl Cloud {
    async fn start() -> Self {
        Self::start_with(|builder| builder).await
    }

    async fn start_with(configure: impl FnOnce(Builder) -> Builder) -> Self {
        let metadata = MetadataServer::start().await.expect("a metadata server");
        let sandbox = Sandbox::builder().no_service_key().start().await.expect("a sandbox");
        let audience = sandbox.url().to_owned();
        sandbox.set_google_verification(Some(verification(&metadata, &audience)));
        let builder = Server::for_api(sandbox.url()).env("GCE_METADATA_HOST", metadata.host());
        let server = configure(builder).start().await;
        let client = server.client(Era::Modern, fixtures::DEMO_TOKEN);
        Self { metadata, sandbox, server, client }
    }

    async fn list(&self) -> ToolResult {
        self.client.call_tool("list_workflows", json!({})).await
    }

    /// Calls until one call succeeds: nobody restarts the server.
    async fn recovers(&self) {
        let started = Instant::now();
        loop {
            let result = self.list().await;
            if !result.is_error {
                return;
            }
            assert!(started.elapsed() < DEADLINE, "{}", result.text);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The log's lines that begin with this message.
    fn logged(&self, message: &str) -> Vec<Value> {
        let starts = |entry: &Value| entry["message"].as_str().is_some_and(|text| text.starts_with(message));
        self.server.logs.entries().into_iter().filter(starts).collect()
    }
}

fn verification(metadata: &MetadataServer, audience: &str) -> GoogleVerification {
    GoogleVerification {
        audience: audience.to_owned(),
        allowed_service_accounts: vec![SERVICE_ACCOUNT.to_owned()],
        certs: metadata.certs(),
    }
}

/// The code and the status of a call that failed.
fn failure(result: &ToolResult) -> (String, Value) {
    (result.error_code(), result.structured["error"]["data"]["status_code"].clone())
}
