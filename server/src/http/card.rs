//! What this server is, for directories and for clients that look before they connect: a server card (SEP-2127) and the catalogue
//! that leads to it. Both are public, say nothing about a user, and change with the configuration alone.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::State;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue,
    IF_NONE_MATCH,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rmcp::model::ProtocolVersion;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::base::hex::hexadecimal;
use crate::base::json;
use crate::config::Settings;

/// Below the address of the server that it is about (SEP-2127), and so no route of MCP's own.
const CARD: &str = "/mcp/server-card";
const CARD_TYPE: &str = "application/mcp-server-card+json";
const CARD_SCHEMA: &str = "https://static.modelcontextprotocol.io/schemas/v1/server-card.schema.json";
/// Where crawlers look (AI catalogue 1.0).
const CATALOGUE: &str = "/.well-known/ai-catalog.json";
const CATALOGUE_TYPE: &str = "application/ai-catalog+json";
/// One hour, which SEP-2127 recommends.
const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// What is the same for every deployment. The deploy tool makes the registry's `server.json` from the same file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct About {
    name: String,
    title: String,
    /// 100 characters at most.
    description: String,
    website_url: String,
}

static ABOUT: LazyLock<About> = LazyLock::new(|| {
    let about = include_str!("../../about.json").as_bytes();
    json::document(about).unwrap_or_else(|_| unreachable!("a unit test reads the file"))
});

/// The two documents.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(CARD, get(card).options(preflight))
        .route(CATALOGUE, get(catalogue).options(preflight))
}

async fn card(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    document(&headers, CARD_TYPE, &card_of(&app.settings))
}

async fn catalogue(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    document(&headers, CATALOGUE_TYPE, &catalogue_of(&app.settings))
}

fn card_of(settings: &Settings) -> Value {
    let versions = ProtocolVersion::known_up_to(&settings.max_protocol_version);
    json!({
        "$schema": CARD_SCHEMA,
        "name": ABOUT.name,
        "version": env!("CARGO_PKG_VERSION"),
        "title": ABOUT.title,
        "description": ABOUT.description,
        "websiteUrl": ABOUT.website_url,
        "remotes": [{
            "type": "streamable-http",
            "url": format!("{}/mcp", settings.base_url.as_str()),
            "supportedProtocolVersions": versions,
        }],
    })
}

fn catalogue_of(settings: &Settings) -> Value {
    let base = settings.base_url.as_str();
    let host = url::Url::parse(base).ok().and_then(|url| url.host_str().map(str::to_owned));
    let name = ABOUT.name.split('/').next_back().unwrap_or_default();
    json!({
        "specVersion": "1.0",
        "entries": [{
            "identifier": format!("urn:air:{}:mcp:{name}", host.unwrap_or_default()),
            "type": CARD_TYPE,
            "url": format!("{base}{CARD}"),
        }],
    })
}

fn document(headers: &HeaderMap, media_type: &'static str, document: &Value) -> Response {
    let body = document.to_string();
    let tag = format!("\"{}\"", &hexadecimal(&Sha256::digest(&body))[..32]);
    // Whoever names several, or any, gets the document: it is small.
    let known = headers.get(IF_NONE_MATCH).is_some_and(|given| given.as_bytes() == tag.as_bytes());
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { body.into_response() };
    let headers = response.headers_mut();
    headers.remove(CONTENT_TYPE);
    if !known {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    headers.insert(CACHE_CONTROL, CACHED);
    for_pages(headers);
    response
}

async fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    for_pages(headers);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Content-Type, If-None-Match"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}

/// Any page may read them.
fn for_pages(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("ETag"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_every_deployment_keeps_to_the_directories_limits() {
        assert!((1..=100).contains(&ABOUT.description.chars().count()));
        assert_eq!(ABOUT.name.matches('/').count(), 1, "a domain backwards, and a name");
        assert!(!ABOUT.title.is_empty() && ABOUT.website_url.starts_with("https://"));
    }
}
