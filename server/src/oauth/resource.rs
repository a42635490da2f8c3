//! Resource indicators (RFC 8707): a token is for this server, or it is not asked for here.

use url::Url;

use crate::config::BaseUrl;

/// Whether `resource` names this server: `<base>/mcp`, or the bare origin, which some clients send instead.
pub(super) fn is_ours(base: &BaseUrl, resource: &str) -> bool {
    // Parsing evens out the case of the host and a default port; everything else has to be equal.
    let Ok(url) = Url::parse(resource) else { return false };
    let url = url.as_str();
    let url = url.strip_suffix('/').unwrap_or(url);
    url == base.as_str() || url.strip_suffix("/mcp").is_some_and(|origin| origin == base.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_and_its_origin_are_ours_and_nothing_else() {
        let base = BaseUrl::parse("https://mcp.example").expect("a URL");
        for ours in [
            "https://mcp.example/mcp",
            "https://mcp.example/mcp/",
            "https://mcp.example",
            "https://mcp.example/",
            "https://MCP.example:443/mcp",
        ] {
            assert!(is_ours(&base, ours), "{ours}");
        }
        for other in [
            "",
            "mcp",
            "https://mcp.example/mcp2",
            "https://mcp.example/mcp/mcp",
            "https://mcp.example/mcp?x=1",
            "https://mcp.example/mcp#x",
            "https://mcp.example/mcp//",
            "https://mcp.example.evil.example/mcp",
            "https://u@mcp.example/mcp",
            "http://mcp.example/mcp",
            "https://mcp.example:8443/mcp",
        ] {
            assert!(!is_ours(&base, other), "{other}");
        }
    }
}
