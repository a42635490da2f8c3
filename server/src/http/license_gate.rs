//! The runtime gate before a route: without a licence for MCP nothing is served.

use axum::Json;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::app::App;
use crate::validibot::license::ASK_AGAIN_AFTER;

/// Without a licence, 503 for whatever comes.
pub(crate) async fn gate<F: Future<Output = Response>>(
    app: &App,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    match app.withdrawn_from() {
        None => next(request).await,
        Some(edition) => refusal(&edition),
    }
}

fn refusal(edition: &str) -> Response {
    let body = json!({
        "error": "not_licensed",
        "error_description": format!(
            "This Validibot's licence ({edition}) does not include MCP any more. An operator has to renew it"
        ),
        "retry_after_seconds": ASK_AGAIN_AFTER.as_secs(),
    });
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(RETRY_AFTER, HeaderValue::from(ASK_AGAIN_AFTER.as_secs()));
    response
}
