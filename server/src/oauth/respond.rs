//! Redirects of the browser: back to the client, or on.

use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::Oauth;
use crate::config::redirect_uri::with_query;

/// Sends the browser back to the client with an answer, the client's `state`, and our `iss` (RFC 9207).
pub(super) fn back_to_client(
    oauth: &Oauth,
    redirect: &str,
    answer: &[(&str, &str)],
    state: Option<&str>,
    status: StatusCode,
) -> Response {
    see(status, &with_answer(oauth, redirect, answer, state))
}

pub(super) fn with_answer(
    oauth: &Oauth,
    redirect: &str,
    answer: &[(&str, &str)],
    state: Option<&str>,
) -> String {
    let mut pairs = answer.to_vec();
    pairs.extend(state.map(|state| ("state", state)));
    pairs.push(("iss", oauth.issuer()));
    with_query(redirect, &pairs)
}

/// A redirect that nobody keeps.
pub(super) fn see(status: StatusCode, location: &str) -> Response {
    // A URL is visible ASCII once it is parsed; the fallback keeps a surprise from being a panic.
    let location = HeaderValue::from_str(location).unwrap_or_else(|_| HeaderValue::from_static("/"));
    let mut response = (status, [(CACHE_CONTROL, "no-store")]).into_response();
    response.headers_mut().insert(LOCATION, location);
    response
}
