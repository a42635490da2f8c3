//! The fast path of a read: a call that says nothing unusual is read, made and answered here. rmcp opens a service with
//! channels and three tasks for each request, and reads and writes each message by way of trees: 40% of a call's
//! instructions (docs/performance.md).
//!
//! rmcp remains the judge: what is taken here, it would take, and the answer is the same to the byte, which tests hold.
//! Whatever is not exactly of the one form that is known here goes on to it, every mistake of a client above all.

use std::panic::AssertUnwindSafe;

use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderName, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use rmcp::ServerHandler as _;
use rmcp::model::{JsonObject, ProtocolVersion, RequestMetaObject};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::encode::{self, Id};
use crate::mcp::Tools;
use crate::mcp::call::ToolCall;
use crate::mcp::catalog::Tool;

const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");
/// Headers that mirror arguments begin with it.
const PARAM: &str = "mcp-param-";
/// Versions whose requests have no metadata of their own.
const LEGACY: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];
const MODERN: &str = "2026-07-28";
const CALL: &str = "tools/call";
/// What the metadata of the newer era begins with; none may be in a request of the older one.
const MODERN_META: &str = "io.modelcontextprotocol/";

/// Which form a request has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Era {
    /// Up to 2025-11-25.
    Legacy,
    /// 2026-07-28: the request says everything about itself.
    Modern,
}

/// Reads that take the fast path.
pub(super) struct FastPath {
    tools: Tools,
    /// The names that this server answers to with any port.
    hosts: Vec<String>,
    /// Whether the newer era is on.
    modern: bool,
}

/// A call that may go it.
pub(super) struct Call<'a> {
    era: Era,
    id: Id<'a>,
    tool: Tool,
    arguments: JsonObject,
    meta: JsonObject,
}

/// The one form of a message. An unknown field, or one that is there twice, makes it another.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message<'a> {
    jsonrpc: &'a str,
    #[serde(borrow)]
    id: &'a RawValue,
    method: &'a str,
    params: Params<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params<'a> {
    name: &'a str,
    #[serde(default)]
    arguments: JsonObject,
    #[serde(default, rename = "_meta")]
    meta: JsonObject,
}

impl FastPath {
    /// `hosts` are those that rmcp is told.
    pub(super) fn new(tools: Tools, hosts: &[String]) -> Self {
        // With a port, or an address of IPv6: seldom, and rmcp's to read.
        let hosts = hosts.iter().filter(|host| !host.contains([':', '[', ']'])).cloned().collect();
        let modern = tools.supported_protocol_versions().contains(&ProtocolVersion::V_2026_07_28);
        Self { tools, hosts, modern }
    }

    /// The form of a request whose headers are all as they should be; `None` sends it to rmcp.
    pub(super) fn era(&self, parts: &Parts) -> Option<Era> {
        let headers = &parts.headers;
        let good = parts.method == Method::POST
            && !headers.contains_key(ORIGIN)
            && only(headers, HOST).is_some_and(|host| self.is_own(host))
            && only(headers, CONTENT_TYPE).is_some_and(|kind| kind == "application/json")
            && only(headers, ACCEPT).is_some_and(takes_both);
        match only(headers, VERSION).filter(|_| good)? {
            MODERN if self.modern && only(headers, METHOD) == Some(CALL) => Some(Era::Modern),
            version if LEGACY.contains(&version) => Some(Era::Legacy),
            _ => None,
        }
    }

    /// The call in a body; `None` sends it to rmcp.
    pub(super) fn call<'a>(&self, era: Era, parts: &Parts, body: &'a [u8]) -> Option<Call<'a>> {
        let Message { jsonrpc, id, method, params } = serde_json::from_slice(body).ok()?;
        let Params { name, arguments, meta } = params;
        let tool = Tool::named(name).filter(|tool| tool.is_read() && self.tools.offers(*tool))?;
        let agrees = match era {
            Era::Legacy => !meta.keys().any(|key| key.starts_with(MODERN_META)),
            Era::Modern => {
                let meta = RequestMetaObject::from(meta.clone());
                meta.missing_required_keys(&ProtocolVersion::V_2026_07_28).is_empty()
                    && meta.protocol_version() == Some(ProtocolVersion::V_2026_07_28)
                    && only(&parts.headers, NAME) == Some(name)
                    && !parts.headers.keys().any(|name| name.as_str().starts_with(PARAM))
            }
        };
        let id = Id::read(id.get()).filter(|_| agrees && jsonrpc == "2.0" && method == CALL)?;
        Some(Call { era, id, tool, arguments, meta })
    }

    /// Makes the call.
    pub(super) async fn answer(&self, call: Call<'_>, parts: &Parts) -> Response {
        let Call { era, id, tool, arguments, meta } = call;
        let call = ToolCall { tool, arguments, meta: &meta, parts: Some(parts), link: None };
        // A panic ends this call, as in a task of its own, and not the connection with the calls beside it.
        let done = AssertUnwindSafe(self.tools.call(call)).catch_unwind().await;
        match done.map(|outcome| encode::answer(outcome, id, era == Era::Modern)) {
            Ok(Ok(body)) => {
                let json = HeaderValue::from_static("application/json");
                ([(CONTENT_TYPE, json)], Body::from(body)).into_response()
            }
            Ok(Err(_)) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }

    /// Whether a `Host` names this server: one of its names, with a port or without.
    fn is_own(&self, host: &str) -> bool {
        let name = match host.split_once(':') {
            Some((name, port)) if port.parse::<u16>().is_ok() => name,
            Some(_) => return false,
            None => host,
        };
        self.hosts.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// The value of a header that is there once.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Whether an `Accept` has both of MCP's types, without weights or anything else that has to be weighed.
fn takes_both(accept: &str) -> bool {
    let has = |kind| accept.split(',').any(|range| range.trim() == kind);
    !accept.contains([';', '"']) && has("application/json") && has("text/event-stream")
}

#[cfg(test)]
mod tests;
