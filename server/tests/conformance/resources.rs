//! The suite's resources.

use rmcp::model::{CacheScope, ReadResourceResult, Resource, ResourceTemplate};
use serde_json::{Value, json};

use crate::tools::PIXEL;

pub(crate) fn listed() -> impl Iterator<Item = Resource> {
    let resources = [
        ("test://static-text", "text/plain"),
        ("test://static-binary", "image/png"),
        ("test://watched-resource", "text/plain"),
    ];
    resources.into_iter().map(|(uri, mime)| Resource::new(uri, uri).with_mime_type(mime))
}

pub(crate) fn template() -> ResourceTemplate {
    ResourceTemplate::new("test://template/{id}/data", "A template").with_mime_type("application/json")
}

/// What is at this address; `None` where it is no fixture.
pub(crate) fn read(uri: &str) -> Option<ReadResourceResult> {
    let content = match uri {
        "test://static-text" | "test://watched-resource" => json!({
            "uri": uri,
            "mimeType": "text/plain",
            "text": "This is the content of the static text resource.",
        }),
        "test://static-binary" => json!({ "uri": uri, "mimeType": "image/png", "blob": PIXEL }),
        _ => from_template(uri)?,
    };
    let contents = serde_json::from_value(json!([content])).expect("a resource's contents");
    let result = ReadResourceResult::new(contents);
    Some(result.with_ttl_ms(60_000).with_cache_scope(CacheScope::Private))
}

fn from_template(uri: &str) -> Option<Value> {
    let id = uri.strip_prefix("test://template/")?.strip_suffix("/data")?;
    let text = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") }).to_string();
    Some(json!({ "uri": uri, "mimeType": "application/json", "text": text }))
}
