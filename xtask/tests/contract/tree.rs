//! A small tree in the place of a checkout, in words of its own but for the names of the contract.

use tempfile::TempDir;

/// A list in an indented class, one word a line.
fn listed(words: &str) -> String {
    words.split_whitespace().fold(String::new(), |text, word| text + &format!("            \"{word}\",\n"))
}

fn serializer(class: &str, words: &str) -> String {
    format!(
        "class {class}(Base):\n    \"\"\"It has no \"slug\".\"\"\"\n\n    class Meta:\n        fields = [\n{}        ]\n",
        listed(words)
    )
}

/// `name = value` for each word, in a class.
fn names(class: &str, words: &str) -> String {
    words
        .split_whitespace()
        .fold(format!("class {class}(Base):\n"), |text, word| text + &format!("    {word} = thing()\n"))
}

fn mapping(indent: &str, words: &str) -> String {
    words.split_whitespace().fold(String::new(), |text, word| text + &format!("{indent}\"{word}\": 1,\n"))
}

/// A tree that has the contract of 0.15.
pub(crate) struct Tree(pub(crate) TempDir);

impl Tree {
    pub(crate) fn old() -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        tree.write("manage.py", "");
        tree.write_routes();
        tree.write_helper();
        tree.write_settings();
        tree.write_workflows();
        tree.write_runs();
        tree
    }

    fn write_routes(&self) {
        self.write(
            "config/api_router.py",
            "root.register(\"users\", U)\nroot.register(\"orgs\", O)\norg.register(\"workflows\", W)\norg.register(\n    \"runs\", R)\n\
             version.register(\"versions\", V)\nurlpatterns = [\n    path(\"auth/me/\", me),\n    path(\n        \"license/features/\",\n        l),\n    \
             path(\"mcp/\", include(\"m\")),\n    path(\"orgs/<slug:org_slug>/\", o),\n    \
             path(\"orgs/<slug:org_slug>/workflows/<slug:workflow_slug>/\", v),\n]\n",
        );
        self.write(
            "validibot/mcp_api/urls.py",
            "urlpatterns = [\n    path(\"workflows/\", a, name=\"a\"),\n    path(\"workflows/<str:workflow_ref>/\", b),\n    \
             path(\"workflows/<str:workflow_ref>/runs/\", c),\n    path(\"runs/<str:run_ref>/\", d),\n]\n",
        );
        self.write(
            "config/urls_web.py",
            "urlpatterns = [path(\".well-known/oauth-authorization-server\", w)]\n",
        );
        self.write("config/asgi.py", "application = make()\n");
    }

    fn write_helper(&self) {
        self.write(
            "validibot/core/api/license_views.py",
            &format!("class LicenseFeaturesView(V):\n    def get(self, request):\n        return Response({{\n{}        }})\n", mapping("            ", "edition features")),
        );
        self.write("validibot/core/features.py", "class Feature:\n    MCP_SERVER = \"mcp_server\"\n");
        self.write(
            "validibot/mcp_api/authentication.py",
            &listed("X-MCP-Service-Key Authorization X-Validibot-User-Sub X-Validibot-Api-Token")
                .replace("            ", ""),
        );
        self.write(
            "validibot/mcp_api/refs.py",
            &format!(
                "WORKFLOW_REF_PREFIX = \"wf_\"\nRUN_REF_PREFIX = \"run_\"\nRUN_REF_MEMBER_KIND = \"member\"\ndef build_workflow_ref(w):\n    \
                 payload = {{\n{}    }}\ndef build_member_run_ref(\n    *, org_slug,\n) -> str:\n    payload = {{\n{}    }}\n",
                mapping("        ", "org workflow"),
                mapping("        ", "kind org run_id"),
            ),
        );
        let inner = |class: &str, words: &str| {
            format!(
                "class {class}(V):\n    class Own(S):\n        class Meta(M):\n            fields = [\n{}            ]\n",
                listed(words).replace("            ", "                ")
            )
        };
        self.write(
            "validibot/mcp_api/views.py",
            &[
                inner(
                    "MCPWorkflowCatalogView",
                    "workflow_ref slug name description version org_slug org_name allowed_file_types agent_price_cents agent_billing_mode \
                     access_modes preferred_access_mode",
                ),
                inner("MCPWorkflowDetailView", "workflow_ref org_slug org_name access_modes preferred_access_mode"),
                "class MCPWorkflowRunCreateView(V):\n    def post(self):\n        data[\"run_ref\"] = x\n        data.setdefault(\"run_id\", y)\n"
                    .to_owned(),
                inner("MCPRunDetailView", "run_ref"),
            ]
            .concat(),
        );
    }

    fn write_settings(&self) {
        self.write(
            "config/settings/base.py",
            "A = env(\"VALIDIBOT_MCP_SERVICE_KEY\")\nB = env(\"MCP_OIDC_AUDIENCE\")\nC = env(\"VALIDIBOT_MCP_BASE_URL\")\n\
             D = env(\"IDP_OIDC_MCP_SERVER_CLIENT_SECRET\")\nDATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024  # ten\n\
             RATES = {\n    \"user\": env(\"DRF_THROTTLE_RATE_USER\", default=\"1000/hour\"),\n    \
             \"launch\": env(\"DRF_THROTTLE_RATE_LAUNCH\", default=\"60/minute\"),\n}\n",
        );
        self.write(
            "validibot/core/api/auth_views.py",
            &format!("class AuthMeView(V):\n    def get(self, request):\n        return Response({{\n{}        }})\n", mapping("            ", "email name")),
        );
        self.write(
            "validibot/users/api/serializers.py",
            "class OrganizationSerializer(S):\n    class Meta:\n        fields = [\"slug\", \"name\"]\n",
        );
    }

    fn write_workflows(&self) {
        self.write(
            "validibot/workflows/serializers.py",
            &[
                serializer(
                    "WorkflowSlimSerializer",
                    "id uuid slug name description version org is_active allowed_file_types input_schema mcp_enabled x402_enabled \
                     agent_price_cents url",
                ),
                serializer(
                    "WorkflowFullSerializer",
                    "workflow_visibility allow_submission_name allow_submission_meta_data allow_submission_short_description \
                     input_retention output_retention success_message agent_billing_mode agent_max_launches_per_hour steps constants",
                ),
                serializer("WorkflowStepSerializer", "id order step_number name description validator action_type config ruleset"),
                serializer("ValidatorSummarySerializer", "slug name validation_type short_description default_ruleset"),
                names("StepRulesetSerializer", "id name ruleset_type schema assertions"),
                serializer(
                    "RulesetAssertionSerializer",
                    "id order assertion_type operator severity target_field when_expression rhs message_template success_message notes",
                ),
            ]
            .concat(),
        );
    }

    fn write_runs(&self) {
        let steps = mapping(
            "            ",
            "step_id name status issues id message path severity code assertion_id failed_rows error output_values slug label value \
             formatted_value units template_parameters_used template_warnings",
        );
        let run = serializer(
            "ValidationRunSerializer",
            "id status state result source error_category org user workflow workflow_slug submission started_at ended_at duration_ms steps \
             credential error user_friendly_error output_hash output_retention_policy output_expires_at output_purged_at",
        );
        self.write(
            "validibot/validations/serializers.py",
            &[
                run.replacen("\n    class Meta", &format!("\n    def get_steps(self, run):\n        return {{\n{steps}        }}\n\n    class Meta"), 1),
                names("ValidationRunStartSerializer", "org content content_type content_encoding filename metadata short_description file"),
            ]
            .concat(),
        );
        self.write(
            "validibot/validations/constants.py",
            &[
                names("ValidationRunResult", "PASS FAIL ERROR CANCELED TIMED_OUT UNKNOWN"),
                names("ValidationRunState", "PENDING RUNNING COMPLETED"),
            ]
            .concat(),
        );
        self.write(
            "validibot/workflows/constants.py",
            &format!(
                "SUPPORTED_CONTENT_TYPES = {{\n{}}}\n{}",
                mapping(
                    "    ",
                    "application/json application/xml text/plain text/x-idf text/yaml application/yaml application/octet-stream text/turtle \
                     application/n-triples application/n-quads application/ld+json application/rdf+xml",
                ),
                names("WorkflowStartErrorCode", "WORKFLOW_INACTIVE NO_WORKFLOW_STEPS FILE_TYPE_UNSUPPORTED"),
            ),
        );
        self.write(
            "validibot/core/idempotency.py",
            "MAX_KEY_LENGTH = 255\nHEADER = \"HTTP_IDEMPOTENCY_KEY\"\nclass IdempotencyError:\n    A = \"idempotency_key_too_long\"\n    \
             B = \"idempotency_key_reused\"\n    C = \"idempotency_key_in_progress\"\nx[\"Idempotent-Replayed\"] = 1\ny[\"Original-Request-Id\"] = 2\n",
        );
        self.write(
            "validibot/core/api/pagination.py",
            "class DefaultCursorPagination(CursorPagination):\n    page_size_query_param = \"page_size\"\n    max_page_size = 200\n",
        );
        self.write("validibot/idp/constants.py", "SCOPES = (\"openid\", \"validibot:mcp\")\n");
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Writes another text in the place of one that has to be there.
    pub(crate) fn change(&self, name: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from}");
        self.write(name, &text.replacen(from, to, 1));
    }
}
