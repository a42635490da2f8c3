//! The MCP transport: Streamable HTTP without sessions, so that any instance can answer any request.

mod encode;
mod events;
mod fast_path;
mod json_only;
mod leniency;
mod quoted;
mod refusals;
mod unreadable;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use self::fast_path::FastPath;
use self::leniency::Accepted;
use super::Tools;
use crate::config::{Origins, Settings};
use crate::limits::MAX_BODY_BYTES;

/// The route of a surface, `/mcp` for one, without anything around it that says who may come.
///
/// `handler` answers what rmcp reads: `tools`, or something around them. One transport for all requests: axum clones
/// what a route holds several times for each, and rmcp's service has lists in it (docs/performance.md).
pub(crate) fn route<H: ServerHandler + Clone, S: Clone + Send + Sync + 'static>(
    settings: &Arc<Settings>,
    origins: &Arc<Origins>,
    path: &str,
    tools: Tools,
    handler: H,
) -> Router<S> {
    let hosts: Vec<String> = hosts(settings).collect();
    let transport = Arc::new(Transport {
        settings: settings.clone(),
        origins: origins.clone(),
        fast_path: settings.fast_path.then(|| FastPath::new(tools, &hosts)),
        rmcp: service(hosts, handler),
    });
    let answer = move |request: Request| {
        let transport = transport.clone();
        // In a box: axum moves what waits for an answer.
        async move { Box::pin(transport.answer(request)).await }
    };
    // People and some clients end the address with a slash; a redirect of a POST is not followed by all.
    Router::new().route(path, any(answer.clone())).route(&format!("{path}/"), any(answer))
}

/// The ways that a request may go.
struct Transport<H> {
    settings: Arc<Settings>,
    origins: Arc<Origins>,
    /// None where every call is to go by rmcp.
    fast_path: Option<FastPath>,
    rmcp: StreamableHttpService<H, NeverSessionManager>,
}

impl<H: ServerHandler + Clone> Transport<H> {
    async fn answer(self: Arc<Self>, request: Request) -> Response {
        let (mut parts, body) = request.into_parts();
        if !self.origins.allow(&parts.headers) {
            return refusals::origin();
        }
        // In boxes of their own: few clients take one type alone.
        match leniency::accept(&mut parts.headers) {
            Accepted::AsMcpSays => self.decide(parts, body).await,
            Accepted::JsonAlone => {
                Box::pin(async { json_only::in_json(self.decide(parts, body).await).await }).await
            }
            Accepted::EventsAlone => {
                Box::pin(async { events::in_events(self.decide(parts, body).await).await }).await
            }
        }
    }

    async fn decide(self: Arc<Self>, mut parts: Parts, body: Body) -> Response {
        if !leniency::is_small(&parts.headers) {
            return self.by_rmcp(Request::from_parts(parts, body), None).await;
        }
        let fast = self.fast_path.as_ref().and_then(|fast_path| Some((fast_path, fast_path.era(&parts)?)));
        let Ok(body) = to_bytes(body, leniency::MAX_PEEK_BYTES).await else {
            return refusals::ended_early();
        };
        if let Some((fast_path, era)) = fast
            && let Some(call) = fast_path.call(era, &parts, &body)
        {
            return fast_path.answer(call, &parts).await;
        }
        leniency::agree(&mut parts.headers, &body);
        // Kept for the sentence that says what is wrong with it, should rmcp not be able to read it.
        let kept = (body.len() <= unreadable::MAX_BYTES).then(|| body.clone());
        if events::is_silent_wait(&body) {
            let answer =
                async move { self.by_rmcp(Request::from_parts(parts, Body::from(body)), kept).await };
            return events::with_comments(Box::pin(answer)).await;
        }
        self.by_rmcp(Request::from_parts(parts, Body::from(body)), kept).await
    }

    async fn by_rmcp(&self, request: Request, kept: Option<Bytes>) -> Response {
        // In a box of its own: it is large, and axum moves what waits for an answer.
        let response = Box::pin(self.rmcp.handle(request)).await.map(Body::new);
        quoted::shortly(refusals::in_json(&self.settings, response, kept).await).await
    }
}

/// The names by which this server is called.
fn hosts(settings: &Settings) -> impl Iterator<Item = String> {
    let own = ["localhost", "127.0.0.1", "::1", settings.base_url.host()].into_iter().map(str::to_owned);
    own.chain(settings.extra_hosts.iter().cloned())
}

fn service<H: ServerHandler + Clone>(
    hosts: Vec<String>,
    handler: H,
) -> StreamableHttpService<H, NeverSessionManager> {
    // Origins are judged before: browsers are told by the same list what they may show to a page.
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_allowed_hosts(hosts)
        .with_max_request_body_bytes(MAX_BODY_BYTES);
    StreamableHttpService::new(move || Ok(handler.clone()), Arc::default(), config)
}
