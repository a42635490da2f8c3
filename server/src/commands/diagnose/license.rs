//! The runtime gate, asked about as the server asks at its start (contract, A1 and D2).

use super::DiagnoseContext;
use super::report::{Finding, Step};
use crate::base::http_body;
use crate::config::BaseUrl;
use crate::validibot::license::FEATURE;

/// Whether Validibot licenses MCP. A server that it does not license ends at its start, so from outside there is
/// nothing but a refused connection.
pub(super) async fn check(walk: &DiagnoseContext, api: &BaseUrl) -> Step<()> {
    let url = api.join("/api/v1/license/features/");
    let down = |reason: String| {
        Finding::new(
            "licence-unknown",
            format!("the licence cannot be read at {url}: {reason}; a server that starts now exits"),
        )
        .fix("start Validibot, or correct VALIDIBOT_API_BASE_URL (VALIDIBOT_MCP_API_BASE_URL in .build)")
    };
    let request = walk.reach.say(&url, walk.http.get(&url));
    let answer = walk.http.send(request).await.map_err(|trouble| down(trouble.to_string()))?;
    if let Some(cause) = walk.reach.refusal(answer.status, http_body::is_html(&answer.headers)) {
        return Err(
            Finding::new("not-let-in", format!("the licence cannot be asked for at {url}")).fix(cause)
        );
    }
    let features = answer.json().filter(|_| answer.status == 200);
    let features = features.filter(serde_json::Value::is_object).ok_or_else(|| down(answer.describe()))?;
    let edition = features["edition"].as_str().unwrap_or("unnamed").to_owned();
    let licensed = features["features"].as_array().is_some_and(|all| all.iter().any(|one| one == FEATURE));
    if licensed {
        return Ok((format!("{api}: {edition}, with {FEATURE}", api = api.as_str()), ()));
    }
    Err(Finding::new(
        "not-licensed",
        format!(
            "Validibot at {} is the {edition} edition, without {FEATURE}: the server exits at its start",
            api.as_str()
        ),
    )
    .fix("install validibot-pro with a licence that includes MCP, restart Validibot, then the MCP server"))
}
