//! `server.json`: the server's entry in a registry of MCP servers (schema 2025-12-11).

use serde_json::{Map, Value, json};

use crate::core::error::{Error, Result};

/// What the server's own card says, too.
const ABOUT: &str = include_str!("../../../../server/about.json");
const SCHEMA: &str = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json";

/// The entry, of a server that everybody runs for themselves: its host is asked for.
///
/// # Errors
/// When `server/about.json` is no JSON object.
pub(super) fn entry() -> Result<String> {
    let about: Map<String, Value> = serde_json::from_str(ABOUT)
        .map_err(|error| Error::failed(format!("server/about.json cannot be read: {error}")))?;
    let mut entry = Map::new();
    entry.insert("$schema".to_owned(), SCHEMA.into());
    entry.extend(about);
    entry.insert("version".to_owned(), env!("CARGO_PKG_VERSION").into());
    entry.insert(
        "remotes".to_owned(),
        json!([{
            "type": "streamable-http",
            "url": "https://{host}/mcp",
            "variables": {
                "host": { "description": "The host of your Validibot MCP server", "isRequired": true },
            },
        }]),
    );
    let text = serde_json::to_string_pretty(&Value::Object(entry))
        .map_err(|error| Error::failed(error.to_string()))?;
    Ok(text + "\n")
}
