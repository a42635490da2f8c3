//! What anybody may ask: the descriptor, and the 401 that tells where to sign in.

use http::header::{ACCEPT, CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};

use super::DiagnoseContext;
use super::report::{Finding, Step};
use crate::commands::client::Answer;

/// What the descriptor says.
pub(super) struct Descriptor {
    /// Whether users can sign in.
    pub(super) oauth: bool,
}

/// What the 401 says.
pub(super) struct Challenge {
    /// The scope that a token needs.
    pub(super) scope: Option<String>,
}

/// `GET /` (contract, D3).
pub(super) fn descriptor(walk: &DiagnoseContext, home: &Answer) -> Step<Descriptor> {
    let base = walk.base.as_str();
    let document = home.json().filter(|document| document["service"] == "validibot-mcp");
    let Some(document) = document.filter(|_| home.status == 200) else { return Err(somebody_else(home)) };
    let endpoint = document["surfaces"]["authenticated"]["endpoint"].as_str().unwrap_or_default();
    if endpoint != format!("{base}/mcp") {
        return Err(Finding::new(
            "base-url",
            format!("the server calls itself {endpoint}, you call it {base}/mcp: clients compare the two byte for byte"),
        )
        .fix(format!("set VALIDIBOT_MCP_BASE_URL={base} where the server reads it (.mcp; on Google Cloud .build), then deploy"))
        .fix(format!("or use {endpoint} in the clients")));
    }
    let oauth = document["surfaces"]["authenticated"].get("oauth_metadata").is_some();
    let how = if oauth { "OAuth and API tokens" } else { "API tokens" };
    Ok((format!("a Validibot MCP server; {how}"), Descriptor { oauth }))
}

/// Why `GET /` is not our server's.
fn somebody_else(home: &Answer) -> Finding {
    let described = home.describe();
    match home.status {
        300..=399 => {
            let target = home.header(&LOCATION).unwrap_or("nowhere").to_owned();
            Finding::new("redirected", format!("the address redirects to {target}: clients do not follow"))
                .fix("use the address that is redirected to, with its scheme and host, in VALIDIBOT_MCP_BASE_URL and the clients")
        }
        401 | 403 => Finding::new(
            "front-refuses",
            format!("{described}: something in front of the server refuses the public"),
        )
        .fix("Cloud Run: allow unauthenticated calls (allUsers as run.invoker); the server does its own authentication")
        .fix("behind a load balancer: its own address has to be used, not the run.app one"),
        502..=504 => Finding::new(
            "front-without-server",
            format!("{described}: a proxy answers, but no server behind it"),
        )
        .fix("the server is not running, or exited at its start: read its log; the usual cause is the licence or a setting")
        .fix("with --api and Validibot's address, the licence is checked here too"),
        _ => Finding::new(
            "another-service",
            format!("{described}: this is not a Validibot MCP server"),
        )
        .fix("compare the address; a proxy has to pass every path on, / and /.well-known/ too, not /mcp alone"),
    }
}

/// `POST /mcp` without a credential (RFC 9728, section 5.1; RFC 6750, section 3).
pub(super) async fn challenge(walk: &DiagnoseContext, oauth: bool) -> Step<Challenge> {
    let url = walk.base.join("/mcp");
    let request = walk
        .http
        .post(&url)
        .header(ACCEPT, "application/json, text/event-stream")
        .header(CONTENT_TYPE, "application/json")
        .body("{}");
    let answer = walk.http.send(request).await.map_err(|trouble| {
        Finding::new("no-answer", format!("POST {url}: {trouble}")).fix("read the server's log")
    })?;
    let header = answer.header(&WWW_AUTHENTICATE).unwrap_or_default();
    if answer.status != 401 || !header.starts_with("Bearer") {
        return Err(Finding::new(
            "no-challenge",
            format!("POST {url} without a token gets {}, not 401 with WWW-Authenticate: Bearer", answer.describe()),
        )
        .fix("a proxy answers in the server's place, or removes the header: pass /mcp on as it is, every method and header"));
    }
    let expected = format!("{}/.well-known/oauth-protected-resource/mcp", walk.base.as_str());
    let named = parameter(header, "resource_metadata");
    if oauth && named.as_deref() != Some(expected.as_str()) {
        let named = named.unwrap_or_else(|| "none".to_owned());
        return Err(Finding::new(
            "challenge-metadata",
            format!(
                "the challenge names {named} as metadata, not {expected}: clients do not find the sign-in"
            ),
        )
        .fix(
            "set VALIDIBOT_MCP_BASE_URL to the address that clients use; a proxy must not rewrite the header",
        ));
    }
    Ok(("401 with a Bearer challenge".to_owned(), Challenge { scope: parameter(header, "scope") }))
}

/// A quoted parameter of a challenge.
fn parameter(header: &str, name: &str) -> Option<String> {
    let start = header.find(&format!("{name}=\""))? + name.len() + 2;
    header[start..].split('"').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_read_from_a_challenge() {
        let header = r#"Bearer resource_metadata="https://a.example/x", scope="validibot:mcp""#;
        assert_eq!(parameter(header, "resource_metadata").as_deref(), Some("https://a.example/x"));
        assert_eq!(parameter(header, "scope").as_deref(), Some("validibot:mcp"));
        assert_eq!(parameter(header, "error"), None);
    }
}
