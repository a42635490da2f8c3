//! The runtime gate, asked about as the server asks at its start (contract, A1 and D2; contract of 0.16, A2).

use super::DiagnoseContext;
use super::report::{Finding, Step};
use crate::config::BaseUrl;
use crate::validibot::license::{FEATURE, Found, LicenseError, LicenseGate};

/// Whether Validibot licenses MCP. A server that it does not license ends at its start, so from outside there is
/// nothing but a refused connection.
pub(super) async fn check(walk: &DiagnoseContext, api: &BaseUrl) -> Step<()> {
    let gate = LicenseGate::at(api, walk.reach.clone(), walk.http.client());
    let at = api.as_str();
    match gate.check().await {
        Ok(Found::Helper { edition }) => Ok((format!("{at}: {edition}, with {FEATURE}"), ())),
        Ok(Found::Rest { site }) => {
            Ok((format!("{at}: 0.16 or later, licensed for MCP as the metadata of {site}/mcp shows"), ()))
        }
        Err(error) => Err(finding(&error)),
    }
}

/// In the server's own sentence, and what to do.
fn finding(error: &LicenseError) -> Finding {
    let ends = format!("{error}; a server that starts now exits");
    match error {
        LicenseError::Unreachable { url, reason, not_let_in: true, .. } => {
            Finding::new("not-let-in", format!("the licence cannot be asked for at {url}"))
                .fix(reason.as_str())
        }
        LicenseError::Unreachable { .. } => Finding::new("licence-unknown", ends)
            .fix("start Validibot, or correct VALIDIBOT_API_BASE_URL (VALIDIBOT_MCP_API_BASE_URL in .build)"),
        LicenseError::NotValidibot { .. } => Finding::new("licence-unknown", ends)
            .fix("correct VALIDIBOT_API_BASE_URL (VALIDIBOT_MCP_API_BASE_URL in .build)"),
        LicenseError::NotLicensed { .. } | LicenseError::NoMetadata { .. } => Finding::new(
            "not-licensed",
            ends,
        )
        .fix(
            "install validibot-pro with a licence that includes MCP, restart Validibot, then the MCP server",
        ),
    }
}
