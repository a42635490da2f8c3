//! The page at `/`: what this is, and how to connect each client to exactly this server.

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::DOCS;
use crate::config::Settings;

/// Stands where a token has to be put in.
const TOKEN: &str = "YOUR_API_TOKEN";

/// The whole page. `withdrawn_from` is the edition of a Validibot whose licence has no MCP any more.
pub(super) fn page(settings: &Settings, withdrawn_from: Option<&str>) -> Response {
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
        (notices(settings.enabled, withdrawn_from))
        (clients(&url, signs_in, settings.base_url.is_https() && !settings.base_url.is_loopback()))
        p.fine { a href=(DOCS) { "Documentation" } " \u{b7} Programs receive this page as JSON." }
    };
    crate::base::page::page(StatusCode::OK, "MCP server", &main)
}

/// Why assistants are refused just now, where they are.
fn notices(enabled: bool, withdrawn_from: Option<&str>) -> Markup {
    html! {
        @if !enabled {
            p.warn { strong { "Switched off for maintenance" } "Assistants can connect, and are told to try again later." }
        }
        @if let Some(edition) = withdrawn_from {
            p.warn {
                strong { "Not licensed" }
                "The licence of this Validibot (" (edition) ") does not include MCP. Assistants are refused until an operator \
                 renews it."
            }
        }
    }
}

fn clients(url: &str, signs_in: bool, is_public: bool) -> Markup {
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
        "import asyncio\nfrom fastmcp import Client\n\nasync def main():\n    async with Client(\"{url}\", auth=\"{auth}\") as client:\n\
        \u{20}       print(await client.call_tool(\"list_workflows\"))\n\nasyncio.run(main())"
    );
    html! {
        @if signs_in {
            h2 { "Claude" }
            @if is_public {
                p { "Settings, Connectors, Add custom connector: paste the address." }
            } @else {
                p { "Claude's web and desktop connectors reach only public https addresses, which this one is not: use Claude Code." }
            }
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
                "A client that cannot sign in uses an API token instead: send the header " code { "Authorization: " (bearer) } "."
            }
        }
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_why_assistants_are_refused() {
        assert_eq!(notices(true, None).into_string(), "");
        let off = notices(false, None).into_string();
        assert!(off.contains("Switched off for maintenance") && !off.contains("Not licensed"), "{off}");
        let unlicensed = notices(true, Some("community")).into_string();
        assert!(unlicensed.contains("Not licensed") && unlicensed.contains("(community)"), "{unlicensed}");
    }

    #[test]
    fn a_connector_needs_a_public_address() {
        let public = clients("https://mcp.example.com/mcp", true, true).into_string();
        assert!(public.contains("Add custom connector"), "{public}");
        let inside = clients("http://localhost:8001/mcp", true, false).into_string();
        assert!(!inside.contains("Add custom connector") && inside.contains("use Claude Code"), "{inside}");
    }
}
