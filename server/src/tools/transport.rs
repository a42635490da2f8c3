//! The MCP transport: Streamable HTTP without sessions, so that any instance can answer any request.

mod leniency;
mod refusals;
mod short;
mod written;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use self::short::ShortWay;
use super::Tools;
use crate::app::App;

/// The body limit: the largest file in base64, with its envelope.
pub(crate) const MAX_BODY_BYTES: usize = 15 * 1024 * 1024;

/// The route of a surface, `/mcp` for one, without anything around it that says who may come.
///
/// `handler` answers what rmcp reads: `tools`, or something around them. One transport for all requests: axum clones
/// what a route holds several times for each, and rmcp's service has lists in it (docs/performance.md).
pub(crate) fn route<H: ServerHandler + Clone>(
    app: &Arc<App>,
    path: &str,
    tools: Tools,
    handler: H,
) -> Router<Arc<App>> {
    let hosts: Vec<String> = hosts(app).collect();
    let transport =
        Arc::new(Transport { short: ShortWay::new(tools, &hosts), rmcp: service(app, hosts, handler) });
    let answer = move |request: Request| {
        let transport = transport.clone();
        async move { transport.answer(request).await }
    };
    Router::new().route(path, any(answer))
}

/// The ways that a request may go.
struct Transport<H> {
    short: ShortWay,
    rmcp: StreamableHttpService<H, NeverSessionManager>,
}

impl<H: ServerHandler + Clone> Transport<H> {
    async fn answer(&self, request: Request) -> Response {
        let (mut parts, body) = request.into_parts();
        leniency::accept_anything(&mut parts.headers);
        let era = self.short.era(&parts);
        let looked_into = era.is_some() || leniency::is_suspect(&parts.headers);
        if !looked_into || !leniency::is_small(&parts.headers) {
            return self.by_rmcp(Request::from_parts(parts, body)).await;
        }
        let Ok(body) = to_bytes(body, leniency::MAX_PEEK_BYTES).await else {
            return (StatusCode::BAD_REQUEST, "The body ended early").into_response();
        };
        if let Some(call) = era.and_then(|era| self.short.call(era, &parts, &body)) {
            return self.short.answer(call, &parts).await;
        }
        leniency::agree(&mut parts.headers, &body);
        self.by_rmcp(Request::from_parts(parts, Body::from(body))).await
    }

    async fn by_rmcp(&self, request: Request) -> Response {
        // In a box of its own: it is large, and axum moves what waits for an answer.
        refusals::in_json_rpc(Box::pin(self.rmcp.handle(request)).await.map(Body::new)).await
    }
}

/// The names by which this server is called.
fn hosts(app: &App) -> impl Iterator<Item = String> {
    let own = ["localhost", "127.0.0.1", "::1", app.settings.base_url.host()].into_iter().map(str::to_owned);
    own.chain(app.settings.extra_hosts.iter().cloned())
}

fn service<H: ServerHandler + Clone>(
    app: &Arc<App>,
    hosts: Vec<String>,
    handler: H,
) -> StreamableHttpService<H, NeverSessionManager> {
    let settings = &app.settings;
    let origins = std::iter::once(settings.base_url.origin_with_port());
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_allowed_hosts(hosts)
        .with_allowed_origins(origins.chain(settings.allowed_origins.iter().cloned()))
        .enforce_origin_validation()
        .with_max_request_body_bytes(MAX_BODY_BYTES);
    StreamableHttpService::new(move || Ok(handler.clone()), Arc::default(), config)
}
