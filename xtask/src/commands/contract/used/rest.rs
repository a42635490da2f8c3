//! What the REST API and the OpenID provider need, which every version has, and the metadata of 0.16 (docs/contract-016.md).

use super::{Form, PART, Part, Since};

const ROUTER: &str = "config/api_router.py";
const WORKFLOWS: &str = "validibot/workflows/serializers.py";
const RUNS: &str = "validibot/validations/serializers.py";
const SETTINGS: &str = "config/settings/base.py";
const IDEMPOTENCY: &str = "validibot/core/idempotency.py";

/// In the order of the report.
pub(super) const PARTS: [Part; 26] = [
    Part {
        name: "route /api/v1/",
        file: ROUTER,
        form: Form::Routes,
        used: &["auth/me/", "orgs", "orgs/<slug:org_slug>/", "workflows", "runs"],
        known: &["users", "orgs/<slug:org_slug>/workflows/<slug:workflow_slug>/", "versions"],
        open: true,
        ..PART
    },
    Part {
        name: "route /",
        file: "config/urls_web.py",
        form: Form::Routes,
        used: &[".well-known/oauth-authorization-server"],
        telling: true,
        ..PART
    },
    Part {
        name: "route ",
        file: "config/asgi.py",
        form: Form::Literals,
        used: &["/.well-known/oauth-protected-resource/mcp"],
        telling: true,
        since: Since::New,
        ..PART
    },
    Part {
        name: "licensed feature ",
        file: "validibot/core/features.py",
        form: Form::Literals,
        used: &["mcp_server"],
        ..PART
    },
    Part {
        name: "auth/me: ",
        file: "validibot/core/api/auth_views.py",
        within: &["class AuthMeView", "def get"],
        form: Form::Keys,
        used: &["email", "name"],
        open: true,
        ..PART
    },
    Part {
        name: "organization: ",
        file: "validibot/users/api/serializers.py",
        within: &["class OrganizationSerializer", "fields = ["],
        used: &["slug", "name"],
        open: true,
        telling: true,
        ..PART
    },
    Part {
        name: "workflow in a list: ",
        file: WORKFLOWS,
        within: &["class WorkflowSlimSerializer", "class Meta", "fields = ["],
        used: &[
            "slug",
            "name",
            "description",
            "version",
            "org",
            "allowed_file_types",
            "mcp_enabled",
            "x402_enabled",
            "agent_price_cents",
        ],
        known: &["id", "uuid", "is_active", "input_schema", "url"],
        open: true,
        telling: true,
        ..PART
    },
    Part {
        name: "workflow: ",
        file: WORKFLOWS,
        within: &["class WorkflowFullSerializer", "class Meta", "fields = ["],
        used: &["agent_billing_mode", "output_retention", "steps"],
        known: &[
            "workflow_visibility",
            "allow_submission_name",
            "allow_submission_meta_data",
            "allow_submission_short_description",
            "input_retention",
            "success_message",
            "agent_max_launches_per_hour",
            "constants",
        ],
        open: true,
        telling: true,
        ..PART
    },
    Part {
        name: "step of a workflow: ",
        file: WORKFLOWS,
        within: &["class WorkflowStepSerializer", "class Meta", "fields = ["],
        used: &["name", "validator", "action_type", "ruleset"],
        known: &["id", "order", "step_number", "description", "config"],
        open: true,
        telling: true,
        ..PART
    },
    Part {
        name: "validator: ",
        file: WORKFLOWS,
        within: &["class ValidatorSummarySerializer", "class Meta", "fields = ["],
        used: &["name", "default_ruleset"],
        known: &["slug", "validation_type", "short_description"],
        open: true,
        telling: true,
        ..PART
    },
    Part {
        name: "ruleset: ",
        file: WORKFLOWS,
        within: &["class StepRulesetSerializer"],
        form: Form::Names,
        used: &["schema", "assertions"],
        known: &["id", "name", "ruleset_type"],
        open: true,
        telling: true,
        ..PART
    },
    Part {
        name: "assertion: ",
        file: WORKFLOWS,
        within: &["class RulesetAssertionSerializer", "class Meta", "fields = ["],
        used: &[],
        known: &[
            "id",
            "order",
            "assertion_type",
            "operator",
            "severity",
            "target_field",
            "when_expression",
            "rhs",
            "message_template",
            "success_message",
            "notes",
        ],
        open: true,
        telling: true,
        ..PART
    },
    Part {
        name: "run: ",
        file: RUNS,
        within: &["class ValidationRunSerializer", "class Meta", "fields = ["],
        used: &[
            "id",
            "status",
            "state",
            "result",
            "org",
            "workflow_slug",
            "steps",
            "error",
            "user_friendly_error",
            "output_expires_at",
            "output_purged_at",
        ],
        known: &[
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
        open: true,
        telling: true,
        ..PART
    },
    Part {
        name: "step of a run, and its findings: ",
        file: RUNS,
        within: &["class ValidationRunSerializer", "def get_steps"],
        form: Form::Keys,
        used: &["name", "status", "issues", "message", "path", "severity", "code", "error"],
        known: &[
            "step_id",
            "id",
            "assertion_id",
            "failed_rows",
            "output_values",
            "slug",
            "label",
            "value",
            "formatted_value",
            "units",
            "template_parameters_used",
            "template_warnings",
        ],
        open: true,
        telling: true,
        ..PART
    },
    Part {
        name: "part of a launch: ",
        file: RUNS,
        within: &["class ValidationRunStartSerializer"],
        form: Form::Names,
        used: &["file"],
        known: &[
            "org",
            "content",
            "content_type",
            "content_encoding",
            "filename",
            "metadata",
            "short_description",
        ],
        open: true,
        telling: true,
        ..PART
    },
    Part {
        name: "result of a run: ",
        file: "validibot/validations/constants.py",
        within: &["class ValidationRunResult"],
        form: Form::Names,
        used: &["PASS", "FAIL", "ERROR", "CANCELED", "TIMED_OUT", "UNKNOWN"],
        open: true,
        telling: true,
        ..PART
    },
    Part {
        name: "state of a run: ",
        file: "validibot/validations/constants.py",
        within: &["class ValidationRunState"],
        form: Form::Names,
        used: &["PENDING", "RUNNING", "COMPLETED"],
        open: true,
        telling: true,
        ..PART
    },
    Part {
        name: "content type ",
        file: "validibot/workflows/constants.py",
        within: &["SUPPORTED_CONTENT_TYPES = {"],
        form: Form::Keys,
        used: &[
            "application/json",
            "application/xml",
            "text/plain",
            "text/x-idf",
            "text/yaml",
            "application/octet-stream",
        ],
        known: &[
            "application/yaml",
            "text/turtle",
            "application/n-triples",
            "application/n-quads",
            "application/ld+json",
            "application/rdf+xml",
        ],
        open: true,
        telling: true,
        ..PART
    },
    Part {
        name: "content type ",
        file: "validibot/workflows/constants.py",
        within: &["SUPPORTED_CONTENT_TYPES = {"],
        form: Form::Keys,
        used: &["application/pdf"],
        telling: true,
        since: Since::New,
        ..PART
    },
    Part {
        name: "refusal of a launch: ",
        file: "validibot/workflows/constants.py",
        within: &["class WorkflowStartErrorCode"],
        form: Form::Names,
        used: &["WORKFLOW_INACTIVE", "NO_WORKFLOW_STEPS", "FILE_TYPE_UNSUPPORTED"],
        telling: true,
        ..PART
    },
    Part {
        name: "idempotency: ",
        file: IDEMPOTENCY,
        used: &["HTTP_IDEMPOTENCY_KEY", "Idempotent-Replayed", "Original-Request-Id"],
        telling: true,
        ..PART
    },
    Part {
        name: "idempotency, code ",
        file: IDEMPOTENCY,
        within: &["class IdempotencyError"],
        used: &["idempotency_key_reused", "idempotency_key_in_progress"],
        known: &["idempotency_key_too_long"],
        open: true,
        telling: true,
        ..PART
    },
    Part {
        name: "idempotency: ",
        file: IDEMPOTENCY,
        form: Form::Code,
        used: &["MAX_KEY_LENGTH = 255"],
        ..PART
    },
    Part {
        name: "paging: ",
        file: "validibot/core/api/pagination.py",
        within: &["class DefaultCursorPagination"],
        form: Form::Code,
        used: &["(CursorPagination)", "page_size_query_param = \"page_size\"", "max_page_size = 200"],
        ..PART
    },
    Part {
        name: "limit: ",
        file: SETTINGS,
        form: Form::Code,
        used: &[
            "DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024",
            "\"DRF_THROTTLE_RATE_USER\", default=\"1000/hour\"",
            "\"DRF_THROTTLE_RATE_LAUNCH\", default=\"60/minute\"",
        ],
        ..PART
    },
    Part {
        name: "scope ",
        file: "validibot/idp/constants.py",
        used: &["validibot:mcp"],
        telling: true,
        ..PART
    },
];
