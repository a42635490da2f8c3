//! What this server uses of a running Validibot (docs/contract.md, docs/contract-016.md).

/// The versions that have a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    /// 0.14 and 0.15 alone.
    Old,
    /// Every version.
    Always,
    /// 0.16 and later.
    New,
}

/// An endpoint, asked without a credential.
pub(super) struct Probe {
    pub(super) path: &'static str,
    /// What it answers, with JSON.
    pub(super) status: u16,
    /// What is in that.
    pub(super) has: &'static [&'static str],
    pub(super) since: Since,
}

const fn probe(path: &'static str, status: u16, has: &'static [&'static str], since: Since) -> Probe {
    Probe { path, status, has, since }
}

/// In the order of the report (contract of 0.16, A2).
pub(super) const PROBES: [Probe; 6] = [
    probe("/api/v1/license/features/", 200, &["edition", "features"], Since::Old),
    probe("/api/v1/mcp/workflows/", 401, &["detail"], Since::Old),
    probe("/api/v1/auth/me/", 403, &["detail"], Since::Always),
    probe("/api/v1/orgs/", 403, &["detail"], Since::Always),
    probe(
        "/.well-known/oauth-authorization-server",
        200,
        &["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "scopes_supported"],
        Since::Always,
    ),
    probe(
        "/.well-known/oauth-protected-resource/mcp",
        200,
        &["resource", "authorization_servers", "scopes_supported"],
        Since::New,
    ),
];

/// An object that a user can read.
pub(super) struct Fields {
    pub(super) name: &'static str,
    /// With `{org}` and `{workflow}`, as they were read before.
    pub(super) path: &'static str,
    /// Whether it is the first of a page.
    pub(super) paged: bool,
    /// The fields without which this server answers less.
    pub(super) used: &'static [&'static str],
    /// Fields that are there as well.
    pub(super) known: &'static [&'static str],
}

pub(super) const ORGANIZATION: &str = "organization";
pub(super) const LISTED: &str = "workflow in a list";

/// In the order in which each can be found (contract of 0.16, B2, B5 and B6).
pub(super) const FIELDS: [Fields; 5] = [
    Fields { name: "auth/me", path: "/api/v1/auth/me/", paged: false, used: &["email", "name"], known: &[] },
    Fields { name: ORGANIZATION, path: "/api/v1/orgs/", paged: true, used: &["slug", "name"], known: &[] },
    Fields {
        name: LISTED,
        path: "/api/v1/orgs/{org}/workflows/",
        paged: true,
        used: &[
            "slug",
            "name",
            "org",
            "allowed_file_types",
            "mcp_enabled",
            "x402_enabled",
            "agent_price_cents",
        ],
        known: &["id", "uuid", "description", "version", "is_active", "input_schema", "url"],
    },
    Fields {
        name: "workflow",
        path: "/api/v1/orgs/{org}/workflows/{workflow}/",
        paged: false,
        used: &[
            "slug",
            "name",
            "org",
            "allowed_file_types",
            "mcp_enabled",
            "agent_billing_mode",
            "output_retention",
            "steps",
        ],
        known: &[
            "id",
            "uuid",
            "description",
            "version",
            "is_active",
            "input_schema",
            "x402_enabled",
            "agent_price_cents",
            "url",
            "workflow_visibility",
            "allow_submission_name",
            "allow_submission_meta_data",
            "allow_submission_short_description",
            "input_retention",
            "success_message",
            "agent_max_launches_per_hour",
            "constants",
        ],
    },
    Fields {
        name: "run",
        path: "/api/v1/orgs/{org}/runs/",
        paged: true,
        used: &[
            "id",
            "status",
            "state",
            "result",
            "org",
            "steps",
            "error",
            "output_expires_at",
            "output_purged_at",
        ],
        known: &[
            "workflow_slug",
            "user_friendly_error",
            "source",
            "error_category",
            "user",
            "workflow",
            "submission",
            "started_at",
            "ended_at",
            "duration_ms",
            "credential",
            "output_hash",
            "output_retention_policy",
        ],
    },
];
