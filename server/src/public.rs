//! What anybody may ask: what this is, whether it is up, which build it is.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::app::App;

/// The commit that this binary was built from; build tools set it.
const COMMIT: &str = match option_env!("VALIDIBOT_MCP_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};

/// `GET /`: the descriptor (contract, D3).
pub(crate) async fn descriptor(State(app): State<Arc<App>>) -> Json<Value> {
    let base = app.settings.base_url.as_str();
    let mut authenticated = json!({
        "endpoint": format!("{base}/mcp"),
        "auth": if app.settings.oauth.is_some() {
            "OAuth 2.1 or a Validibot API token, as Authorization: Bearer"
        } else {
            "A Validibot API token, as Authorization: Bearer"
        },
    });
    if app.settings.oauth.is_some() {
        authenticated["oauth_metadata"] = format!("{base}/.well-known/oauth-protected-resource/mcp").into();
    }
    Json(json!({
        "service": "validibot-mcp",
        "protocol": "Model Context Protocol over Streamable HTTP",
        "mcp_protocol_version": app.settings.max_protocol_version,
        "surfaces": { "authenticated": authenticated },
        "docs": "https://docs.validibot.com/api/mcp-integration/",
    }))
}

/// `GET /livez`: the process answers.
pub(crate) async fn livez() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the server takes traffic. It listens only once the licence is there, so this is 200.
pub(crate) async fn readyz() -> &'static str {
    "ok\n"
}

/// `GET /version`: the build, for whoever has to prove which one answers.
pub(crate) async fn version() -> Response {
    let body = json!({ "service": "validibot-mcp", "version": env!("CARGO_PKG_VERSION"), "commit": COMMIT });
    ([(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
