//! Metrics in Prometheus' text form. Names are those of OpenTelemetry's conventions for MCP and HTTP, with dots as
//! underscores and the unit at the end, as its Prometheus exporters write them.

mod family;
mod measure;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use self::family::Histograms;
pub(crate) use self::measure::measure;
use crate::app::App;
use crate::http::public;

/// Seconds, as OpenTelemetry advises for HTTP.
const HTTP_SECONDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Seconds, as OpenTelemetry advises for MCP.
const MCP_SECONDS: [f64; 14] =
    [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// What is counted.
pub struct Metrics {
    operations: Histograms<3>,
    served: Histograms<3>,
    asked: Histograms<3>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            operations: Histograms::new(
                "mcp_server_operation_duration_seconds",
                "Tool calls, by tool and outcome",
                ["mcp_method_name", "gen_ai_tool_name", "error_type"],
                &MCP_SECONDS,
            ),
            served: Histograms::new(
                "http_server_request_duration_seconds",
                "Requests answered, to the end of the answer",
                ["http_request_method", "http_route", "http_response_status_code"],
                &HTTP_SECONDS,
            ),
            asked: Histograms::new(
                "http_client_request_duration_seconds",
                "Requests to Validibot's helper API",
                ["http_request_method", "http_response_status_code", "error_type"],
                &HTTP_SECONDS,
            ),
        }
    }
}

impl Metrics {
    /// A tool call is done; `error` is its code where it failed.
    pub(crate) fn tool_called(&self, tool: &'static str, error: Option<&str>, elapsed: Duration) {
        self.operations.add(["tools/call", tool, error.unwrap_or_default()], elapsed);
    }

    /// Validibot answered a request, or did not.
    pub(crate) fn validibot_asked(
        &self,
        method: &str,
        status: Option<u16>,
        error: Option<&str>,
        elapsed: Duration,
    ) {
        let status = status.map(|status| status.to_string()).unwrap_or_default();
        self.asked.add([method, &status, error.unwrap_or_default()], elapsed);
    }

    fn served(&self, method: &'static str, route: &str, status: u16, elapsed: Duration) {
        self.served.add([method, route, &status.to_string()], elapsed);
    }
}

/// The routes of the admin listener.
pub(crate) fn routes(app: &Arc<App>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(public::livez))
        .route("/readyz", get(public::readyz))
        .with_state(app.clone())
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let mut text = String::new();
    for family in [&app.metrics.operations, &app.metrics.served, &app.metrics.asked] {
        family.write(&mut text);
    }
    let (calls, bytes) = app.limits.in_flight();
    gauge(&mut text, "http_server_active_requests", "Requests of /mcp and uploads under way", calls);
    gauge(&mut text, "validibot_mcp_body_bytes", "What their bodies are charged with, in bytes", bytes);
    let licensed = usize::from(app.withdrawn_from().is_none());
    gauge(&mut text, "validibot_mcp_licensed", "1 while Validibot's licence includes MCP", licensed);
    if let Some(memory) = resident_memory() {
        gauge(&mut text, "process_resident_memory_bytes", "Resident memory, in bytes", memory);
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

fn gauge(text: &mut String, name: &str, help: &str, value: usize) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
}

/// From Linux's own account (proc(5)); other systems have none.
fn resident_memory() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: usize = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib * 1024)
}
