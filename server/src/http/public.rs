//! What anybody may ask: what this is, whether it is up, which build it is.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header::{ACCEPT, CACHE_CONTROL, HeaderValue, VARY};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::app::App;
use crate::config::Settings;

mod welcome;

/// Where users of Validibot read about its MCP server.
const DOCS: &str = "https://docs.validibot.com/api/mcp-integration/";

/// The commit that this binary was built from; build tools set it.
const COMMIT: &str = match option_env!("VALIDIBOT_MCP_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};

/// `GET /`: a page for a browser, the descriptor (contract, D3) for everyone else.
pub(crate) async fn root(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut response = if accept.contains("text/html") {
        welcome::page(&app.settings, app.withdrawn_from().as_deref())
    } else {
        Json(descriptor(&app.settings)).into_response()
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    response
}

fn descriptor(settings: &Settings) -> Value {
    let base = settings.base_url.as_str();
    let mut authenticated = json!({
        "endpoint": format!("{base}/mcp"),
        "auth": if settings.oauth.is_some() {
            "OAuth 2.1 or a Validibot API token, as Authorization: Bearer"
        } else {
            "A Validibot API token, as Authorization: Bearer"
        },
    });
    if settings.oauth.is_some() {
        authenticated["oauth_metadata"] = format!("{base}/.well-known/oauth-protected-resource/mcp").into();
    }
    let mut surfaces = json!({ "authenticated": authenticated });
    if let Some(x402) = &settings.x402 {
        surfaces["public"] = json!({
            "endpoint": format!("{base}/public-mcp"),
            "auth": "None: each validation is paid for with x402",
            "x402": { "version": 2, "network": x402.network, "asset": x402.asset },
        });
    }
    json!({
        "service": "validibot-mcp",
        "protocol": "Model Context Protocol over Streamable HTTP",
        "mcp_protocol_version": settings.max_protocol_version,
        "surfaces": surfaces,
        "docs": DOCS,
    })
}

/// `GET /livez`: the process answers.
pub(crate) async fn livez() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: whether the server takes traffic. It listens only once the licence is there; the licence may be
/// withdrawn later.
pub(crate) async fn readyz(State(app): State<Arc<App>>) -> Response {
    let reason = if app.lifecycle.is_stopping() {
        "stopping\n"
    } else if app.withdrawn_from().is_some() {
        "not licensed\n"
    } else {
        return "ok\n".into_response();
    };
    (StatusCode::SERVICE_UNAVAILABLE, reason).into_response()
}

/// `GET /version`: the build, for whoever has to prove which one answers.
pub(crate) async fn version() -> Response {
    let body = json!({ "service": "validibot-mcp", "version": env!("CARGO_PKG_VERSION"), "commit": COMMIT });
    ([(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
