//! `cargo xtask contract check` with small trees in the place of a checkout.

mod tree;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use self::tree::Tree;

impl Tree {
    fn check(&self, args: &[&str]) -> (i32, String) {
        check(self.0.path(), args)
    }

    /// The rows that are not as expected, and the exit code.
    fn differences(&self, args: &[&str]) -> (i32, Vec<(String, String, bool)>) {
        let (code, said) = self.check(&[args, &["--json"]].concat());
        let report: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
        let rows = report["parts"].as_array().unwrap().iter().filter(|row| row["state"] != "as expected");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (code, rows.map(|row| (text(&row["state"]), text(&row["name"]), row["breaking"] == true)).collect())
    }
}

fn check(place: &Path, args: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    let output = command.args(["contract", "check"]).arg(place).args(args).output().unwrap();
    let mut said = String::from_utf8(output.stdout).unwrap();
    let _ = write!(said, "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), said)
}

#[test]
fn a_checkout_that_has_it_all_is_as_expected() {
    let (code, said) = Tree::old().check(&[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("0 gone, 0 moved, 0 new, 0 could not tell. 0 of"), "{said}");
}

#[test]
fn what_a_later_version_has_dropped_is_named_and_ends_with_two() {
    let tree = Tree::old();
    tree.change("config/api_router.py", "\"license/features/\",\n        l", "\"status/\",\n        l");
    tree.change("config/api_router.py", "path(\"mcp/\", include(\"m\")),", "");
    std::fs::remove_dir_all(tree.path("validibot/mcp_api")).unwrap();
    tree.change("config/asgi.py", "make()", "make(\"/.well-known/oauth-protected-resource/mcp\")");
    tree.change(
        "validibot/workflows/constants.py",
        "\"text/plain\"",
        "\"application/pdf\": 1, \"text/plain\"",
    );
    let (code, said) = tree.check(&[]);
    assert_eq!(code, 2, "{said}");
    for named in [
        "gone: route /api/v1/license/features/",
        "gone: route /api/v1/mcp/workflows/<str:workflow_ref>/runs/",
        "new: route /api/v1/status/",
        "new: route /.well-known/oauth-protected-resource/mcp",
    ] {
        assert!(said.contains(named), "{named}: {said}");
    }
    // By the contract that this server has with such a version nothing is missing.
    let (code, differences) = tree.differences(&["--version", "0.16"]);
    let states: Vec<&str> = differences.iter().map(|(state, ..)| state.as_str()).collect();
    assert_eq!(code, 0, "{differences:?}");
    assert!(states.iter().all(|state| *state == "new"), "{differences:?}");
}

/// One word after the other is written otherwise.
#[test]
fn each_changed_word_is_found() {
    const LISTS: &str = "validibot/workflows/serializers.py";
    const RUNS: &str = "validibot/validations/serializers.py";
    let changes = [
        ("config/api_router.py", "\"auth/me/\"", "\"auth/us/\"", "route /api/v1/auth/me/", true),
        ("config/api_router.py", "\"runs\"", "\"checks\"", "route /api/v1/runs", true),
        (
            "validibot/mcp_api/urls.py",
            "runs/<str:run_ref>/",
            "runs/<str:ref>/",
            "route /api/v1/mcp/runs/<str:run_ref>/",
            true,
        ),
        (
            "validibot/mcp_api/authentication.py",
            "X-Validibot-User-Sub",
            "X-Validibot-User",
            "header X-Validibot-User-Sub",
            true,
        ),
        ("validibot/mcp_api/refs.py", "\"wf_\"", "\"w_\"", "reference: WORKFLOW_REF_PREFIX = \"wf_\"", true),
        ("validibot/mcp_api/refs.py", "\"run_id\"", "\"run\"", "reference of a run: run_id", true),
        (
            "validibot/mcp_api/views.py",
            "\"allowed_file_types\"",
            "\"types\"",
            "helper's list: allowed_file_types",
            true,
        ),
        (
            "validibot/mcp_api/views.py",
            "data[\"run_ref\"]",
            "data[\"ref\"]",
            "helper's launch: run_ref",
            true,
        ),
        (
            "config/settings/base.py",
            "VALIDIBOT_MCP_SERVICE_KEY",
            "MCP_KEY",
            "setting VALIDIBOT_MCP_SERVICE_KEY",
            true,
        ),
        (
            "config/settings/base.py",
            "10 * 1024",
            "5 * 1024",
            "limit: DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024",
            true,
        ),
        (
            "config/settings/base.py",
            "60/minute",
            "6/minute",
            "limit: \"DRF_THROTTLE_RATE_LAUNCH\", default=\"60/minute\"",
            true,
        ),
        ("validibot/core/api/license_views.py", "\"features\"", "\"parts\"", "licence: features", true),
        ("validibot/core/features.py", "mcp_server", "mcp", "licensed feature mcp_server", true),
        (LISTS, "\"mcp_enabled\"", "\"agents\"", "workflow in a list: mcp_enabled", true),
        (LISTS, "\"steps\"", "\"stages\"", "workflow: steps", true),
        (LISTS, "schema = ", "schemas = ", "ruleset: schema", true),
        (LISTS, "\"notes\"", "\"note\"", "assertion: notes", false),
        (RUNS, "\"result\"", "\"outcome\"", "run: result", true),
        (RUNS, "\"severity\":", "\"level\":", "step of a run, and its findings: severity", true),
        (RUNS, "    file = ", "    upload = ", "part of a launch: file", true),
        (RUNS, "\"duration_ms\"", "# \"duration_ms\"", "run: duration_ms", false),
        ("validibot/validations/constants.py", "COMPLETED", "DONE", "state of a run: COMPLETED", true),
        (
            "validibot/workflows/constants.py",
            "\"text/x-idf\"",
            "\"text/idf\"",
            "content type text/x-idf",
            true,
        ),
        (
            "validibot/core/idempotency.py",
            "Idempotent-Replayed",
            "Replayed",
            "idempotency: Idempotent-Replayed",
            true,
        ),
        ("validibot/core/idempotency.py", "255", "64", "idempotency: MAX_KEY_LENGTH = 255", true),
        ("validibot/core/api/pagination.py", "200", "100", "paging: max_page_size = 200", true),
        ("validibot/idp/constants.py", "validibot:mcp", "validibot:api", "scope validibot:mcp", true),
    ];
    for (file, from, to, name, breaking) in changes {
        let tree = Tree::old();
        tree.change(file, from, to);
        let (code, differences) = tree.differences(&[]);
        let row = ("gone".to_owned(), name.to_owned(), breaking);
        assert!(differences.contains(&row), "{file}, {from}: {differences:?}");
        assert_eq!(code, if breaking { 2 } else { 0 }, "{file}, {from}: {differences:?}");
        assert!(
            differences.iter().filter(|(state, ..)| state == "gone").count() == 1,
            "{file}, {from}: {differences:?}"
        );
    }
}

#[test]
fn a_class_in_another_file_has_moved_and_a_file_that_cannot_be_read_is_unknown() {
    let tree = Tree::old();
    std::fs::rename(
        tree.path("validibot/users/api/serializers.py"),
        tree.path("validibot/users/api/shapes.py"),
    )
    .unwrap();
    let (code, differences) = tree.differences(&[]);
    let moved: Vec<_> =
        ["slug", "name"].map(|word| ("moved".to_owned(), format!("organization: {word}"), false)).into();
    assert_eq!((code, differences), (0, moved));

    std::fs::write(tree.path("validibot/idp/constants.py"), [0xff, 0xfe]).unwrap();
    let (code, differences) = tree.differences(&[]);
    assert_eq!(code, 1);
    assert!(
        differences.contains(&("could not tell".to_owned(), "scope validibot:mcp".to_owned(), false)),
        "{differences:?}"
    );
}

#[test]
fn what_is_no_checkout_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = check(folder.path(), &[]);
    assert_eq!(code, 64, "{said}");
    assert!(said.contains("is not a checkout of Validibot") && said.contains("manage.py"), "{said}");
    let (code, said) = Tree::old().check(&["--token"]);
    assert_eq!(code, 64, "{said}");
    assert!(said.contains("--token is for a running site"), "{said}");
}
