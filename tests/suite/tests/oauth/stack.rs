//! A provider, two server processes, and the proxy before them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sandbox::{Builder, Sandbox};
use serde_json::Value;
use suite::process;
use suite::proxy::{self, Alternating};
use suite::server::{CLIENT_SECRET, Server};
use tempfile::TempDir;
use tokio::process::Command;

/// Generous: nothing is measured with it.
const DEADLINE: Duration = Duration::from_mins(3);
/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(crate) struct Stack {
    pub(crate) sandbox: Sandbox,
    /// The base URL: the proxy's.
    pub(crate) base: String,
    pub(crate) proxy: Alternating,
    servers: Vec<Server>,
    scratch: TempDir,
}

impl Stack {
    /// A provider that signs everybody in.
    pub(crate) async fn start() -> Self {
        Self::before(Sandbox::builder().auto_login(true)).await
    }

    pub(crate) async fn before(provider: Builder) -> Self {
        let listener = proxy::listener().await;
        let base = proxy::url(&listener);
        let provider = provider.oauth_client_secret(CLIENT_SECRET).mcp_base_url(&base);
        let mut stack = Self {
            sandbox: provider.start().await.expect("a sandbox"),
            base,
            proxy: Alternating::start(listener),
            servers: Vec::new(),
            scratch: tempfile::tempdir().expect("a folder"),
        };
        stack.restart().await;
        stack
    }

    /// Ends both processes and starts two new ones.
    pub(crate) async fn restart(&mut self) {
        for server in self.servers.drain(..) {
            server.stop().await;
        }
        for _ in 0..2 {
            let server = Server::with_sign_in(&self.sandbox).env("VALIDIBOT_MCP_BASE_URL", &self.base);
            self.servers.push(server.start().await);
        }
        self.proxy.set(self.servers.iter().map(|server| server.base().to_owned()).collect());
    }

    /// What both processes have logged.
    pub(crate) fn logs(&self) -> String {
        self.servers.iter().map(|server| server.logs.text()).collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn mcp_url(&self) -> String {
        format!("{}/mcp", self.base)
    }

    /// A folder for what a client keeps.
    pub(crate) fn scratch(&self) -> PathBuf {
        let folder = self.scratch.path().join("client");
        std::fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    /// Runs a client that finds our browser where it looks for one; returns the last line it printed.
    pub(crate) async fn run(&self, command: Command, what: &str) -> String {
        self.try_run(command).await.expect_success(what).stdout
    }

    /// The same, whatever comes of it.
    pub(crate) async fn try_run(&self, mut command: Command) -> process::Output {
        let folder = self.scratch.path().join("bin");
        std::fs::create_dir_all(&folder).expect("a folder");
        let opener = folder.join("xdg-open");
        let script = format!("#!/bin/sh\nexec python3 '{}' \"$1\"\n", browser_script().display());
        std::fs::write(&opener, script).expect("the opener is written");
        std::fs::set_permissions(&opener, std::fs::Permissions::from_mode(0o755)).expect("it can be run");
        let inherited =
            command.as_std().get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, path)| path);
        let path = inherited.map(|path| path.to_string_lossy().into_owned()).or_else(|| process::env("PATH"));
        command
            .env("PATH", format!("{}:{}", folder.display(), path.unwrap_or_default()))
            // In the background: the client that it was opened for has to go on.
            .env("BROWSER", format!("{} %s &", opener.display()))
            .env("HOME", self.scratch())
            .env("MCP_AUTO_OPEN_ENABLED", "true");
        process::run(&mut command, DEADLINE).await.expect("it ends")
    }

    /// The address that a client opens.
    pub(crate) fn authorize_url(&self, client_id: &str, redirect: &str) -> String {
        let mut url = reqwest::Url::parse(&format!("{}/authorize", self.base)).expect("a URL");
        url.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", redirect),
            ("state", "the client's state"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("resource", &self.mcp_url()),
        ]);
        url.into()
    }

    /// Signs in up to the code.
    pub(crate) async fn code(&self, client_id: &str, redirect: &str) -> String {
        let mut browser = Command::new("python3");
        browser.arg(browser_script()).arg("--print").arg(self.authorize_url(client_id, redirect));
        let output =
            process::run(&mut browser, DEADLINE).await.expect("it ends").expect_success("the browser");
        let back = reqwest::Url::parse(output.stdout.trim()).expect("a URL");
        let code = back.query_pairs().find(|(name, _)| name == "code");
        code.expect("a code").1.into_owned()
    }

    pub(crate) async fn redeem(&self, client_id: &str, code: &str, redirect: &str) -> reqwest::Response {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", client_id),
            ("code", code),
            ("redirect_uri", redirect),
            ("code_verifier", VERIFIER),
        ];
        let request = suite::net::http_client().post(format!("{}/token", self.base)).form(&form);
        request.send().await.expect("an answer")
    }

    /// Replaces the access token in all that the client keeps by one that has expired.
    pub(crate) fn expire_tokens(&self) -> usize {
        let expired = self.sandbox.mint().expires_in(-3600).sign();
        let mut replaced = 0;
        let mut folders = vec![self.scratch()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                    continue;
                }
                let Ok(text) = std::fs::read_to_string(entry.path()) else { continue };
                let Some(token) = jwt_in(&text) else { continue };
                std::fs::write(entry.path(), text.replace(&token, &expired)).expect("it is written");
                replaced += 1;
            }
        }
        replaced
    }

    /// How often the provider was asked at this path with this in the body.
    pub(crate) fn asked(&self, path: &str, body: &str) -> usize {
        let received = self.sandbox.received();
        received.iter().filter(|request| request.path == path && request.text().contains(body)).count()
    }
}

/// The walker of sign-ins.
pub(crate) fn browser_script() -> PathBuf {
    let script = suite::workspace().join("tests/suite/clients/browser.py");
    script.canonicalize().expect("it is in the repository")
}

/// The first text that looks like a signed JWT.
fn jwt_in(text: &str) -> Option<String> {
    let start = text.find("\"eyJ")? + 1;
    // Some keep JSON as a text inside JSON, where the closing quotation mark is escaped.
    let token = text[start..].split(['"', '\\']).next()?;
    (token.split('.').count() == 3).then(|| token.to_owned())
}

/// The JSON in the last line of what a script printed.
pub(crate) fn last_json(stdout: &str) -> Value {
    let last = stdout.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|_| panic!("no JSON: {stdout}"))
}

/// Where pictures of pages go.
pub(crate) fn artefacts() -> PathBuf {
    let folder = suite::workspace().join("target/artefacts");
    std::fs::create_dir_all(&folder).expect("a folder");
    Path::new(&folder).canonicalize().expect("it is there")
}
