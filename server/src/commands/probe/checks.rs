//! The checks themselves: each gives a few words on what it saw, or the sentence of what is wrong.

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use super::Probe;
use crate::commands::client::{Answer, Failure, Mcp};
use crate::commands::diagnose;

/// What every deployment offers.
const TOOLS: [&str; 5] =
    ["list_workflows", "get_workflow_details", "validate_file", "get_run_status", "wait_for_run"];

/// What a check saw, or what is wrong.
pub(super) type Outcome = Result<String, String>;

/// What the 401 says.
pub(super) struct Challenge {
    /// Whether users can sign in.
    pub(super) oauth: bool,
}

/// `/version` is our server's, and the commit is the expected one, where one is expected.
pub(super) async fn version(probe: &Probe) -> Outcome {
    let document = document(probe, "/version").await?;
    if document["service"] != "validibot-mcp" {
        return Err("/version is another service's".to_owned());
    }
    let commit = document["commit"].as_str().unwrap_or("unknown");
    match &probe.commit {
        Some(expected) if expected != commit => {
            Err(format!("/version is commit {commit}, not {expected}: another build answers"))
        }
        _ => Ok(format!("{} at commit {commit}", document["version"].as_str().unwrap_or("?"))),
    }
}

/// `/readyz` takes traffic.
pub(super) async fn ready(probe: &Probe) -> Outcome {
    let answer = get(probe, "/readyz").await?;
    match answer.status {
        200 => Ok("takes traffic".to_owned()),
        _ => Err(format!("/readyz gives {}: {}", answer.describe(), first_line(&answer))),
    }
}

/// A request without a credential is challenged (RFC 6750, section 3).
pub(super) async fn challenge(probe: &Probe) -> Result<Challenge, String> {
    let request = probe
        .http
        .post(&probe.base.join("/mcp"))
        .header(ACCEPT, "application/json, text/event-stream")
        .header(CONTENT_TYPE, "application/json")
        .body(json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }).to_string());
    let answer = probe.http.send(request).await.map_err(|trouble| format!("/mcp: {trouble}"))?;
    let challenge = answer.header(&WWW_AUTHENTICATE).unwrap_or_default();
    if answer.status != 401 || !challenge.starts_with("Bearer ") {
        return Err(format!(
            "/mcp without a credential gives {}, not 401 with a Bearer challenge: something in front of the server \
             answers, or the server is not licensed",
            answer.describe()
        ));
    }
    Ok(Challenge { oauth: challenge.contains("resource_metadata=") })
}

/// Both metadata documents are there and agree. Their addresses are the public ones, whatever URL was probed: a
/// candidate is probed under a name of its own.
pub(super) async fn metadata(probe: &Probe) -> Outcome {
    let resource = document(probe, "/.well-known/oauth-protected-resource/mcp").await?;
    let server = document(probe, "/.well-known/oauth-authorization-server").await?;
    let issuer = server["issuer"].as_str().unwrap_or_default();
    let servers = resource["authorization_servers"].as_array().map(Vec::as_slice).unwrap_or_default();
    if issuer.is_empty() || !servers.iter().any(|named| named == issuer) {
        return Err("the metadata of the resource and of the authorization server do not agree".to_owned());
    }
    if resource["resource"] != format!("{issuer}/mcp").as_str() {
        return Err(format!("the resource's metadata names another resource than {issuer}/mcp"));
    }
    for member in ["authorization_endpoint", "token_endpoint", "registration_endpoint"] {
        if !server[member].as_str().is_some_and(|url| url.starts_with(issuer)) {
            return Err(format!("the authorization server's metadata has no {member} below {issuer}"));
        }
    }
    Ok(format!("issuer {issuer}"))
}

/// The sign-in as far as Validibot's login page. `None` where another address than this one is the public one, as a
/// candidate's: users would be sent there.
pub(super) async fn sign_in(probe: &Probe) -> Option<Outcome> {
    let server = document(probe, "/.well-known/oauth-authorization-server").await.ok()?;
    if server["issuer"] != probe.base.as_str() {
        return None;
    }
    Some(diagnose::sign_in(probe.http.clone(), probe.base.clone()).await)
}

/// A bearer in the form of a JWT that nobody has issued: it is refused here, without asking anybody.
const NOBODYS: &str = "Bearer bm9ib2R5.bm9ib2R5.bm9ib2R5";

/// The kill switch, `VALIDIBOT_MCP_ENABLED`: a server whose switch is off checks no bearer, so that one which nobody has
/// issued is let in. `None` where the answer says neither.
pub(super) async fn switch(probe: &Probe) -> Option<bool> {
    let request = probe
        .http
        .post(&probe.base.join("/mcp"))
        .header(ACCEPT, "application/json, text/event-stream")
        .header(CONTENT_TYPE, "application/json")
        .header(AUTHORIZATION, NOBODYS)
        .body(json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} }).to_string());
    match probe.http.send(request).await.ok()?.status {
        401 => Some(true),
        200 => Some(false),
        _ => None,
    }
}

/// The handshake, with the token.
pub(super) async fn initialize(mcp: &Mcp) -> Outcome {
    let hello = mcp.initialize().await.map_err(|failure| explain("initialize", &failure))?;
    match hello["serverInfo"]["version"].as_str() {
        Some(version) => Ok(format!("the token is accepted by version {version}")),
        None => Err("initialize gives no server info".to_owned()),
    }
}

/// The tools are there.
pub(super) async fn tools(mcp: &Mcp) -> Outcome {
    let list =
        mcp.request("tools/list", &json!({})).await.map_err(|failure| explain("tools/list", &failure))?;
    let tools = list["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    let missing: Vec<&str> =
        TOOLS.into_iter().filter(|name| !tools.iter().any(|tool| tool["name"] == *name)).collect();
    if missing.is_empty() {
        Ok(format!("{} tools", tools.len()))
    } else {
        Err(format!("tools/list lacks {}", missing.join(", ")))
    }
}

async fn get(probe: &Probe, path: &str) -> Result<Answer, String> {
    let request = probe.http.get(&probe.base.join(path));
    probe.http.send(request).await.map_err(|trouble| format!("{path}: {trouble}"))
}

async fn document(probe: &Probe, path: &str) -> Result<Value, String> {
    let answer = get(probe, path).await?;
    let document = answer.json().filter(|document| answer.status == 200 && document.is_object());
    document.ok_or_else(|| format!("{path} gives {}, not the JSON document", answer.describe()))
}

fn first_line(answer: &Answer) -> String {
    let text = answer.text();
    text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(80).collect()
}

fn explain(method: &str, failure: &Failure) -> String {
    match failure {
        Failure::Trouble(trouble) => format!("{method}: {trouble}"),
        Failure::Http(answer) if answer.status == 401 => {
            format!("{method}: 401, the token in VALIDIBOT_E2E_TOKEN is not accepted")
        }
        Failure::Http(answer) if answer.status == 403 => {
            format!("{method}: 403, the server does not answer under this name (VALIDIBOT_MCP_EXTRA_HOSTS)")
        }
        Failure::Http(answer) => format!("{method} gives {}", answer.describe()),
        Failure::Rpc(code, message) => format!("{method} gives the JSON-RPC error {code}: {message}"),
    }
}
