//! Cross-origin access (Fetch standard, CORS protocol): to MCP for the pages and desktop programs that an operator allows, to
//! `/uploads` for every origin.
//!
//! Credentials here are headers that a program sets itself, so that the credentials mode, which is about cookies, stays
//! off. Whether an origin may call at all is judged behind chain 1; here the browser is told what it may show to the page.
//! An upload has no origin to be judged by: views of MCP Apps are shown from origins that hosts make up, or from `null`, and
//! their ticket is all that they have.

use axum::extract::{MatchedPath, Request};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ALLOW, HeaderName, HeaderValue, ORIGIN, VARY,
};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::base::refusal::HttpRefusal;

/// What MCP clients send.
const REQUEST_HEADERS: &str = "Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, \
                               Mcp-Name, Last-Event-ID, Traceparent, Tracestate, Payment-Signature";
/// What an upload has.
const UPLOAD_HEADERS: HeaderValue = HeaderValue::from_static("Content-Type, X-Validibot-Upload-Ticket");
const UPLOAD_METHODS: &str = "PUT, OPTIONS";
/// Headers that mirror a tool's arguments have the argument's name behind it (MCP 2026-07-28, transports).
const PARAM: &str = "mcp-param-";
/// Of those, no more are granted: no tool has as many arguments.
const MAX_PARAMS: usize = 32;
/// What a page may read of an answer, besides what any page may.
const RESPONSE_HEADERS: &str = "WWW-Authenticate, Retry-After, Allow, MCP-Protocol-Version, Payment-Response";
/// Two hours, in seconds: Chromium keeps no permission longer.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// Answers preflights itself, before anybody is asked who is calling: a browser sends no credential with them. Every other
/// answer, a refusal too, gets what lets the page read it.
pub(crate) async fn open<F: Future<Output = Response>>(
    app: &App,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    match route(&request) {
        None => return next(request).await,
        Some(Route::Uploads) => return upload(request, next).await,
        Some(Route::Mcp) => {}
    }
    let headers = request.headers();
    let origin = headers.get(ORIGIN).cloned();
    let allowed = app.origins.allow(headers);
    let preflight =
        request.method() == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match origin {
        Some(_) if preflight && allowed => permission(&request),
        Some(_) if preflight => refusal(),
        _ => next(request).await,
    };
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin.filter(|_| allowed) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(RESPONSE_HEADERS));
    }
    response
}

/// What pages have business with. The routes of signing in are open to every origin, too (`oauth::cors`).
enum Route {
    Mcp,
    Uploads,
}

fn route(request: &Request) -> Option<Route> {
    let path = request.extensions().get::<MatchedPath>()?.as_str();
    match path.trim_end_matches('/') {
        "/mcp" | "/public-mcp" => Some(Route::Mcp),
        "/uploads" => Some(Route::Uploads),
        _ => None,
    }
}

/// `OPTIONS` has the same answer for everybody, before the licence and the limits. Every other answer may be read by the page
/// that asked, a refusal too: without that it would see a network error, and could not tell its user what to do.
async fn upload<F: Future<Output = Response>>(request: Request, next: impl FnOnce(Request) -> F) -> Response {
    let options = request.method() == Method::OPTIONS;
    let mut response = if options { StatusCode::NO_CONTENT.into_response() } else { next(request).await };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(RESPONSE_HEADERS));
    if options {
        headers.insert(ALLOW, HeaderValue::from_static(UPLOAD_METHODS));
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(UPLOAD_METHODS));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, UPLOAD_HEADERS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    }
    response
}

fn permission(preflight: &Request) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    let granted = granted(preflight.headers());
    if let Ok(granted) = HeaderValue::try_from(granted) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, granted);
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    response
}

/// The headers that the request may have: no wildcard stands for `Mcp-Param-*`, so that those are named which are asked for.
fn granted(preflight: &HeaderMap) -> String {
    let mut granted = REQUEST_HEADERS.to_owned();
    let asked = preflight.get_all(ACCESS_CONTROL_REQUEST_HEADERS).iter();
    let asked = asked.filter_map(|names| names.to_str().ok()).flat_map(|names| names.split(','));
    let params = asked.filter_map(|name| HeaderName::try_from(name.trim()).ok());
    for name in params.filter(|name| name.as_str().starts_with(PARAM)).take(MAX_PARAMS) {
        granted.push_str(", ");
        granted.push_str(name.as_str());
    }
    granted
}

/// A browser shows it to nobody but whoever looks into its developer tools, which is who has to know.
fn refusal() -> Response {
    let description = "Pages of this origin may not call this server. Its operator can allow them in \
                       VALIDIBOT_MCP_ALLOWED_ORIGINS";
    HttpRefusal::new(StatusCode::FORBIDDEN, "origin_not_allowed", description).into_response()
}
