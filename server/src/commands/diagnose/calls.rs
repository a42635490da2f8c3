//! Behind the sign-in: the handshake, the tools, and one call that goes through to Validibot.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::DiagnoseContext;
use super::report::{Finding, Hop, Report, Step};
use super::token::{self, Expected};
use crate::commands::client::{DEADLINE, Failure, Mcp};

/// The tool that every deployment has and that changes nothing.
const TOOL: &str = "list_workflows";

/// Takes the three hops, as far as they go.
pub(super) async fn walk(
    walk: &DiagnoseContext,
    report: &mut Report,
    token: &SecretString,
    expected: &Expected,
) {
    let mcp = Mcp::new(walk.http.clone(), walk.base.join("/mcp"), token.clone());
    let explain = |failure: Failure| explain(walk, token, expected, failure);
    let hello: Step<()> = mcp.initialize().await.map_err(explain).map(|hello| {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or("?").to_owned();
        let (name, version) = (text(&hello["serverInfo"]["name"]), text(&hello["serverInfo"]["version"]));
        (format!("{name} {version}, protocol {}", text(&hello["protocolVersion"])), ())
    });
    if report.take(Hop::Initialize, hello).is_none() {
        return;
    }
    let tools = mcp.request("tools/list", &json!({})).await.map_err(explain).and_then(|list| {
        let tools = list["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !tools.iter().any(|tool| tool["name"] == TOOL) {
            return Err(Finding::new("no-tools", format!("the server offers no {TOOL}"))
                .fix("another MCP server answers under this address: compare it with the deployment's"));
        }
        Ok((format!("{} tools", tools.len()), ()))
    });
    if report.take(Hop::Tools, tools).is_none() {
        return;
    }
    report.take(Hop::Workflows, workflows(&mcp).await.map_err(|problem| problem.unwrap_or_else(explain)));
}

/// A tool's own failure is already a finding; a protocol failure still has to be explained.
enum Problem {
    Found(Finding),
    Unexplained(Failure),
}

impl Problem {
    fn unwrap_or_else(self, explain: impl Fn(Failure) -> Finding) -> Finding {
        match self {
            Self::Found(finding) => finding,
            Self::Unexplained(failure) => explain(failure),
        }
    }
}

async fn workflows(mcp: &Mcp) -> Result<(String, ()), Problem> {
    let call = mcp.call(TOOL, json!({}), DEADLINE).await.map_err(Problem::Unexplained)?;
    if let Some((code, message)) = call.error() {
        let status = call.structured["error"]["data"]["status_code"].as_u64();
        return Err(Problem::Found(refused(&code, &message, status)));
    }
    if call.is_error {
        return Err(Problem::Found(Finding::new("tool-failed", format!("{TOOL} failed: {}", call.text))));
    }
    let count = call.structured["result"].as_array().map_or(0, Vec::len);
    let hint = if count == 0 { "; is any published for MCP, in an organisation that allows it?" } else { "" };
    Ok((format!("{count} workflows{hint}"), ()))
}

/// What a failed call says about chain 2.
fn refused(code: &str, message: &str, status: Option<u64>) -> Finding {
    match (code, status) {
        ("SERVICE_AUTH_FAILED", Some(503)) => Finding::new(
            "no-identity-token",
            "the server gets no Google identity token, so it cannot prove itself to Validibot",
        )
        .fix("on Google Cloud: the service has to run as its own service account (cargo xtask gcp setup)")
        .fix("elsewhere: set VALIDIBOT_MCP_SERVICE_KEY, the same value here in .mcp and at Validibot in .django"),
        ("SERVICE_AUTH_FAILED", _) => Finding::new(
            "service-identity",
            "Validibot answers 401 on /api/v1/mcp/*: it does not accept this server's identity",
        )
        .fix("on Google Cloud: MCP_OIDC_AUDIENCE in .django must equal VALIDIBOT_MCP_API_BASE_URL byte for byte, and MCP_OIDC_ALLOWED_SERVICE_ACCOUNTS must contain the server's service account; the server's log names both values that it sent")
        .fix("with a shared key: VALIDIBOT_MCP_SERVICE_KEY has to be the same in .mcp and in Validibot's .django")
        .fix("cargo xtask env check <stage> compares the files of both"),
        ("UNAUTHORIZED", _) => Finding::new("token-revoked", message)
            .fix("make a new API token in Validibot, under your profile"),
        ("SERVICE_UNAVAILABLE", _) => Finding::new(
            "switched-off",
            "the kill switch is on: VALIDIBOT_MCP_ENABLED=false, so every tool answers SERVICE_UNAVAILABLE",
        )
        .fix("set VALIDIBOT_MCP_ENABLED=true in .build (or .mcp), then deploy"),
        ("UPSTREAM_UNAVAILABLE", _) => Finding::new(
            "validibot-down",
            format!("the MCP server works, Validibot behind it does not: {message}"),
        )
        .fix("check Validibot's own status and log; compare VALIDIBOT_API_BASE_URL"),
        ("RATE_LIMITED", _) => Finding::new(
            "rate-limited",
            "Validibot's hourly budget of this user is used up (DRF_THROTTLE_RATE_USER)",
        )
        .fix("wait, or use another user's token"),
        ("API_ERROR", Some(400 | 301 | 302 | 307 | 308)) => Finding::new(
            "not-let-in",
            "Validibot does not let the server in by the name or the scheme that it is called by",
        )
        .fix("the server's log names the line: DJANGO_ALLOWED_HOSTS or DJANGO_SECURE_SSL_REDIRECT at Validibot, VALIDIBOT_API_HOST here"),
        ("API_ERROR", _) => Finding::new(
            "no-helper-api",
            "Validibot's answer is not that of its helper API: another site, or a Validibot without /api/v1/mcp/",
        )
        .fix("correct VALIDIBOT_API_BASE_URL: Validibot's own address, without a path; update Validibot"),
        _ => Finding::new("tool-failed", format!("{TOOL} failed with {code}: {message}")),
    }
}

/// What a failed request says about chain 1.
fn explain(walk: &DiagnoseContext, token: &SecretString, expected: &Expected, failure: Failure) -> Finding {
    let answer = match failure {
        Failure::Trouble(trouble) => {
            return Finding::new("no-answer", trouble.to_string()).fix("read the server's log");
        }
        Failure::Rpc(code, message) => {
            return Finding::new("protocol", format!("a JSON-RPC error {code}: {message}"))
                .fix("compare the version of the server (/version) with the one that was deployed");
        }
        Failure::Http(answer) => answer,
    };
    match answer.status {
        401 => token::explain(token.expose_secret(), expected, walk.clock.unix()),
        403 if answer.json().is_some_and(|body| body["error"] == "insufficient_scope") => {
            let scope = expected.scope.clone().unwrap_or_else(|| "the required scope".to_owned());
            Finding::new("token-scope", format!("403: the token does not carry {scope}"))
                .fix("sign in again and allow it; at Validibot run manage.py ensure_oidc_clients")
        }
        403 => Finding::new("host-refused", "403: the server does not answer under this host name")
            .fix("set VALIDIBOT_MCP_BASE_URL to this address, or add the name to VALIDIBOT_MCP_EXTRA_HOSTS"),
        503 => Finding::new(
            "token-unknown",
            "503: the server cannot ask Validibot about the token just now: Validibot or its keys are out of its reach",
        )
        .fix("check Validibot's status; compare VALIDIBOT_API_BASE_URL and VALIDIBOT_OAUTH_JWKS_URL as the server reaches them"),
        _ => Finding::new("no-mcp", format!("{}: this is not an MCP answer", answer.describe()))
            .fix("a proxy has to pass POST /mcp on with its body and headers"),
    }
}
