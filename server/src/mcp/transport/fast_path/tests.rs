//! What takes the fast path, and what does not.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use axum::http::Request;
use serde_json::{Value, json};

use super::*;
use crate::app::App;
use crate::base::clock::SystemClock;
use crate::base::random::SystemRandom;
use crate::config::Settings;

fn way(newest: &str) -> FastPath {
    let env = BTreeMap::from(
        [
            ("VALIDIBOT_API_BASE_URL", "http://127.0.0.1:1"),
            ("VALIDIBOT_MCP_BASE_URL", "https://mcp.example.com"),
            ("VALIDIBOT_MCP_SERVICE_KEY", "a-service-key"),
            ("VALIDIBOT_MCP_MAX_PROTOCOL_VERSION", newest),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let settings = Settings::load(&env, Path::new("/nonexistent/.env")).expect("good settings").settings;
    let app = App::build(settings, Arc::new(SystemClock), Arc::new(SystemRandom)).expect("an app");
    FastPath::new(
        Tools::new(app.backend.clone()),
        &["mcp.example.com".into(), "::1".into(), "with.port:8443".into()],
    )
}

/// The headers of a good request, with these in place of, or added to, them; `None` takes one away.
fn parts(version: &str, changed: &[(&'static str, Option<&str>)]) -> Parts {
    let mut headers = HeaderMap::new();
    let good = [
        ("host", "MCP.example.com:443"),
        ("content-type", "application/json"),
        ("accept", "text/event-stream, application/json"),
        ("mcp-protocol-version", version),
        ("mcp-method", "tools/call"),
        ("mcp-name", "list_workflows"),
    ];
    let legacy = LEGACY.contains(&version);
    for (name, value) in
        good.into_iter().filter(|(name, _)| !legacy || !["mcp-method", "mcp-name"].contains(name))
    {
        headers.insert(name, value.parse().expect("a value"));
    }
    for (name, value) in changed {
        match value {
            Some(value) => drop(headers.append(*name, value.parse().expect("a value"))),
            None => drop(headers.remove(*name)),
        }
    }
    let mut request = Request::post("/mcp").body(()).expect("a request");
    *request.headers_mut() = headers;
    request.into_parts().0
}

#[test]
fn only_headers_that_rmcp_would_take_are_taken() {
    let way = way("2026-07-28");
    for version in LEGACY {
        assert_eq!(way.era(&parts(version, &[])), Some(Era::Legacy));
    }
    assert_eq!(way.era(&parts(MODERN, &[])), Some(Era::Modern));
    let changes: [&[(&str, Option<&str>)]; 17] = [
        &[("origin", Some("https://mcp.example.com"))],
        &[("host", None)],
        &[("host", Some("mcp.example.com"))],
        &[("host", None), ("host", Some("evil.example.com"))],
        &[("host", None), ("host", Some("mcp.example.com.evil.com"))],
        &[("host", None), ("host", Some("mcp.example.com:"))],
        &[("host", None), ("host", Some("mcp.example.com:1:2"))],
        &[("host", None), ("host", Some("with.port:8444"))],
        &[("content-type", None)],
        &[("content-type", None), ("content-type", Some("application/json; charset=utf-8"))],
        &[("content-type", None), ("content-type", Some("text/plain"))],
        &[("accept", None), ("accept", Some("application/json"))],
        &[("accept", None), ("accept", Some("application/json;q=0, text/event-stream"))],
        &[("accept", None), ("accept", Some("application/json-seq, text/event-stream"))],
        &[("mcp-protocol-version", None)],
        &[("mcp-protocol-version", None), ("mcp-protocol-version", Some("2027-01-01"))],
        &[("mcp-protocol-version", Some("2025-06-18"))],
    ];
    for changed in changes {
        for version in ["2025-11-25", MODERN] {
            assert_eq!(way.era(&parts(version, changed)), None, "{version} {changed:?}");
        }
    }
    assert_eq!(way.era(&parts(MODERN, &[("mcp-method", None)])), None);
    let mut get = parts("2025-11-25", &[]);
    get.method = Method::GET;
    assert_eq!(way.era(&get), None);
    assert_eq!(self::way("2025-11-25").era(&parts(MODERN, &[])), None, "an era that is off");
}

#[test]
fn only_a_body_of_the_one_form_is_taken() {
    let way = way("2026-07-28");
    let taken = |era, parts: &Parts, body: &str| {
        way.call(era, parts, body.as_bytes())
            .map(|call| (call.tool.name(), call.arguments.len(), call.meta.len()))
    };
    let legacy = parts("2025-11-25", &[]);
    let call =
        |params: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#);
    let plain = call(r#"{"name":"list_workflows"}"#);
    assert_eq!(taken(Era::Legacy, &legacy, &plain), Some(("list_workflows", 0, 0)));
    let full = call(r#"{"_meta":{"progressToken":1},"arguments":{"a":1},"name":"get_run_status"}"#);
    assert_eq!(taken(Era::Legacy, &legacy, &full), Some(("get_run_status", 1, 1)));
    for body in [
        plain.replace("2.0", "1.0"),
        plain.replace(r#""id":1"#, r#""id":null"#),
        plain.replace(r#""id":1,"#, ""),
        plain.replace(r#""id":1"#, r#""id":1,"id":2"#),
        plain.replace(r#""id":1"#, r#""id":1,"extra":2"#),
        plain.replace("tools/call", "tools/list"),
        format!("[{plain}]"),
        format!("{plain}x"),
        plain[..plain.len() - 1].to_owned(),
        call(r#"{"name":"no_such_tool"}"#),
        call(r#"{"name":"validate_file"}"#),
        call(r#"{"name":"wait_for_run"}"#),
        call(r#"{"name":"list_workflows","task":{}}"#),
        call(r#"{"name":"list_workflows","arguments":[]}"#),
        call(r#"{"name":"list_workflows","arguments":null}"#),
        call(r#"{"name":1}"#),
        call(r#"{"name":"list_workflows","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#),
        call("null"),
    ] {
        assert_eq!(taken(Era::Legacy, &legacy, &body), None, "{body}");
    }

    let modern = |meta: Value| call(&json!({ "name": "list_workflows", "_meta": meta }).to_string());
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let headers = parts(MODERN, &[]);
    assert!(taken(Era::Modern, &headers, &modern(meta.clone())).is_some());
    let mut older = meta.clone();
    older["io.modelcontextprotocol/protocolVersion"] = "2025-11-25".into();
    let mut incapable = meta.clone();
    incapable["io.modelcontextprotocol/clientCapabilities"] = "none".into();
    for bad in [json!({}), older, incapable] {
        assert_eq!(taken(Era::Modern, &headers, &modern(bad.clone())), None, "{bad}");
    }
    let changes: [&[(&str, Option<&str>)]; 4] = [
        &[("mcp-name", None)],
        &[("mcp-name", None), ("mcp-name", Some("get_run_status"))],
        &[("mcp-name", Some("list_workflows"))],
        &[("mcp-param-region", Some("eu"))],
    ];
    for changed in changes {
        let headers = parts(MODERN, changed);
        assert_eq!(taken(Era::Modern, &headers, &modern(meta.clone())), None, "{changed:?}");
    }
}
