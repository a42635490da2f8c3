//! The two metadata documents, and whether they agree: clients compare them byte for byte.

use serde_json::Value;
use url::Url;

use super::DiagnoseContext;
use super::report::{Finding, Step};

/// Where a client signs in.
pub(super) struct Server {
    pub(super) registration: Url,
    pub(super) authorization: Url,
    pub(super) token: Url,
    /// Validibot's public keys, as OpenID discovery names them.
    pub(super) keys: Option<Url>,
}

/// Both protected-resource documents (RFC 9728); gives the resource, which is a token's audience.
pub(super) async fn resource(walk: &DiagnoseContext) -> Step<String> {
    let base = walk.base.as_str();
    let expected = format!("{base}/mcp");
    for path in ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"] {
        let document = document(walk, path).await?;
        if document["resource"] != expected.as_str() {
            return Err(differs(walk, path, "resource", &document["resource"], &expected));
        }
        let servers = document["authorization_servers"].as_array().cloned().unwrap_or_default();
        if !servers.iter().any(|server| server == base) {
            let named = servers.first().cloned().unwrap_or_default();
            return Err(differs(walk, path, "authorization_servers", &named, base));
        }
    }
    Ok((format!("resource {expected}"), expected))
}

/// The authorization server's document (RFC 8414), and its copy for OpenID clients.
pub(super) async fn server(walk: &DiagnoseContext) -> Step<Server> {
    let base = walk.base.as_str();
    let path = "/.well-known/oauth-authorization-server";
    let document = document(walk, path).await?;
    let copy_path = "/.well-known/openid-configuration";
    let copy = self::document(walk, copy_path).await?;
    let expected = [
        ("issuer", base.to_owned()),
        ("authorization_endpoint", format!("{base}/authorize")),
        ("token_endpoint", format!("{base}/token")),
        ("registration_endpoint", format!("{base}/register")),
    ];
    for (path, document) in [(path, &document), (copy_path, &copy)] {
        for (member, expected) in &expected {
            if document[*member] != expected.as_str() {
                return Err(differs(walk, path, member, &document[*member], expected));
            }
        }
        let pkce = document["code_challenge_methods_supported"].as_array();
        if !pkce.is_some_and(|methods| methods.iter().any(|method| method == "S256")) {
            return Err(Finding::new(
                "pkce-not-announced",
                format!("{base}{path} does not offer PKCE with S256: clients must refuse it"),
            )
            .fix("a proxy or an older server answers here: deploy this version, and pass /.well-known/ on"));
        }
    }
    let keys = copy["jwks_uri"].as_str().and_then(|url| Url::parse(url).ok());
    let server = Server {
        registration: walk.base.join("/register"),
        authorization: walk.base.join("/authorize"),
        token: walk.base.join("/token"),
        keys,
    };
    Ok((format!("issuer {base}"), server))
}

async fn document(walk: &DiagnoseContext, path: &str) -> Result<Value, Finding> {
    let url = walk.base.join(path);
    let missing = |what: String| {
        Finding::new("metadata-missing", format!("{url} gives {what}, not the metadata"))
            .fix("a proxy has to pass /.well-known/ on to the server, not to Validibot or its own files")
    };
    let answer = walk.http.send(walk.http.get(&url)).await;
    let answer = answer.map_err(|trouble| missing(trouble.to_string()))?;
    let document = answer.json().filter(|document| answer.status == 200 && document.is_object());
    document.ok_or_else(|| missing(answer.describe()))
}

fn differs(walk: &DiagnoseContext, path: &str, member: &str, found: &Value, expected: &str) -> Finding {
    let found = found.as_str().unwrap_or("nothing");
    let base = walk.base.as_str();
    Finding::new(
        "metadata-differs",
        format!("{base}{path}: {member} is {found}, not {expected}; clients compare byte for byte"),
    )
    .fix(format!("set VALIDIBOT_MCP_BASE_URL={base} where the server reads it, then deploy"))
    .fix("if it is set so already: two servers answer under this address, or a proxy caches an old answer")
}
