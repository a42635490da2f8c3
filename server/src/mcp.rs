//! What an agent sees: tools over the Model Context Protocol.

mod arguments;
mod backend;
mod call;
mod catalog;
mod catalogue;
mod compare;
mod definition;
mod enrich;
mod error;
mod filter;
mod findings;
mod handed;
mod left_out;
mod open;
mod outcome;
mod overview;
mod paid;
mod prepare;
mod progress;
mod runs;
mod transport;
mod truncate;
mod validate;
mod wait;
mod workflows;

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::request::Parts;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CustomRequest, CustomResult, ErrorCode,
    Implementation, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse,
    ServerCapabilities, ServerConfig, Tool as ToolDefinition,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ErrorData, ServerHandler};

pub use self::backend::Backend;
use self::call::ToolCall;
use self::catalog::Tool;
use self::error::ToolError;
pub(crate) use self::transport::route;
use crate::base::clean::short;
use crate::caller::Caller;
use crate::resources;
use crate::view;

/// How long a client may keep the list of tools: it changes with a deploy only.
const TOOLS_TTL_MS: u64 = 300_000;
/// How long a client may keep a catalogue or a definition; authors edit workflows at any time.
const WORKFLOWS_TTL_MS: u64 = 30_000;
/// How much of an unknown method is said back.
const MAX_METHOD_BYTES: usize = 64;

const INSTRUCTIONS: &str = "Validibot validates technical files (especially building-energy models) with workflows. \
     Work in this order: list_workflows to find one, get_workflow_details to see what it takes and checks, \
     validate_file to start a run, wait_for_run until it is finished. Each result names the call to make next.";

const PUBLIC_INSTRUCTIONS: &str = "Validibot validates technical files (especially building-energy models) with workflows. \
     Here each validation is paid for with x402, without an account. Work in this order: list_workflows to find a \
     workflow and its price, get_workflow_details to see what it takes and checks, validate_file to pay and start a \
     run, wait_for_run until it is finished. Keep the run_ref: whoever has it can read the run.";

/// Where an agent comes in, and so what it is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    /// `/mcp`: users of Validibot.
    Members,
    /// `/public-mcp`: whoever pays.
    Public,
}

/// The handler of MCP requests. One for all: rmcp clones it for each request.
#[derive(Clone)]
pub struct Tools {
    backend: Arc<Backend>,
    surface: Surface,
    /// Of the tools that are offered here.
    definitions: Arc<[ToolDefinition]>,
}

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        let server = Implementation::new("Validibot", env!("CARGO_PKG_VERSION")).with_title("Validibot");
        let (capabilities, instructions) = match self.surface {
            Surface::Members => {
                let capabilities = ServerCapabilities::builder().enable_tools().enable_resources();
                (capabilities.enable_extensions_with(view::extension()).build(), INSTRUCTIONS)
            }
            Surface::Public => (ServerCapabilities::builder().enable_tools().build(), PUBLIC_INSTRUCTIONS),
        };
        ServerConfig::new(capabilities).with_server_info(server).with_instructions(instructions)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(ProtocolVersion::known_up_to(&self.backend.settings.max_protocol_version))
    }

    async fn list_tools(
        &self,
        page: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        only_page(page)?;
        let mut tools = ListToolsResult::with_all_items(self.definitions.to_vec());
        tools.ttl_ms = Some(TOOLS_TTL_MS);
        tools.cache_scope = Some(CacheScope::Private);
        Ok(tools)
    }

    fn get_tool(&self, name: &str) -> Option<ToolDefinition> {
        self.definitions.iter().find(|definition| definition.name == name).cloned()
    }

    async fn list_resources(
        &self,
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        only_page(page)?;
        let caller = self.caller_of_resources(&context)?;
        let list = resources::list(&self.backend.validibot, &caller).await;
        let mut list = list.inspect_err(|error| failed("resources/list", error))?;
        list.resources.push(view::resource(&self.backend.settings));
        list.ttl_ms = Some(WORKFLOWS_TTL_MS);
        list.cache_scope = Some(CacheScope::Private);
        Ok(list)
    }

    async fn list_resource_templates(
        &self,
        page: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        only_page(page)?;
        self.has_resources()?;
        let mut templates = resources::templates();
        templates.ttl_ms = Some(TOOLS_TTL_MS);
        templates.cache_scope = Some(CacheScope::Private);
        Ok(templates)
    }

    /// Where rmcp puts what it could not read: methods that nobody knows, and known ones with parameters of another
    /// form, which it would call unknown as well.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let parts = context.extensions.get::<Parts>();
        let names_its_version = parts.is_some_and(|parts| parts.headers.contains_key("mcp-protocol-version"));
        let error = not_read(&request.method, names_its_version);
        // Hosts ask for prompts on every connection: nothing that an operator has to know.
        tracing::info!(code = error.code.0, "a request for what is not offered, or cannot be read");
        Err(error)
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let caller = self.caller_of_resources(&context)?;
        if view::is_view(&request.uri) {
            return Ok(view::read(&self.backend.settings, &request.uri).into());
        }
        let read =
            resources::read(&self.backend.validibot, &caller, &request.uri, self.backend.clock.unix()).await;
        let mut read = read.inspect_err(|error| failed("resources/read", error))?;
        // A run changes from one moment to the next.
        read.ttl_ms = Some(0);
        read.cache_scope = Some(CacheScope::Private);
        Ok(read.into())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = Tool::named(&request.name).filter(|tool| self.offers(*tool)) else {
            // An unknown tool is the client's mistake, and a protocol error (MCP, tools, error handling).
            let names: Vec<&str> =
                self.definitions.iter().map(|definition| definition.name.as_ref()).collect();
            return Err(ErrorData::invalid_params(
                format!("There is no tool of this name. The tools are {}", names.join(", ")),
                None,
            ));
        };
        let call = ToolCall {
            tool,
            arguments: request.arguments.unwrap_or_default(),
            meta: &context.meta,
            parts: context.extensions.get(),
            link: Some(&context),
        };
        Ok(self.call(call).await.into_response())
    }
}

/// Lists come whole, so that no cursor is one of ours (MCP, pagination: an invalid cursor is -32602). An empty one is how
/// some clients say that they have none.
fn only_page(page: Option<PaginatedRequestParams>) -> Result<(), ErrorData> {
    match page.and_then(|page| page.cursor) {
        Some(cursor) if !cursor.is_empty() => Err(ErrorData::invalid_params(
            "This server has not issued the cursor: its lists come whole, in one answer",
            None,
        )),
        _ => Ok(()),
    }
}

/// The line of log for a request that failed and is no tool call. What was asked for is the caller's, and not in it.
fn failed(method: &'static str, error: &ErrorData) {
    tracing::warn!(mcp.method.name = method, rpc.response.status_code = error.code.0, "request failed");
}

/// Who is calling: chain 1 put it into the request.
fn caller(context: &RequestContext<RoleServer>) -> Option<Caller> {
    context.extensions.get::<Parts>().and_then(|parts| parts.extensions.get::<Caller>()).cloned()
}

/// What is wrong with a request that rmcp could not read.
///
/// `initialize` begins a conversation, so that no version has been agreed on that its request could name in a header
/// (MCP 2025-11-25, transports). A request that names one is of the era that has no such method (MCP 2026-07-28).
fn not_read(method: &str, names_its_version: bool) -> ErrorData {
    let form = match method {
        "tools/call" => "`name` has to be a string, and `arguments` an object",
        "resources/read" => "`uri` has to be a string",
        "tools/list" | "resources/list" | "resources/templates/list" => {
            "`cursor`, where there is one, has to be a string"
        }
        "initialize" if !names_its_version => {
            "`protocolVersion`, `capabilities` and `clientInfo` have to be there"
        }
        _ => {
            let message = format!("There is no method {} here", short(method, MAX_METHOD_BYTES));
            return ErrorData::new(ErrorCode::METHOD_NOT_FOUND, message, None);
        }
    };
    ErrorData::invalid_params(format!("The parameters of {method} cannot be read: {form}"), None)
}

impl Tools {
    /// The handler of `/mcp`.
    pub fn new(backend: Arc<Backend>) -> Self {
        Self::of(Surface::Members, backend)
    }

    /// The handler of `/public-mcp`.
    pub(crate) fn for_payers(backend: Arc<Backend>) -> Self {
        Self::of(Surface::Public, backend)
    }

    fn of(surface: Surface, backend: Arc<Backend>) -> Self {
        let definitions = catalog::definitions(surface, &backend).into();
        Self { backend, surface, definitions }
    }

    fn offers(&self, tool: Tool) -> bool {
        tool.is_offered(self.surface, &self.backend)
    }

    /// Resources are read again and again, as a user; without one there are none.
    fn has_resources(&self) -> Result<(), ErrorData> {
        match self.surface {
            Surface::Members => Ok(()),
            Surface::Public => {
                Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, "There are no resources here", None))
            }
        }
    }

    /// The kill switch holds for resources too; they have no results to say it in.
    fn caller_of_resources(&self, context: &RequestContext<RoleServer>) -> Result<Caller, ErrorData> {
        self.has_resources()?;
        let refused =
            |error: ToolError| ErrorData::internal_error("Not available", Some(error.into_payload()));
        if !self.backend.settings.enabled {
            return Err(refused(ToolError::switched_off()));
        }
        caller(context).ok_or_else(|| refused(ToolError::unauthorized()))
    }
}
