//! The runtime gate before a route: without a licence for MCP nothing is served.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::base::refusal::HttpRefusal;
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
    let description = format!(
        "This Validibot's licence ({edition}) does not include MCP any more. An operator has to renew it"
    );
    HttpRefusal::new(StatusCode::SERVICE_UNAVAILABLE, "not_licensed", description)
        .retry_after_seconds(ASK_AGAIN_AFTER.as_secs())
        .into_response()
}
