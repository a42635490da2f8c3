//! The admin listener: `/metrics`, and whether the instance is up.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::public;
use crate::app::App;

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
    app.metrics.write(&mut text);
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
