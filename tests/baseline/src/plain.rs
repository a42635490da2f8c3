//! An MCP server as rmcp's documentation has it: the same tool as ours, no authentication, nothing checked, nothing
//! added to what the backend says.

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use rmcp::handler::server::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResult, ServerCapabilities, ServerConfig};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, ServerHandler, tool, tool_handler, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpListener;

#[derive(Clone)]
struct Plain {
    http: reqwest::Client,
    backend: Arc<str>,
    /// Shared: rmcp clones the handler for each request.
    tools: Arc<ToolRouter<Self>>,
}

#[derive(Deserialize, JsonSchema)]
struct Arguments {
    /// The workflow's reference
    workflow_ref: String,
}

#[tool_router]
impl Plain {
    #[tool(description = "One workflow's definition")]
    async fn get_workflow_details(
        &self,
        Parameters(arguments): Parameters<Arguments>,
    ) -> Result<CallToolResult, ErrorData> {
        let url = crate::workflow_url(&self.backend, &arguments.workflow_ref);
        let workflow = async { self.http.get(url).send().await?.error_for_status()?.json::<Value>().await };
        let workflow = workflow.await.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        Ok(CallToolResult::structured(workflow))
    }
}

#[tool_handler(router = self.tools)]
impl ServerHandler for Plain {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }
}

pub(crate) async fn serve(listener: TcpListener, backend: &str) -> Result<(), Box<dyn Error>> {
    let plain =
        Plain { http: crate::http_client()?, backend: backend.into(), tools: Arc::new(Plain::tool_router()) };
    // Without sessions, one JSON answer: as the product.
    let config =
        StreamableHttpServerConfig::default().with_legacy_session_mode(false).with_json_response(true);
    let service: StreamableHttpService<Plain, NeverSessionManager> =
        StreamableHttpService::new(move || Ok(plain.clone()), Arc::default(), config);
    let router = Router::new().route("/readyz", get(|| async { "ok" })).route_service("/mcp", service);
    Ok(axum::serve(listener.tap_io(crate::no_delay), router).await?)
}
