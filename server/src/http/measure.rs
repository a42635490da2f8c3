//! Measures each request from its head to the end of its answer.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::response::Response;
use tokio::time::Instant;

use crate::base::http_body::holding;
use crate::telemetry::metrics::Metrics;

/// The outermost middleware.
pub(crate) async fn measure<F: Future<Output = Response>>(
    metrics: &Arc<Metrics>,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let started = Instant::now();
    let method = name(request.method());
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let response = next(request).await;
    let route = route.unwrap_or_default();
    let answer =
        Answer { metrics: metrics.clone(), started, method, route, status: response.status().as_u16() };
    response.map(|body| holding(body, answer))
}

/// Counts itself when it is out, or when nobody wants the rest of it.
struct Answer {
    metrics: Arc<Metrics>,
    started: Instant,
    method: &'static str,
    route: String,
    status: u16,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.metrics.served(self.method, &self.route, self.status, self.started.elapsed());
    }
}

/// Methods are what clients say; unknown ones are `_OTHER` (OpenTelemetry, HTTP attributes).
fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "_OTHER",
    }
}
