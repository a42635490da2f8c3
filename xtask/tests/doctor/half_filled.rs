//! Trees in the layout that the application ships, each filled in by halves: `env check` and `doctor` name what is missing.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use serde_json::Value;

/// A tree with dotted names, as an installation of the application has it.
struct Installation {
    folder: tempfile::TempDir,
}

const SELF_HOSTED: &str = ".production/.self-hosted";
const PROD: &str = ".production/.google-cloud";
const LOCAL: &str = ".local";

const KEY: &str = "k9Vw3nQe7Zr2Tb6Yd1Lm8Xc4Hs5Gp0Ju";
const SECRET: &str = "f3a9c1d27be84056a7d2c9e1b04f6a83d5";

impl Installation {
    /// Every file filled in and in agreement.
    fn complete() -> Self {
        let tree = Self { folder: tempfile::tempdir().unwrap() };
        let mcp = |api: &str, base: &str, issuer: &str| {
            format!(
                "VALIDIBOT_API_BASE_URL={api}\nVALIDIBOT_MCP_BASE_URL={base}\n\
                 VALIDIBOT_MCP_SERVICE_KEY={KEY}\nVALIDIBOT_OAUTH_CLIENT_SECRET={SECRET}\n\
                 VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL={issuer}\n"
            )
        };
        let django = |site: &str, base: &str| {
            format!(
                "SITE_URL={site}\nVALIDIBOT_MCP_SERVICE_KEY={KEY}\n\
                 IDP_OIDC_MCP_SERVER_CLIENT_SECRET={SECRET}\nVALIDIBOT_MCP_BASE_URL={base}\n"
            )
        };
        tree.write(SELF_HOSTED, ".build", "ENABLE_MCP_SERVER=true\n");
        tree.write(
            SELF_HOSTED,
            ".mcp",
            &mcp("http://web:8000", "https://mcp.acme.test", "https://app.acme.test"),
        );
        tree.write(SELF_HOSTED, ".django", &django("https://app.acme.test", "https://mcp.acme.test"));
        tree.write(LOCAL, ".build", "ENABLE_MCP_SERVER=true\n");
        tree.write(LOCAL, ".mcp", &mcp("http://web:8000", "http://localhost:8001", "http://localhost:8000"));
        // The application's own default is the address of a local server.
        let local = django("http://localhost:8000", "x");
        tree.write(LOCAL, ".django", &local.replace("VALIDIBOT_MCP_BASE_URL=x\n", ""));
        tree.write(PROD, ".just", "export GCP_PROJECT_ID=acme-prod\nexport GCP_REGION=europe-west1\n");
        tree.write(
            PROD,
            ".build",
            "ENABLE_MCP_SERVER=true\nVALIDIBOT_MCP_API_BASE_URL=https://app.acme.test\n\
             VALIDIBOT_MCP_BASE_URL=https://mcp.acme.test\n",
        );
        tree.write(PROD, ".mcp", "VALIDIBOT_LOG_LEVEL=INFO\n");
        tree.write(PROD, ".django", "SITE_URL=https://app.acme.test\n");
        tree
    }

    fn write(&self, folder: &str, name: &str, text: &str) {
        let folder = self.folder.path().join(".envs").join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), text).unwrap();
        std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn change(&self, (folder, name): (&str, &str), from: &str, to: &str) {
        let path = self.folder.path().join(".envs").join(folder).join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from} is not in {}", path.display());
        std::fs::write(&path, text.replace(from, to)).unwrap();
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(args).arg("--envs").arg(self.folder.path().join(".envs"));
        for variable in envs::VARIABLES.iter().flat_map(|area| area.iter()) {
            command.env_remove(variable.name);
        }
        command.output().unwrap()
    }

    /// What `doctor` finds.
    fn doctor(&self, stage: &str) -> Vec<Value> {
        let output = self.run(&["doctor", stage, "--offline", "--json"]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        report["findings"].as_array().unwrap().clone()
    }

    /// The error of `env check`; `None` where nothing is wrong.
    fn check(&self, stage: &str) -> Option<String> {
        let output = self.run(&["env", "check", stage]);
        match output.status.code() {
            Some(0) => None,
            Some(64) => Some(String::from_utf8(output.stderr).unwrap()),
            code => panic!("{code:?}: {}", String::from_utf8_lossy(&output.stderr)),
        }
    }
}

/// Whether a finding is about one of the tree's files.
fn in_the_tree(finding: &Value) -> bool {
    finding["where"].as_str().is_some_and(|place| place.contains(".envs"))
}

#[test]
fn a_complete_installation_has_nothing_to_correct() {
    let tree = Installation::complete();
    for stage in ["self-hosted", "local", "prod"] {
        assert_eq!(tree.check(stage), None, "{stage}");
        // What is wrong with the machine that runs this test is another matter.
        let findings: Vec<Value> = tree.doctor(stage).into_iter().filter(in_the_tree).collect();
        assert_eq!(findings, Vec::<Value>::new(), "{stage}");
    }
}

#[test]
fn each_half_filled_tree_is_told_its_fault() {
    let (mcp, django) = ((SELF_HOSTED, ".mcp"), (SELF_HOSTED, ".django"));
    let key = format!("VALIDIBOT_MCP_SERVICE_KEY={KEY}");
    let secret = format!("IDP_OIDC_MCP_SERVER_CLIENT_SECRET={SECRET}");
    let ours = format!("VALIDIBOT_OAUTH_CLIENT_SECRET={SECRET}");
    let placeholder = "VALIDIBOT_MCP_SERVICE_KEY=replace-with-a-long-random-string";
    // The stage, the file that is changed, from, to, the variable that is named, and a word of the sentence.
    let cases = [
        ("self-hosted", django, key.as_str(), "#", "VALIDIBOT_MCP_SERVICE_KEY", "is not in"),
        (
            "local",
            (LOCAL, ".django"),
            &key,
            "# VALIDIBOT_MCP_SERVICE_KEY=",
            "VALIDIBOT_MCP_SERVICE_KEY",
            "is not in",
        ),
        ("self-hosted", django, &key, placeholder, "VALIDIBOT_MCP_SERVICE_KEY", "placeholder"),
        ("self-hosted", mcp, &key, placeholder, "VALIDIBOT_MCP_SERVICE_KEY", "placeholder"),
        ("self-hosted", django, &secret, "#", "VALIDIBOT_OAUTH_CLIENT_SECRET", "is not in"),
        ("self-hosted", mcp, &ours, "#", "IDP_OIDC_MCP_SERVER_CLIENT_SECRET", "users cannot sign in"),
        (
            "self-hosted",
            mcp,
            &ours,
            "VALIDIBOT_OAUTH_CLIENT_SECRET=replace-with-generated-client-secret",
            "VALIDIBOT_OAUTH_CLIENT_SECRET",
            "placeholder",
        ),
        (
            "self-hosted",
            django,
            "VALIDIBOT_MCP_BASE_URL=https://mcp.acme.test",
            "#",
            "VALIDIBOT_MCP_BASE_URL",
            "Validibot uses http://localhost:8001 instead",
        ),
        (
            "self-hosted",
            mcp,
            "https://mcp.acme.test",
            "https://mcp.example.com",
            "VALIDIBOT_MCP_BASE_URL",
            "example",
        ),
        (
            "self-hosted",
            mcp,
            "https://app.acme.test",
            "https://app.example.com",
            "VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL",
            "example",
        ),
        (
            "self-hosted",
            mcp,
            "VALIDIBOT_OAUTH_CLIENT_SECRET=",
            "VALIDIBOT_OAUTH_CLIENT_ID=other\nVALIDIBOT_OAUTH_CLIENT_SECRET=",
            "VALIDIBOT_OAUTH_CLIENT_ID",
            "Validibot uses validibot-mcp-server instead",
        ),
        (
            "self-hosted",
            mcp,
            &key,
            "VALIDIBOT_MCP_SERVICE_KEY=replace-me-with-a-long-random-string",
            "VALIDIBOT_MCP_SERVICE_KEY",
            "placeholder",
        ),
        (
            "self-hosted",
            mcp,
            "https://mcp.acme.test",
            "https://mcp.your-domain.example",
            "VALIDIBOT_MCP_BASE_URL",
            "placeholder",
        ),
        ("prod", (PROD, ".just"), "acme-prod", "your-gcp-project-id", "GCP_PROJECT_ID", "placeholder"),
        ("prod", (PROD, ".just"), "acme-prod", "my-project", "GCP_PROJECT_ID", "example"),
        ("prod", (PROD, ".just"), "europe-west1", "europe-west", "GCP_REGION", "is not a region"),
    ];
    for (stage, file, from, to, variable, words) in cases {
        let tree = Installation::complete();
        tree.change(file, from, to);
        let error =
            tree.check(stage).unwrap_or_else(|| panic!("{stage}, {}: {to}: nothing was found", file.1));
        let named = error.lines().any(|line| line.contains(variable) && line.contains(words));
        assert!(named, "{stage}, {}: {to}: {variable}, {words}:\n{error}", file.1);
        assert!(!error.contains(KEY) && !error.contains(SECRET), "a secret is shown: {error}");
        let findings = tree.doctor(stage);
        let found = findings.iter().any(|finding| {
            let what = finding["what"].as_str().unwrap_or_default();
            in_the_tree(finding) && what.contains(variable) && what.contains(words)
        });
        assert!(found, "doctor {stage}: {variable}, {words}: {findings:#?}");
    }
}
