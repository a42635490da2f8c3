//! What comes first on every route that takes a body: an end where the instance ends, and an answer that can be read.

use axum::extract::Request;
use axum::http::header::EXPECT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::Limits;
use super::leftover::{self, Leftover};
use super::refusal::Refusal;
use crate::base::lifecycle::{Lifecycle, REQUESTS_END_AFTER};

/// Gets the answer, and takes in what is left of a body that was refused, so that the client reads the answer instead of a
/// broken connection. By then nothing else is held: whoever drips costs one of the few places for that, and nobody a slot.
pub(crate) async fn answered<F: Future<Output = Response>>(
    limits: &Limits,
    lifecycle: &Lifecycle,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let expects = expects_continue(request.headers());
    let (request, left) = Leftover::watch(request);
    let response = tokio::select! {
        response = next(request) => response,
        () = lifecycle.stopping_for(REQUESTS_END_AFTER) => Refusal::Stopping.into_response(),
    };
    // A client that waits for 100 Continue has sent nothing, and shall not begin; one that is too slow was waited for.
    let unread = left.body().filter(|_| !expects && response.status() != StatusCode::REQUEST_TIMEOUT);
    if let Some(body) = unread
        && let Ok(_place) = limits.drains.take((), 1)
    {
        tokio::select! {
            () = leftover::drain(body) => {}
            () = lifecycle.stopping_for(REQUESTS_END_AFTER) => {}
        }
    }
    response
}

fn expects_continue(headers: &HeaderMap) -> bool {
    headers.get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}
