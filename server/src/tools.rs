//! What an agent sees: five tools over the Model Context Protocol.

mod arguments;
mod catalog;
mod enrich;
mod outcome;
mod progress;
mod runs;
mod transport;
mod validate;
mod wait;
mod workflows;

use std::sync::Arc;

use axum::http::request::Parts;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool as ToolDefinition,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ErrorData, ServerHandler};
use tokio::time::Instant;

use self::arguments::Arguments;
use self::catalog::Tool;
use self::outcome::{Outcome, ToolError};
pub(crate) use self::transport::service;
use crate::app::App;
use crate::caller::Caller;

/// How long a client may keep the list of tools: it changes with a deploy only.
const TOOLS_TTL_MS: u64 = 300_000;

const INSTRUCTIONS: &str = "Validibot checks technical files, building-energy models above all, against workflows. \
     Work in this order: list_workflows to find one, get_workflow_details to see what it takes and checks, \
     validate_file to start a run, wait_for_run until it is finished. A run's findings are its steps' issues.";

/// The handler of MCP requests. One for all: rmcp clones it for each request.
#[derive(Clone)]
pub(crate) struct Tools {
    app: Arc<App>,
}

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        let server = Implementation::new("Validibot", env!("CARGO_PKG_VERSION")).with_title("Validibot");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(server)
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut tools = ListToolsResult::with_all_items(catalog::definitions().to_vec());
        tools.ttl_ms = Some(TOOLS_TTL_MS);
        tools.cache_scope = Some(CacheScope::Private);
        Ok(tools)
    }

    fn get_tool(&self, name: &str) -> Option<ToolDefinition> {
        catalog::definitions().iter().find(|definition| definition.name == name).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = Tool::named(&request.name) else {
            // An unknown tool is the client's mistake, and a protocol error (MCP, tools, error handling).
            let names: Vec<&str> = Tool::ALL.iter().map(|tool| tool.name()).collect();
            return Err(ErrorData::invalid_params(
                format!("There is no tool of this name. The tools are {}", names.join(", ")),
                None,
            ));
        };
        let started = Instant::now();
        let caller =
            context.extensions.get::<Parts>().and_then(|parts| parts.extensions.get::<Caller>()).cloned();
        let kind = caller.as_ref().map_or("none", Caller::kind);
        let outcome = self.run(tool, request.arguments.unwrap_or_default(), caller, &context).await;
        let (code, milliseconds) = (outcome.code(), started.elapsed().as_millis());
        tracing::info!(tool = tool.name(), caller = kind, outcome = code, milliseconds, "tool call");
        Ok(outcome.into_response())
    }
}

impl Tools {
    async fn run(
        &self,
        tool: Tool,
        arguments: rmcp::model::JsonObject,
        caller: Option<Caller>,
        context: &RequestContext<RoleServer>,
    ) -> Outcome {
        // The kill switch comes first: switched off, no argument, credential or backend matters.
        if !self.app.settings.enabled {
            return Outcome::Failed(ToolError::switched_off());
        }
        let mut arguments = Arguments::new(arguments);
        let api = &self.app.validibot;
        match tool {
            Tool::ListWorkflows => workflows::list(api, &mut arguments, caller).await,
            Tool::GetWorkflowDetails => workflows::details(api, &mut arguments, caller).await,
            Tool::ValidateFile => validate::validate(api, &mut arguments, caller).await,
            Tool::GetRunStatus => runs::status(api, &mut arguments, caller).await,
            Tool::WaitForRun => wait::wait(api, &mut arguments, caller, context).await,
        }
        .unwrap_or_else(Outcome::Failed)
    }
}
