//! What the helper API of 0.14 and 0.15 needs (docs/contract.md).

use super::{Form, PART, Part, Since};

const ROUTER: &str = "config/api_router.py";
const HELPER: &str = "validibot/mcp_api/views.py";
const SETTINGS: &str = "config/settings/base.py";

/// In the order of the report.
pub(super) const PARTS: [Part; 12] = [
    Part {
        name: "route /api/v1/",
        file: ROUTER,
        form: Form::Routes,
        used: &["license/features/", "mcp/"],
        since: Since::Old,
        ..PART
    },
    Part {
        name: "route /api/v1/mcp/",
        file: "validibot/mcp_api/urls.py",
        form: Form::Routes,
        used: &[
            "workflows/",
            "workflows/<str:workflow_ref>/",
            "workflows/<str:workflow_ref>/runs/",
            "runs/<str:run_ref>/",
        ],
        open: true,
        since: Since::Old,
        ..PART
    },
    Part {
        name: "licence: ",
        file: "validibot/core/api/license_views.py",
        within: &["class LicenseFeaturesView", "def get"],
        form: Form::Keys,
        used: &["edition", "features"],
        since: Since::Old,
        ..PART
    },
    Part {
        name: "header ",
        file: "validibot/mcp_api/authentication.py",
        used: &["X-MCP-Service-Key", "X-Validibot-User-Sub", "X-Validibot-Api-Token"],
        telling: true,
        since: Since::Old,
        ..PART
    },
    Part {
        name: "reference: ",
        file: "validibot/mcp_api/refs.py",
        form: Form::Code,
        used: &[
            "WORKFLOW_REF_PREFIX = \"wf_\"",
            "RUN_REF_PREFIX = \"run_\"",
            "RUN_REF_MEMBER_KIND = \"member\"",
        ],
        telling: true,
        since: Since::Old,
        ..PART
    },
    Part {
        name: "reference of a workflow: ",
        file: "validibot/mcp_api/refs.py",
        within: &["def build_workflow_ref", "payload = {"],
        form: Form::Keys,
        used: &["org", "workflow"],
        open: true,
        since: Since::Old,
        ..PART
    },
    Part {
        name: "reference of a run: ",
        file: "validibot/mcp_api/refs.py",
        within: &["def build_member_run_ref", "payload = {"],
        form: Form::Keys,
        used: &["kind", "org", "run_id"],
        open: true,
        since: Since::Old,
        ..PART
    },
    Part {
        name: "helper's list: ",
        file: HELPER,
        within: &["class MCPWorkflowCatalogView", "class Meta", "fields = ["],
        used: &["workflow_ref", "slug", "name", "org_slug", "org_name", "allowed_file_types"],
        known: &[
            "description",
            "version",
            "agent_price_cents",
            "agent_billing_mode",
            "access_modes",
            "preferred_access_mode",
        ],
        open: true,
        since: Since::Old,
        ..PART
    },
    Part {
        name: "helper's definition: ",
        file: HELPER,
        within: &["class MCPWorkflowDetailView", "class Meta", "fields = ["],
        used: &["workflow_ref", "org_slug", "org_name"],
        known: &["access_modes", "preferred_access_mode"],
        open: true,
        since: Since::Old,
        ..PART
    },
    Part {
        name: "helper's launch: ",
        file: HELPER,
        within: &["class MCPWorkflowRunCreateView"],
        used: &["run_id", "run_ref"],
        since: Since::Old,
        ..PART
    },
    Part {
        name: "helper's run: ",
        file: HELPER,
        within: &["class MCPRunDetailView", "class Meta", "fields = ["],
        used: &["run_ref"],
        open: true,
        since: Since::Old,
        ..PART
    },
    Part {
        name: "setting ",
        file: SETTINGS,
        used: &[
            "VALIDIBOT_MCP_SERVICE_KEY",
            "MCP_OIDC_AUDIENCE",
            "VALIDIBOT_MCP_BASE_URL",
            "IDP_OIDC_MCP_SERVER_CLIENT_SECRET",
        ],
        telling: true,
        since: Since::Old,
        ..PART
    },
];
