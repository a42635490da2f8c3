//! The servers that are measured, each with what it is sent.

use serde_json::{Value, json};

/// A server and a way to call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contender {
    /// The bare proxy.
    Bare,
    /// A plain rmcp server.
    Plain,
    /// Ours, with an API token that it knows.
    ApiToken,
    /// Ours, with an access token that it has verified before.
    Jwt,
    /// Ours, with an access token that it has not seen before, in each call.
    FreshJwt,
    /// Ours, with an API token, called in the newest protocol version.
    Modern,
    /// Ours, with an API token, before a Validibot that has the REST API alone.
    Rest,
    /// Ours with the other allocator, with an API token.
    OtherAllocator,
}

impl Contender {
    pub(crate) const ALL: [Self; 8] = [
        Self::Bare,
        Self::Plain,
        Self::ApiToken,
        Self::Jwt,
        Self::FreshJwt,
        Self::Modern,
        Self::Rest,
        Self::OtherAllocator,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare proxy (axum)",
            Self::Plain => "plain rmcp server",
            Self::ApiToken => "ours, API token",
            Self::Jwt => "ours, JWT, cached",
            Self::FreshJwt => "ours, JWT, not cached",
            Self::Modern => "ours, API token, MCP 2026-07-28",
            Self::Rest => "ours, API token, by the REST API",
            Self::OtherAllocator => "ours, API token, with mimalloc",
        }
    }

    /// For names of files.
    pub(crate) fn slug(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Plain => "plain",
            Self::ApiToken => "api-token",
            Self::Jwt => "jwt",
            Self::FreshJwt => "fresh-jwt",
            Self::Modern => "modern",
            Self::Rest => "rest",
            Self::OtherAllocator => "other-allocator",
        }
    }

    /// Whether it is our server.
    pub(crate) fn is_ours(self) -> bool {
        !matches!(self, Self::Bare | Self::Plain)
    }

    /// The headers of the protocol; the bearer token comes on top.
    pub(crate) fn headers(self) -> Vec<(&'static str, &'static str)> {
        let mut headers = vec![
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", self.version()),
        ];
        if self == Self::Modern {
            headers.extend([("mcp-method", "tools/call"), ("mcp-name", TOOL)]);
        }
        headers
    }

    /// A call of [`TOOL`].
    pub(crate) fn body(self, workflow: &str) -> Value {
        let mut params = json!({ "name": TOOL, "arguments": { "workflow_ref": workflow } });
        if self == Self::Modern {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": self.version(),
                "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": "0" },
            });
        }
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params })
    }

    fn version(self) -> &'static str {
        if self == Self::Modern { "2026-07-28" } else { "2025-11-25" }
    }
}

/// A read of 2 KB: one request to the backend, whose answer goes on whole.
const TOOL: &str = "get_workflow_details";
