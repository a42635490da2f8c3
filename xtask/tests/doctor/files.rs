//! Faults in the files and on this machine.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::expect_finding;

/// A tree of environment files, and programs that answer as healthy ones do.
struct Setup {
    folder: tempfile::TempDir,
}

const SELF_HOSTED: &str = "production/self-hosted";
const PROD: &str = "production/google-cloud";
const ACCOUNT: &str = "validibot-mcp-prod@acme-prod.iam.gserviceaccount.com";

impl Setup {
    /// A self-hosted installation and a production stage that are in order, with the application's files beside.
    fn healthy() -> Self {
        let setup = Self { folder: tempfile::tempdir().unwrap() };
        setup.write(SELF_HOSTED, ".build", "ENABLE_MCP_SERVER=true\n");
        setup.write(
            SELF_HOSTED,
            ".mcp",
            "VALIDIBOT_API_BASE_URL=http://web:8000\nVALIDIBOT_MCP_BASE_URL=https://mcp.acme.example\n\
             VALIDIBOT_MCP_SERVICE_KEY='a key'\nVALIDIBOT_OAUTH_CLIENT_SECRET='0123456789012345678901234567890123456789'\n\
             VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL=https://app.acme.example\n",
        );
        setup.write(
            SELF_HOSTED,
            ".django",
            "SITE_URL=https://app.acme.example/\nVALIDIBOT_MCP_SERVICE_KEY='a key'\n\
             IDP_OIDC_MCP_SERVER_CLIENT_SECRET='0123456789012345678901234567890123456789'\n\
             VALIDIBOT_MCP_BASE_URL=https://mcp.acme.example\n",
        );
        setup.write(PROD, ".gcp", "GCP_PROJECT_ID=acme-prod\n");
        setup.write(
            PROD,
            ".build",
            "ENABLE_MCP_SERVER=true\nVALIDIBOT_MCP_API_BASE_URL=https://app.acme.example\n\
             VALIDIBOT_MCP_BASE_URL=https://mcp.acme.example\n",
        );
        setup.write(PROD, ".mcp", "VALIDIBOT_LOG_LEVEL=INFO\n");
        setup.write(
            PROD,
            ".django",
            &format!(
                "MCP_OIDC_AUDIENCE=https://app.acme.example\nMCP_OIDC_ALLOWED_SERVICE_ACCOUNTS={ACCOUNT},other@x.example\n"
            ),
        );
        setup.program("docker", "echo 28.0");
        setup.program("gcloud", r#"echo '{"core": {"account": "operator@acme.example"}}'"#);
        setup.program("git", "test \"$1\" = rev-parse && echo 1234567");
        setup
    }

    fn path(&self, stage: &str, name: &str) -> PathBuf {
        self.folder.path().join("envs").join(stage).join(name)
    }

    fn write(&self, stage: &str, name: &str, text: &str) {
        let path = self.path(stage, name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn change(&self, stage: &str, name: &str, from: &str, to: &str) {
        let path = self.path(stage, name);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from} is not in {}", path.display());
        std::fs::write(&path, text.replace(from, to)).unwrap();
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.folder.path().join("bin").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn remove(&self, path: &Path) {
        std::fs::remove_file(self.folder.path().join(path)).unwrap();
    }

    /// The findings but for taken ports, which are another program's on this machine, and the exit code without them.
    fn doctor(&self, stage: &str) -> (Option<i32>, Vec<Value>) {
        let (code, report) = self.report(stage);
        let mut findings = report["findings"].as_array().unwrap().clone();
        let all = findings.len();
        findings.retain(|finding| finding["code"] != "port-taken");
        let error = findings.iter().any(|finding| finding["severity"] == "error");
        let code = if findings.len() == all { code } else { code.map(|_| i32::from(error)) };
        (code, findings)
    }

    fn report(&self, stage: &str) -> (Option<i32>, Value) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(["doctor", stage, "--offline", "--json", "--envs"]).arg(self.folder.path().join("envs"));
        for variable in envs::VARIABLES.iter().flat_map(|area| area.iter()) {
            command.env_remove(variable.name);
        }
        let output = command.env("PATH", self.folder.path().join("bin")).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let report: Value = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!(report["schema_version"], 1);
        (output.status.code(), report)
    }
}

/// One fault, where it is looked for, and the words that name it.
#[track_caller]
fn finds(stage: &str, code: &str, words: &[&str], fault: impl FnOnce(&Setup)) {
    let setup = Setup::healthy();
    fault(&setup);
    let (exit, findings) = setup.doctor(stage);
    let first = findings.first().unwrap_or_else(|| panic!("{code}: nothing was found"));
    assert_eq!(first["code"], code, "{findings:#?}");
    expect_finding(first, code, words);
    let error = first["severity"] == "error";
    assert_eq!(exit, Some(i32::from(error)), "{findings:#?}");
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let setup = Setup::healthy();
    assert_eq!(setup.doctor("self-hosted").1, Vec::<Value>::new());
    assert_eq!(setup.doctor("prod").1, Vec::<Value>::new());
    // Before the first `local up` there are no files, and that is in order.
    assert_eq!(setup.doctor("local").1, Vec::<Value>::new());
}

#[test]
fn a_fault_in_the_files_is_named_with_its_line() {
    finds("dev", "no-files", &["cargo xtask env init dev"], |_| {});
    finds("self-hosted", "unreadable-line", &[".mcp:1", "blank before '='"], |setup| {
        setup.change(SELF_HOSTED, ".mcp", "VALIDIBOT_API_BASE_URL=", "VALIDIBOT_API_BASE_URL = ");
    });
    finds("self-hosted", "unknown-variable", &[".mcp:2", "did you mean VALIDIBOT_MCP_BASE_URL?"], |setup| {
        setup.change(SELF_HOSTED, ".mcp", "VALIDIBOT_MCP_BASE_URL", "VALIDIBOT_MCP_BASEURL");
    });
    finds("self-hosted", "misplaced-variable", &["GCP_PROJECT_ID", ".gcp"], |setup| {
        setup.change(SELF_HOSTED, ".build", "ENABLE", "GCP_PROJECT_ID=acme\nENABLE");
    });
    finds("self-hosted", "set-twice", &[".build:1", "line 2"], |setup| {
        setup.write(SELF_HOSTED, ".build", "ENABLE_MCP_SERVER=true\nENABLE_MCP_SERVER=true\n");
    });
    finds("self-hosted", "placeholder", &[".mcp:3", "env explain VALIDIBOT_MCP_SERVICE_KEY"], |setup| {
        setup.change(SELF_HOSTED, ".mcp", "'a key'", "'<a long random string>'");
    });
    finds("self-hosted", "malformed-value", &[".build:1", "neither on nor off"], |setup| {
        setup.write(SELF_HOSTED, ".build", "ENABLE_MCP_SERVER=maybe\n");
    });
    finds("self-hosted", "malformed-value", &["VALIDIBOT_MCP_SEAL_KEYS", ".mcp:6"], |setup| {
        setup.change(
            SELF_HOSTED,
            ".mcp",
            "app.acme.example\n",
            "app.acme.example\nVALIDIBOT_MCP_SEAL_KEYS=k1:AAAA\n",
        );
    });
    // Too short to derive a key ring from, and the same on both sides.
    finds("self-hosted", "value-missing", &["VALIDIBOT_MCP_SEAL_KEYS", "add "], |setup| {
        for file in [".mcp", ".django"] {
            setup.change(SELF_HOSTED, file, "'0123456789012345678901234567890123456789'", "'short'");
        }
    });
    finds("self-hosted", "value-missing", &["VALIDIBOT_MCP_SERVICE_KEY", "add "], |setup| {
        setup.change(SELF_HOSTED, ".mcp", "VALIDIBOT_MCP_SERVICE_KEY='a key'\n", "");
    });
    finds("prod", "value-missing", &["GCP_PROJECT_ID"], |setup| setup.write(PROD, ".gcp", "\n"));
    finds("self-hosted", "value-missing", &["VALIDIBOT_X402_PAY_TO_ADDRESS", "add "], |setup| {
        let on = "app.acme.example\nVALIDIBOT_X402_ENABLED=true\n";
        setup.change(SELF_HOSTED, ".mcp", "app.acme.example\n", on);
    });
}

#[test]
fn a_program_reads_the_file_and_the_line_of_a_finding_as_values() {
    let setup = Setup::healthy();
    setup.change(SELF_HOSTED, ".mcp", "VALIDIBOT_MCP_BASE_URL", "VALIDIBOT_MCP_BASEURL");
    let (_, findings) = setup.doctor("self-hosted");
    let place = findings[0]["where"].as_str().unwrap();
    let (file, line) = place.rsplit_once(':').unwrap();
    assert_eq!(
        (&findings[0]["file"], &findings[0]["line"]),
        (&file.into(), &line.parse::<u64>().unwrap().into())
    );
    let missing = findings.iter().find(|finding| finding["code"] == "value-missing").unwrap();
    assert_eq!(
        (&missing["file"], &missing["line"]),
        (&missing["where"], &Value::Null),
        "a file, and no line"
    );
}

#[test]
fn a_secret_that_others_can_read_is_named() {
    finds("self-hosted", "secrets-in-git", &["git rm --cached", ".mcp"], |setup| {
        setup.program("git", "exit 0");
    });
    finds("self-hosted", "secrets-readable", &["chmod 600", ".mcp", "warning"], |setup| {
        let path = setup.path(SELF_HOSTED, ".mcp");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
    });
}

#[test]
fn values_that_differ_from_the_application_s_are_named_on_both_sides() {
    for (stage, folder, from, to, words) in [
        (
            "self-hosted",
            SELF_HOSTED,
            "VALIDIBOT_MCP_SERVICE_KEY='a key'",
            "VALIDIBOT_MCP_SERVICE_KEY='b key'",
            ".django:2",
        ),
        (
            "self-hosted",
            SELF_HOSTED,
            "MCP_SERVER_CLIENT_SECRET='0",
            "MCP_SERVER_CLIENT_SECRET='1",
            ".django:3",
        ),
        ("self-hosted", SELF_HOSTED, "BASE_URL=https://mcp.", "BASE_URL=https://old.", ".django:4"),
        ("self-hosted", SELF_HOSTED, "https://app.acme.example/", "http://app.acme.example", "SITE_URL"),
        (
            "self-hosted",
            SELF_HOSTED,
            "SITE_URL",
            "IDP_OIDC_MCP_RESOURCE_AUDIENCE=https://x/mcp\nSITE_URL",
            "https://mcp.acme.example/mcp",
        ),
        (
            "prod",
            PROD,
            "AUDIENCE=https://app.acme.example",
            "AUDIENCE=https://app.acme.example/",
            "MCP_OIDC_AUDIENCE",
        ),
    ] {
        finds(stage, "values-differ", &[words], |setup| setup.change(folder, ".django", from, to));
    }
    finds("prod", "service-account-not-allowed", &[ACCOUNT, ".django:2"], |setup| {
        setup.change(PROD, ".django", "validibot-mcp-prod@", "validibot-mcp-dev@");
    });
    finds(
        "self-hosted",
        "redirect-uri-not-registered",
        &["https://mcp.acme.example/auth/callback"],
        |setup| {
            setup.change(
                SELF_HOSTED,
                ".django",
                "SITE_URL",
                "IDP_OIDC_MCP_SERVER_REDIRECT_URIS=https://x/cb\nSITE_URL",
            );
        },
    );
}

/// Production settings answer only to the names in the list; which one the server says follows from three variables.
#[test]
fn a_name_that_validibot_does_not_answer_to_is_named() {
    let allow = |setup: &Setup, names: &str| {
        setup.change(SELF_HOSTED, ".django", "SITE_URL", &format!("DJANGO_ALLOWED_HOSTS={names}\nSITE_URL"));
    };
    let mcp = |setup: &Setup, line: &str| {
        setup.change(
            SELF_HOSTED,
            ".mcp",
            "VALIDIBOT_API_BASE_URL",
            &format!("{line}\nVALIDIBOT_API_BASE_URL"),
        );
    };
    let code = "host-not-allowed";
    // The public name, although the address is an inner one.
    finds("self-hosted", code, &["app.acme.example", ".django:1", "VALIDIBOT_API_HOST", ".mcp:5"], |setup| {
        allow(setup, "web,localhost");
    });
    finds("self-hosted", code, &["inner.acme.example", ".mcp:1"], |setup| {
        allow(setup, "app.acme.example");
        mcp(setup, "VALIDIBOT_API_HOST=inner.acme.example:8443");
    });
    // Without a public https address it is the address's own name.
    finds("self-hosted", code, &["hold web,", "add web to DJANGO_ALLOWED_HOSTS"], |setup| {
        allow(setup, "app.acme.example");
        setup.change(SELF_HOSTED, ".mcp", "SERVER_URL=https:", "SERVER_URL=http:");
        setup.change(SELF_HOSTED, ".django", "SITE_URL=https:", "SITE_URL=http:");
    });
    finds("self-hosted", code, &["api.acme.example"], |setup| {
        allow(setup, "app.acme.example");
        setup.change(SELF_HOSTED, ".mcp", "http://web:8000", "https://api.acme.example");
    });
    for names in ["web, app.acme.example", ".acme.example", "*", ""] {
        let setup = Setup::healthy();
        allow(&setup, names);
        assert_eq!(setup.doctor("self-hosted").1, Vec::<Value>::new(), "{names}");
    }
}

#[test]
fn addresses_that_cannot_work_are_named() {
    let public = "VALIDIBOT_MCP_BASE_URL=https://mcp.acme.example";
    for (code, from, to, fix) in [
        (
            "base-url-with-path",
            public,
            "VALIDIBOT_MCP_BASE_URL=https://mcp.acme.example/mcp",
            "write VALIDIBOT_MCP_BASE_URL=https://mcp.acme.example",
        ),
        ("sign-in-without-https", public, "VALIDIBOT_MCP_BASE_URL=http://mcp.acme.example", "https://"),
        ("base-url-is-loopback", public, "VALIDIBOT_MCP_BASE_URL=http://localhost:8001", "public name"),
        ("api-is-the-container", "http://web:8000", "http://localhost:8000", "http://web:8000"),
    ] {
        finds("self-hosted", code, &[fix, ".mcp:"], |setup| {
            setup.change(SELF_HOSTED, ".mcp", from, to);
            // The application has the same address, so that this is the one fault.
            if from == public {
                setup.change(SELF_HOSTED, ".django", public, to);
            }
        });
    }
    finds("self-hosted", "gate-closed", &["warning", ".build", "ENABLE_MCP_SERVER=true"], |setup| {
        setup.write(SELF_HOSTED, ".build", "ENABLE_MCP_SERVER=false\n");
    });
}

#[test]
fn a_program_that_is_missing_or_does_not_work_is_named() {
    finds("self-hosted", "no-docker", &["install docker"], |setup| setup.remove(Path::new("bin/docker")));
    finds("self-hosted", "no-engine", &["Cannot connect", "systemctl start docker"], |setup| {
        setup.program(
            "docker",
            "test \"$1\" = --version || { echo 'Cannot connect to the Docker daemon' >&2; exit 1; }",
        );
    });
    finds("self-hosted", "no-network", &["docker network ls", "VALIDIBOT_NETWORK"], |setup| {
        let script = "test \"$1\" != network || { echo \"Error response from daemon: network $3 not found\" >&2; exit 1; }\n\
                      test \"$1\" = network || echo 28.0";
        setup.program("docker", script);
    });
    finds("self-hosted", "no-compose", &["docker-compose-v2"], |setup| {
        setup.program("docker", "test \"$1\" != compose && echo 28.0");
    });
    finds("self-hosted", "docker-too-old", &["20.10.24", "23.0 is needed"], |setup| {
        setup.program("docker", "echo 20.10.24");
    });
    finds("self-hosted", "no-commit", &["with git"], |setup| setup.program("git", "exit 128"));
    finds("prod", "no-gcloud", &["install it"], |setup| setup.remove(Path::new("bin/gcloud")));
    finds("prod", "no-account", &["gcloud auth login"], |setup| setup.program("gcloud", "echo null"));
    finds("prod", "gcloud-broken", &["No module named", "gcloud info"], |setup| {
        setup.program("gcloud", "echo \"No module named 'google'\" >&2; exit 1");
    });
    finds("prod", "project-differs", &["acme-dev", "gcloud config set project acme-prod"], |setup| {
        setup.program("gcloud", r#"echo '{"core": {"account": "o@acme.example", "project": "acme-dev"}}'"#);
    });
}

#[test]
fn a_port_that_somebody_else_has_is_named() {
    let held = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = held.local_addr().unwrap().port();
    let setup = Setup::healthy();
    setup.write(
        SELF_HOSTED,
        ".build",
        &format!("ENABLE_MCP_SERVER=true\nVALIDIBOT_MCP_PUBLISH=127.0.0.1:{port}\n"),
    );
    let (code, report) = setup.report("self-hosted");
    let findings = report["findings"].as_array().unwrap();
    assert_eq!((code, findings.len()), (Some(1), 1), "{findings:#?}");
    assert_eq!(findings[0]["code"], "port-taken");
    let what = findings[0]["what"].as_str().unwrap();
    assert!(what.starts_with(&format!("port {port}, which the MCP server needs")), "{what}");
    assert!(findings[0]["fix"].as_str().unwrap().contains("VALIDIBOT_MCP_PUBLISH="));
}
