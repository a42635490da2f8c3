//! What is answered where there is nothing, or nothing for this method: programs show the body to their users, who mostly
//! left `/mcp` out of the address.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::base::refusal::HttpRefusal;

/// 404.
pub(crate) async fn path(State(app): State<Arc<App>>, request: Request) -> Response {
    let nothing = if app.oauth.is_none() && is_sign_in(request.uri().path()) {
        "Users cannot sign in at this server: send a Validibot API token as Authorization: Bearer"
    } else {
        "There is nothing at this path"
    };
    answer(&app, StatusCode::NOT_FOUND, "not_found", nothing)
}

/// 405; the router adds `Allow`.
pub(crate) async fn method(State(app): State<Arc<App>>) -> Response {
    let nothing = "This path does not take this method";
    answer(&app, StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", nothing)
}

fn answer(app: &App, status: StatusCode, error: &str, nothing: &str) -> Response {
    let endpoint = format!("{}/mcp", app.settings.base_url.as_str());
    let description = format!("{nothing}. The MCP endpoint is {endpoint}: connect to that address");
    HttpRefusal::new(status, error, description).at_endpoint(&endpoint).into_response()
}

/// What a client asks for that looks for a way to sign in.
fn is_sign_in(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    matches!(path, "/register" | "/authorize" | "/token") || path.starts_with("/.well-known/o")
}
