//! The page at `/`: what this is, and how to connect each client to exactly this server.

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::DOCS;
use crate::config::Settings;

/// Stands where a token has to be put in.
const TOKEN: &str = "YOUR_API_TOKEN";

/// The whole page.
pub(super) fn page(settings: &Settings) -> Response {
    let url = format!("{}/mcp", settings.base_url.as_str());
    let signs_in = settings.oauth.is_some();
    let main = html! {
        h1 { "Validate files from your AI assistant" }
        p.lead {
            "This is Validibot's MCP server. It lets an assistant check technical files, building-energy models above \
             all, against your organisation's workflows."
        }
        dl {
            div { dt { "Address" } dd { code { (url) } } }
            div {
                dt { "Signing in" }
                dd {
                    @if signs_in { "With your Validibot account, or with an API token from your profile" }
                    @else { "With an API token from your Validibot profile" }
                }
            }
        }
        @if !settings.enabled {
            p.warn { strong { "Switched off for maintenance" } "Assistants can connect, and are told to try again later." }
        }
        (clients(&url, signs_in))
        p.fine { a href=(DOCS) { "How to work with it" } " \u{b7} Programs get this page as JSON." }
    };
    crate::base::page::page(StatusCode::OK, "MCP server", &main)
}

fn clients(url: &str, signs_in: bool) -> Markup {
    let bearer = format!("Bearer {TOKEN}");
    let headers = json!({ "Authorization": bearer });
    // With OAuth the client finds everything out by itself; without, it needs the header.
    let with_header = |mut entry: Value| {
        if !signs_in {
            entry["headers"] = headers.clone();
        }
        entry
    };
    let claude_code = if signs_in {
        format!("claude mcp add --transport http validibot {url}")
    } else {
        format!("claude mcp add --transport http validibot {url} --header \"Authorization: {bearer}\"")
    };
    let cursor = json!({ "mcpServers": { "validibot": with_header(json!({ "url": url })) } });
    let vs_code = json!({ "servers": { "validibot": with_header(json!({ "type": "http", "url": url })) } });
    let auth = if signs_in { "oauth" } else { TOKEN };
    let python = format!(
        "from fastmcp import Client\n\nasync with Client(\"{url}\", auth=\"{auth}\") as client:\n    \
         print(await client.call_tool(\"list_workflows\"))"
    );
    html! {
        @if signs_in {
            h2 { "Claude" }
            p { "Settings, Connectors, Add custom connector: paste the address." }
        }
        h2 { "Claude Code" }
        pre { code { (claude_code) } }
        h2 { "Cursor" }
        p { "In " code { ".cursor/mcp.json" } ":" }
        pre { code { (pretty(&cursor)) } }
        h2 { "VS Code" }
        p { "In " code { ".vscode/mcp.json" } ":" }
        pre { code { (pretty(&vs_code)) } }
        h2 { "Python" }
        pre { code { (python) } }
        @if signs_in {
            p.fine {
                "A client that cannot sign in takes an API token instead: send the header " code { "Authorization: " (bearer) } "."
            }
        }
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
