//! What compose makes of our files and of somebody else's, by the commands that would start it. Nothing is started: these tests
//! need compose, and no engine.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use suite::net::free_port;
use suite::process::{on_path, run};
use suite::require;
use suite::xtask::Xtask;

/// In the place of docker: an engine that is there, and a compose that writes down what `up` would start.
const DOCKER: &str = r#"#!/bin/sh
case "$1 $2" in
  "version "*) echo 26.1.5; exit ;;
  "compose version"|"compose --project-name") ;;
  *) exit 0 ;;
esac
case " $* " in
  *" up "*)
    found=
    for word in "$@"; do
      shift
      [ "$word" = up ] && found=1
      [ -n "$found" ] || set -- "$@" "$word"
    done
    exec @DOCKER@ "$@" config --format json > @WRITTEN@ ;;
  *" config "*|*" version "*) exec @DOCKER@ "$@" ;;
esac
"#;

/// A tool whose docker is the one above.
struct Composed {
    xtask: Xtask,
}

impl Composed {
    /// # Errors
    /// There is no compose here.
    async fn new() -> Result<Self, String> {
        let docker = on_path("docker").ok_or("no docker on the PATH")?;
        let mut version = tokio::process::Command::new(&docker);
        let version = run(version.args(["compose", "version"]), Duration::from_mins(1)).await?;
        if version.code != Some(0) {
            return Err("docker compose is not installed".to_owned());
        }
        let xtask = Xtask::new();
        let bin = xtask.path("bin");
        std::fs::create_dir(&bin).expect("a folder");
        let script = DOCKER
            .replace("@DOCKER@", &docker.display().to_string())
            .replace("@WRITTEN@", &xtask.path("composed.json").display().to_string());
        std::fs::write(bin.join("docker"), script).expect("a script");
        std::fs::set_permissions(bin.join("docker"), std::fs::Permissions::from_mode(0o755))
            .expect("a program");
        Ok(Self { xtask })
    }

    /// What the command would start.
    async fn config(&self, checkout: Option<&Path>, arguments: &[&str]) -> Value {
        let mut command = self.xtask.command(Some("true"), arguments);
        let before = suite::process::env("PATH").unwrap_or_default();
        let folders = std::iter::once(self.xtask.path("bin")).chain(std::env::split_paths(&before));
        command.env("PATH", std::env::join_paths(folders).expect("a PATH"));
        if let Some(checkout) = checkout {
            command.env("VALIDIBOT_DIR", checkout);
        }
        let written = self.xtask.path("composed.json");
        let _ = std::fs::remove_file(&written);
        let ended = run(&mut command, Duration::from_mins(2)).await.expect("it ends");
        let _ = ended.expect_success("the tool");
        let written = std::fs::read(written).expect("`up` was called");
        serde_json::from_slice(&written).expect("JSON")
    }

    /// A value that the tool has written for the local stack.
    fn generated(&self, name: &str) -> String {
        let file = std::fs::read_to_string(self.xtask.path("envs/local/.mcp")).expect("the file");
        let line = file.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.expect("a line").to_owned()
    }
}

/// A checkout with the form of the application's compose files (contract, E4) and this environment file.
fn checkout(folder: &Path, django: &str) {
    std::fs::create_dir_all(folder.join(".envs/.local")).expect("a folder");
    let base = "services:\n  web:\n    image: web\n    ports: ['8000:8000']\n    networks: [validibot]\n    \
                env_file: [.envs/.local/.django]\n    volumes: ['storage:/storage']\n\
                networks:\n  validibot: {}\nvolumes:\n  storage: {}\n";
    let pro = "services:\n  mcp:\n    profiles: [mcp]\n    build: { context: ./mcp }\n    ports: ['8001:8080']\n    \
               environment: { VALIDIBOT_MCP_SERVICE_KEY: theirs }\n    networks: [validibot]\n";
    for (name, text) in [
        ("docker-compose.local.yml", base),
        ("docker-compose.local-pro.yml", pro),
        (".envs/.local/.django", django),
    ] {
        std::fs::write(folder.join(name), text).expect("the file is written");
    }
}

#[tokio::test]
async fn a_checkout_and_the_server_are_told_the_same() {
    let composed = require!(Composed::new().await);
    let (folder, state) = (composed.xtask.path("validibot"), composed.xtask.path("state"));
    let state = state.display().to_string();
    let up = ["local", "up", "--pro", "--runner", "docker", "--state-dir", &state];
    let (web_port, mcp_port) = (free_port().to_string(), free_port().to_string());
    let up = [&up[..], &["--port", &web_port, "--mcp-port", &mcp_port]].concat();
    for (django, own) in [
        ("DEBUG=true\n", None),
        (
            "SITE_URL=http://web:8000\nVALIDIBOT_MCP_SERVICE_KEY=own-key\n\
             IDP_OIDC_MCP_SERVER_CLIENT_SECRET=own-secret-of-more-than-thirty-two-bytes\n",
            Some(("http://web:8000", "own-key", "own-secret-of-more-than-thirty-two-bytes")),
        ),
    ] {
        checkout(&folder, django);
        let config = composed.config(Some(&folder), &up).await;
        let (web, mcp) = (&config["services"]["web"], &config["services"]["mcp"]);
        let told = |service: &Value, name: &str| {
            service["environment"][name].as_str().unwrap_or_default().to_owned()
        };

        let (issuer, key, secret) = own.map_or_else(
            || {
                let generated = |name| composed.generated(name);
                (
                    format!("http://localhost:{web_port}"),
                    generated("VALIDIBOT_MCP_SERVICE_KEY"),
                    generated("VALIDIBOT_OAUTH_CLIENT_SECRET"),
                )
            },
            |(issuer, key, secret)| (issuer.to_owned(), key.to_owned(), secret.to_owned()),
        );
        for service in [web, mcp] {
            assert_eq!(told(service, "VALIDIBOT_MCP_SERVICE_KEY"), key);
            assert_eq!(told(service, "VALIDIBOT_MCP_BASE_URL"), format!("http://localhost:{mcp_port}"));
        }
        assert_eq!(told(web, "IDP_OIDC_MCP_SERVER_CLIENT_SECRET"), secret);
        assert_eq!(told(mcp, "VALIDIBOT_OAUTH_CLIENT_SECRET"), secret);
        assert_eq!(told(mcp, "VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL"), issuer, "what its tokens carry");
        assert_eq!(
            told(mcp, "VALIDIBOT_OAUTH_AUTHORIZATION_ENDPOINT"),
            format!("http://localhost:{web_port}/identity/o/authorize"),
            "where a browser gets to"
        );
        assert_eq!(told(mcp, "VALIDIBOT_API_BASE_URL"), "http://web:8000", "inside it is where it was");

        for (service, published, target) in [(web, &web_port, 8000), (mcp, &mcp_port, 8080)] {
            let ports = service["ports"].as_array().expect("ports");
            assert_eq!(
                ports.len(),
                1,
                "the ports of the checkout's own files are not published beside: {ports:?}"
            );
            let [host, port, inner] = ["host_ip", "published", "target"].map(|name| &ports[0][name]);
            assert_eq!((host, port, inner), (&json!("127.0.0.1"), &json!(published), &json!(target)));
        }
        assert!(mcp["image"].is_string() && mcp.get("build").is_none(), "ours in the place of theirs: {mcp}");
        // One project for both: its network joins them, and its volume is the one that was filled before.
        let project = config["name"].as_str().expect("a name");
        assert_eq!(config["volumes"]["storage"]["name"], format!("{project}_storage"));
        assert_eq!(web["networks"], mcp["networks"]);
    }
}

#[tokio::test]
async fn a_self_hosted_server_gets_its_authorities_its_address_and_validibots_network() {
    let composed = require!(Composed::new().await);
    let xtask = &composed.xtask;
    let ca = xtask.path("acme-ca.pem");
    std::fs::write(&ca, "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n")
        .expect("the file is written");
    xtask.write(
        "production/self-hosted/.mcp",
        "VALIDIBOT_API_BASE_URL=https://app.acme.test\nVALIDIBOT_MCP_BASE_URL=https://mcp.acme.test\n\
         VALIDIBOT_MCP_SERVICE_KEY=a-key\nVALIDIBOT_MCP_BIND=0.0.0.0\n",
    );
    let bundle = |config: &Value| config["services"]["mcp"]["environment"]["SSL_CERT_FILE"].clone();
    let up = ["self-hosted", "up"];
    xtask.write("production/self-hosted/.build", "ENABLE_MCP_SERVER=true\n");
    let usual = composed.config(None, &up).await;
    assert_eq!(bundle(&usual), "/etc/ssl/certs/ca-certificates.crt");
    assert_eq!(
        usual["networks"]["validibot"]["name"], "validibot_validibot",
        "the one of Validibot's own project"
    );

    let build = format!("ENABLE_MCP_SERVER=true\nVALIDIBOT_MCP_CA_FILE={}\n", ca.display());
    xtask.write("production/self-hosted/.build", &build);
    let own = composed.config(None, &up).await;
    let mcp = &own["services"]["mcp"];
    let mount = &mcp["volumes"][0];
    assert_eq!(mount["source"].as_str(), ca.to_str());
    assert_eq!(
        (&mount["target"], &mount["read_only"]),
        (&bundle(&own), &json!(true)),
        "mounted where it is read"
    );
    assert_eq!(mcp["environment"]["VALIDIBOT_MCP_BIND"], "0.0.0.0");
}
