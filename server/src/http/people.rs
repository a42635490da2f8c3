//! A person who opens an address of this server in a browser gets a page, where a program gets an error as JSON.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use maud::html;
use serde_json::Value;

use crate::base::json;
use crate::base::page::page;

/// Errors of this server are a few sentences.
const MAX_BODY_BYTES: usize = 16 * 1024;
/// Their values and keys.
const MAX_NODES: usize = 1_000;

/// Around every route: a `GET` that prefers HTML, as browsers send it, has its error as a page with the same status and headers.
pub(crate) async fn pages<F: Future<Output = Response>>(
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let is_person = request.method() == Method::GET && accepts_html(request.headers());
    let response = next(request).await;
    if is_person && is_error_for_programs(&response) { for_people(response).await } else { response }
}

fn accepts_html(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

fn is_error_for_programs(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let status = response.status();
    (status.is_client_error() || status.is_server_error())
        && kind.is_some_and(|kind| kind.starts_with(b"application/json"))
}

async fn for_people(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, MAX_BODY_BYTES).await else {
        return Response::from_parts(parts, Body::empty());
    };
    let description = json::read::<Value>(&bytes, MAX_NODES)
        .ok()
        .and_then(|body| body["error_description"].as_str().map(str::to_owned))
        .unwrap_or_default();
    let title = title(parts.status);
    let main = html! {
        h1 { (title) }
        @if !description.is_empty() { p.lead { (description) "." } }
        p { a href="/" { "What this server is, and how to connect an assistant to it" } }
    };
    let mut shown = page(parts.status, title, &main);
    // What the status asks for (WWW-Authenticate, Retry-After, Allow) stays; what describes the body is the page's.
    for (name, value) in &parts.headers {
        if name != CONTENT_TYPE && name != CONTENT_LENGTH && !shown.headers().contains_key(name) {
            shown.headers_mut().append(name, value.clone());
        }
    }
    shown.headers_mut().append(VARY, HeaderValue::from_static("accept"));
    shown
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "This address is for MCP clients",
        StatusCode::NOT_FOUND => "Nothing is at this address",
        StatusCode::METHOD_NOT_ALLOWED => "This address is for programs",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests",
        StatusCode::SERVICE_UNAVAILABLE => "Not available now",
        _ if status.is_server_error() => "Something went wrong here",
        _ => "This request cannot be answered",
    }
}

#[cfg(test)]
mod tests {
    use axum::Json;
    use axum::http::header::WWW_AUTHENTICATE;
    use axum::response::IntoResponse;
    use serde_json::json;

    use super::*;

    async fn answer(method: Method, accept: &str, status: StatusCode) -> (Response, String) {
        let request = Request::builder().method(method).header(ACCEPT, accept).body(Body::empty()).unwrap();
        let refusal = async |_: Request| {
            let body = json!({ "error": "x", "error_description": "Send <b>a token</b>" });
            (status, [(WWW_AUTHENTICATE, "Bearer"), (VARY, "Origin")], Json(body)).into_response()
        };
        let (parts, body) = pages(request, refusal).await.into_parts();
        let text = to_bytes(body, usize::MAX).await.unwrap();
        (Response::from_parts(parts, Body::empty()), String::from_utf8(text.to_vec()).unwrap())
    }

    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

    #[tokio::test]
    async fn a_browser_gets_a_page_with_the_same_status_and_headers() {
        let (response, text) = answer(Method::GET, BROWSER, StatusCode::UNAUTHORIZED).await;
        assert_eq!(response.status(), 401);
        let header =
            |name| response.headers().get_all(name).iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(header(CONTENT_TYPE), ["text/html; charset=utf-8"]);
        assert_eq!(header(WWW_AUTHENTICATE), ["Bearer"]);
        assert_eq!(header(VARY), ["Origin", "accept"]);
        assert!(header(CONTENT_LENGTH).is_empty() || header(CONTENT_LENGTH) == [text.len().to_string()]);
        assert!(text.contains("This address is for MCP clients") && text.contains("href=\"/\""), "{text}");
        assert!(text.contains("Send &lt;b&gt;a token&lt;/b&gt;."), "it is text: {text}");
    }

    #[tokio::test]
    async fn programs_and_successes_are_left_alone() {
        for (method, accept, status) in [
            (Method::POST, BROWSER, StatusCode::UNAUTHORIZED),
            (Method::GET, "application/json", StatusCode::UNAUTHORIZED),
            (Method::GET, "*/*", StatusCode::NOT_FOUND),
            (Method::GET, "text/event-stream", StatusCode::METHOD_NOT_ALLOWED),
            (Method::GET, BROWSER, StatusCode::OK),
        ] {
            let (response, text) = answer(method, accept, status).await;
            assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
            assert!(text.starts_with('{'), "{text}");
        }
    }
}
