//! A tool call, whichever way it came: rmcp's handler and the fast path both end here.

use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
use rmcp::model::JsonObject;
use rmcp::service::{RequestContext, RoleServer};
use tokio::time::Instant;

use super::arguments::Arguments;
use super::catalog::Tool;
use super::error::ToolError;
use super::outcome::Outcome;
use super::{Surface, Tools, compare, open, paid, prepare, runs, validate, wait, workflows};
use crate::caller::{AuthDuration, Caller};
use crate::limits::Charge;
use crate::payments::HeaderPayment;
use crate::telemetry::hops::{self, Hops};
use crate::telemetry::trace;

/// A call, as far as it was read.
pub(super) struct ToolCall<'a> {
    pub(super) tool: Tool,
    pub(super) arguments: JsonObject,
    /// The request's metadata (`_meta`).
    pub(super) meta: &'a JsonObject,
    /// The head of the HTTP request.
    pub(super) parts: Option<&'a Parts>,
    /// How the client can be told something before the answer, and how it can give up. rmcp alone knows; whoever waits
    /// without it waits in silence.
    pub(super) link: Option<&'a RequestContext<RoleServer>>,
}

impl ToolCall<'_> {
    /// Who is calling: chain 1 put it into the request.
    fn caller(&self) -> Option<Caller> {
        self.parts.and_then(|parts| parts.extensions.get::<Caller>()).cloned()
    }

    /// What the request is charged with.
    fn charge(&self) -> Option<&Charge> {
        self.parts.and_then(|parts| parts.extensions.get())
    }

    /// Where a payment in a header was put.
    fn payment(&self) -> Option<&Arc<HeaderPayment>> {
        self.parts.and_then(|parts| parts.extensions.get())
    }
}

/// What the log says of where a call comes from.
struct Origin {
    /// The kind of caller.
    caller: &'static str,
    /// How long it took to find out who it is.
    auth: Option<Duration>,
    trace: Option<String>,
}

impl Origin {
    /// The MCP request's `traceparent` comes first; the header is what is left where it has none.
    fn of(call: &ToolCall<'_>, caller: Option<&Caller>) -> Self {
        let parts = call.parts;
        let parent = call.meta.get("traceparent").and_then(serde_json::Value::as_str);
        Self {
            caller: caller.map_or("none", Caller::kind),
            auth: parts.and_then(|parts| parts.extensions.get::<AuthDuration>()).map(|took| took.0),
            trace: parent.and_then(trace::from_traceparent).or_else(|| trace::id(&parts?.headers)),
        }
    }
}

impl Tools {
    /// Makes a call, and then the one line of log for it, and its metrics.
    pub(super) async fn call(&self, mut call: ToolCall<'_>) -> Outcome {
        let started = Instant::now();
        let caller = call.caller();
        let (tool, origin) = (call.tool, Origin::of(&call, caller.as_ref()));
        let given = std::mem::take(&mut call.arguments);
        let (outcome, hops) = hops::collect(self.run(&call, given, caller)).await;
        self.account(tool, origin, &outcome, started.elapsed(), &hops);
        outcome
    }

    /// The kill switch comes first: switched off, no argument, credential or backend matters.
    async fn run(&self, call: &ToolCall<'_>, given: JsonObject, caller: Option<Caller>) -> Outcome {
        if !self.backend.settings.enabled {
            return Outcome::Failed(ToolError::switched_off());
        }
        let mut arguments = Arguments::new(given);
        let made = self.dispatch(call, &mut arguments, caller).await;
        made.map_or_else(Outcome::Failed, |outcome| outcome.noting(arguments))
    }

    /// What is seldom is boxed: this future would be as large as the largest of all.
    async fn dispatch(
        &self,
        call: &ToolCall<'_>,
        arguments: &mut Arguments,
        caller: Option<Caller>,
    ) -> Result<Outcome, ToolError> {
        let backend = &self.backend;
        match call.tool {
            Tool::ListWorkflows => workflows::list(backend, arguments, caller).await,
            Tool::GetWorkflowDetails => workflows::details(backend, arguments, caller).await,
            Tool::GetRunStatus => runs::status(backend, arguments, caller).await,
            Tool::ValidateFile if self.surface == Surface::Public => {
                Box::pin(paid::validate(backend, arguments, call.meta, call.payment())).await
            }
            Tool::ValidateFile => {
                Box::pin(validate::validate(backend, arguments, call.meta, caller, call.charge())).await
            }
            Tool::WaitForRun => Box::pin(wait::wait(backend, arguments, caller, call.link)).await,
            Tool::CompareRuns => Box::pin(compare::compare(backend, arguments, caller)).await,
            Tool::PrepareUpload => prepare::prepare(backend, arguments, caller),
            Tool::OpenUpload => Box::pin(open::open(backend, arguments, caller, call.meta)).await,
        }
    }

    fn account(&self, tool: Tool, origin: Origin, outcome: &Outcome, elapsed: Duration, hops: &Hops) {
        let Origin { caller, auth, trace: trace_id } = origin;
        let error = Some(outcome.code()).filter(|code| *code != "OK");
        self.backend.metrics.tool_called(tool.name(), error, elapsed);
        tracing::info!(
            mcp.method.name = "tools/call",
            gen_ai.tool.name = tool.name(),
            error.r#type = error,
            caller,
            outcome = outcome.code(),
            trace_id,
            duration_ms = milliseconds(elapsed),
            auth_ms = auth.map(milliseconds),
            identity_ms = milliseconds(hops.identity),
            validibot_ms = milliseconds(hops.validibot),
            validibot_requests = hops.requests,
            "tool call"
        );
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
