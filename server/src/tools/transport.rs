//! The MCP transport: Streamable HTTP without sessions, so that any instance can answer any request.

mod leniency;
mod refusals;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::any_service;
use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use crate::app::App;

/// The body limit: the largest file in base64, with its envelope.
pub(crate) const MAX_BODY_BYTES: usize = 15 * 1024 * 1024;

/// The route of a surface, `/mcp` for one, without anything around it that says who may come.
pub(crate) fn route<H: ServerHandler + Clone>(app: &Arc<App>, path: &str, handler: H) -> Router<Arc<App>> {
    Router::new()
        .route(path, any_service(service(app, handler)))
        .layer(from_fn(leniency::be_lenient))
        .layer(from_fn(refusals::in_json_rpc))
}

fn service<H: ServerHandler + Clone>(
    app: &Arc<App>,
    handler: H,
) -> StreamableHttpService<H, NeverSessionManager> {
    let settings = &app.settings;
    let hosts = ["localhost", "127.0.0.1", "::1", settings.base_url.host()].into_iter().map(str::to_owned);
    let origins = std::iter::once(settings.base_url.origin_with_port());
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_allowed_hosts(hosts.chain(settings.extra_hosts.iter().cloned()))
        .with_allowed_origins(origins.chain(settings.allowed_origins.iter().cloned()))
        .enforce_origin_validation()
        .with_max_request_body_bytes(MAX_BODY_BYTES);
    StreamableHttpService::new(move || Ok(handler.clone()), Arc::default(), config)
}
