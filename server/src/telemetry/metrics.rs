//! Metrics in Prometheus' text form. Names are those of OpenTelemetry's conventions for MCP and HTTP, with dots as
//! underscores and the unit at the end, as its Prometheus exporters write them.

mod family;

use std::time::Duration;

use self::family::Histograms;

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

    /// A request was answered, to the end of its answer.
    pub(crate) fn served(&self, method: &'static str, route: &str, status: u16, elapsed: Duration) {
        self.served.add([method, route, &status.to_string()], elapsed);
    }

    /// Appends everything that was counted to an exposition.
    pub(crate) fn write(&self, text: &mut String) {
        for family in [&self.operations, &self.served, &self.asked] {
            family.write(text);
        }
    }
}
