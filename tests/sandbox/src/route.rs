//! Which endpoint a path names.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::version::Version;

/// An endpoint, as faults are scripted for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    /// Every path, known or not.
    Any,
    /// `/health/`
    Health,
    /// `/api/v1/license/features/`
    LicenseFeatures,
    /// `/api/v1/auth/me/`
    AuthMe,
    /// `/api/v1/mcp/workflows/`
    ListWorkflows,
    /// `/api/v1/mcp/workflows/{workflow_ref}/`
    WorkflowDetails,
    /// `/api/v1/mcp/workflows/{workflow_ref}/runs/`
    LaunchRun,
    /// `/api/v1/mcp/runs/{run_ref}/`
    RunStatus,
    /// `/api/v1/orgs/`
    Orgs,
    /// `/api/v1/orgs/{org}/`
    Org,
    /// `/api/v1/orgs/{org}/workflows/`
    OrgWorkflows,
    /// `/api/v1/orgs/{org}/workflows/{slug}/`
    OrgWorkflow,
    /// `/api/v1/orgs/{org}/workflows/{slug}/runs/`
    OrgLaunch,
    /// `/api/v1/orgs/{org}/runs/`
    OrgRuns,
    /// `/api/v1/orgs/{org}/runs/{run_id}/`
    OrgRun,
    /// `/api/v1/agent/workflows/`
    AgentWorkflows,
    /// `/api/v1/agent/workflows/{workflow_ref}/`
    AgentWorkflow,
    /// `/api/v1/agent/runs/`
    AgentLaunch,
    /// `/api/v1/agent/runs/{run_id}/`
    AgentRun,
    /// `/.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`
    Discovery,
    /// `/.well-known/oauth-protected-resource/mcp`
    ResourceMetadata,
    /// `/.well-known/jwks.json`
    Jwks,
    /// `/accounts/login/`
    Login,
    /// `/identity/o/authorize`
    Authorize,
    /// `/identity/o/api/token`
    Token,
    /// `/identity/o/api/revoke`
    Revoke,
    /// `/identity/o/api/userinfo`
    Userinfo,
    /// A ledger's `/verify`.
    Verify,
    /// A ledger's `/settle`.
    Settle,
    /// A ledger's `/rpc`.
    Rpc,
    /// Everything else.
    Other,
}

/// What a request's path leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// An endpoint, with the reference in its path, if it has one; of two, with a slash between them.
    Endpoint(Route, String),
    /// An endpoint's path without its last slash: Django redirects there (`APPEND_SLASH`).
    Slashless(Route),
    /// The front page, for people.
    Home,
    /// No such path.
    Unknown,
}

impl Target {
    /// Whether a deployment of this version has the path at all (contract of 0.16, A1 and A2).
    pub(crate) fn exists(&self, version: Version, licensed: bool) -> bool {
        match (self.route(), version) {
            // Without a way for a server to prove itself, agents that pay have none to start a run by either.
            (
                Route::LicenseFeatures
                | Route::ListWorkflows
                | Route::WorkflowDetails
                | Route::LaunchRun
                | Route::RunStatus
                | Route::AgentWorkflows
                | Route::AgentWorkflow
                | Route::AgentLaunch
                | Route::AgentRun,
                Version::V0_16,
            )
            | (Route::ResourceMetadata, Version::V0_15) => false,
            (Route::ResourceMetadata, Version::V0_16) => licensed,
            _ => true,
        }
    }

    /// The route that faults are looked up for.
    pub(crate) const fn route(&self) -> Route {
        match self {
            Self::Endpoint(route, _) | Self::Slashless(route) => *route,
            Self::Home | Self::Unknown => Route::Other,
        }
    }
}

/// Resolves a path as it stands in the request line. Django matches the decoded path, so an encoded slash
/// separates segments there too.
pub(crate) fn resolve(path: &str) -> Target {
    let path: Cow<'_, str> = percent_decode_str(path).decode_utf8_lossy();
    if path == "/" {
        return Target::Home;
    }
    if let Some((route, reference)) = endpoint(&path) {
        return Target::Endpoint(route, reference);
    }
    match endpoint(&format!("{path}/")) {
        Some((route, _)) => Target::Slashless(route),
        None => Target::Unknown,
    }
}

fn endpoint(path: &str) -> Option<(Route, String)> {
    if let Some(route) = outside(path) {
        return Some((route, String::new()));
    }
    let segments: Vec<&str> = path.strip_prefix("/api/v1/")?.strip_suffix('/')?.split('/').collect();
    let (route, reference) = match *segments {
        ["orgs"] => (Route::Orgs, ""),
        ["orgs", org] => (Route::Org, org),
        ["orgs", org, "workflows"] => (Route::OrgWorkflows, org),
        ["orgs", org, "runs"] => (Route::OrgRuns, org),
        ["orgs", org, "workflows", slug] if !org.is_empty() && !slug.is_empty() => {
            return Some((Route::OrgWorkflow, format!("{org}/{slug}")));
        }
        ["orgs", org, "workflows", slug, "runs"] if !org.is_empty() && !slug.is_empty() => {
            return Some((Route::OrgLaunch, format!("{org}/{slug}")));
        }
        ["orgs", org, "runs", id] if !org.is_empty() && !id.is_empty() => {
            return Some((Route::OrgRun, format!("{org}/{id}")));
        }
        ["license", "features"] => (Route::LicenseFeatures, ""),
        ["auth", "me"] => (Route::AuthMe, ""),
        ["mcp", "workflows"] => (Route::ListWorkflows, ""),
        ["mcp", "workflows", reference] => (Route::WorkflowDetails, reference),
        ["mcp", "workflows", reference, "runs"] => (Route::LaunchRun, reference),
        ["mcp", "runs", reference] => (Route::RunStatus, reference),
        ["agent", "workflows"] => (Route::AgentWorkflows, ""),
        ["agent", "workflows", reference] => (Route::AgentWorkflow, reference),
        ["agent", "runs"] => (Route::AgentLaunch, ""),
        ["agent", "runs", id] => (Route::AgentRun, id),
        _ => return None,
    };
    // Django's `<str:…>` matches one character or more.
    let whole = matches!(
        route,
        Route::LicenseFeatures
            | Route::AuthMe
            | Route::ListWorkflows
            | Route::Orgs
            | Route::AgentWorkflows
            | Route::AgentLaunch
    );
    (whole == reference.is_empty()).then(|| (route, reference.to_owned()))
}

/// The paths outside the API: the OpenID provider's, most of which end without a slash, and the health check's.
fn outside(path: &str) -> Option<Route> {
    Some(match path {
        "/.well-known/openid-configuration" | "/.well-known/oauth-authorization-server" => Route::Discovery,
        "/.well-known/oauth-protected-resource/mcp" => Route::ResourceMetadata,
        "/health/" => Route::Health,
        "/.well-known/jwks.json" => Route::Jwks,
        "/accounts/login/" => Route::Login,
        "/identity/o/authorize" => Route::Authorize,
        "/identity/o/api/token" => Route::Token,
        "/identity/o/api/revoke" => Route::Revoke,
        "/identity/o/api/userinfo" => Route::Userinfo,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_one_endpoint() {
        let found = |path: &str| resolve(path);
        assert_eq!(
            found("/api/v1/license/features/"),
            Target::Endpoint(Route::LicenseFeatures, String::new())
        );
        assert_eq!(found("/api/v1/mcp/workflows/"), Target::Endpoint(Route::ListWorkflows, String::new()));
        assert_eq!(
            found("/api/v1/mcp/workflows/wf_a/runs/"),
            Target::Endpoint(Route::LaunchRun, "wf_a".to_owned())
        );
        assert_eq!(
            found("/api/v1/orgs/acme/workflows/energy/runs/"),
            Target::Endpoint(Route::OrgLaunch, "acme/energy".to_owned())
        );
        assert_eq!(found("/api/v1/mcp/runs/run_a"), Target::Slashless(Route::RunStatus));
        assert_eq!(found("/api/v1/license/features"), Target::Slashless(Route::LicenseFeatures));
        for unknown in [
            "/nope",
            "/api/v1/",
            "/api/v1/orgs//workflows/a/",
            "/api/v1/mcp/runs/",
            "/api/v1/mcp/workflows//",
            "/api/v1/mcp/runs/a%2Fb/",
        ] {
            assert_eq!(found(unknown), Target::Unknown, "{unknown}");
        }
    }
}
