//! The two programs of a native stack, as commands.

use std::path::{Path, PathBuf};
use std::time::Duration;

use envs::{oauth, server};

use super::files::Settings;
use crate::cli::{MCP_PORT, ValidibotVersion};
use crate::core::command::{Command, EnvValue, Stdin};
use crate::core::secret::hex;

/// The web application, played by the sandbox.
pub(super) const WEB: &str = "web";

/// The MCP server.
pub(super) const MCP: &str = "mcp";

/// A program that should run.
pub(super) struct Program {
    /// `web` or `mcp`.
    pub(super) name: &'static str,
    /// Where it listens.
    pub(super) port: u16,
    /// Starts it.
    pub(super) serve: Command,
    /// Ends with 0 once it answers.
    pub(super) health: Command,
}

/// Where the stack's programs and ports are.
pub(super) struct Layout {
    /// Path of `validibot-sandbox`.
    pub(super) sandbox: PathBuf,
    /// Path of `validibot-mcp`.
    pub(super) server: PathBuf,
    /// Port of the web application.
    pub(super) web_port: u16,
    /// Port of the MCP server.
    pub(super) mcp_port: u16,
    /// `community` or `pro`.
    pub(super) edition: &'static str,
    /// Which Validibot the stand-in plays.
    pub(super) version: ValidibotVersion,
    /// Whether agents may pay for runs.
    pub(super) paid_access: bool,
}

impl Layout {
    /// Base URL of the web application.
    pub(super) fn web_url(&self) -> String {
        format!("http://localhost:{}", self.web_port)
    }

    /// Base URL of the MCP server.
    pub(super) fn mcp_url(&self) -> String {
        format!("http://localhost:{}", self.mcp_port)
    }

    /// The sandbox. Its secrets come by environment, where only its own user can read them.
    pub(super) fn web(&self, settings: &Settings) -> Program {
        let port = self.web_port.to_string();
        let mut serve = Command::new(&self.sandbox)
            .args(["serve", "--bind", "127.0.0.1", "--port", &port, "--edition", self.edition])
            .args(["--validibot", self.version.name()])
            .env("SITE_URL", self.web_url())
            .env(server::MCP_BASE_URL.name, self.mcp_base_url(settings))
            .env_secret(server::SERVICE_KEY.name, settings.service_key.clone())
            .env_secret(envs::sandbox::API_TOKEN.name, settings.api_token.clone())
            .no_deadline();
        if self.paid_access {
            serve = serve.env(envs::sandbox::PAID_ACCESS.name, "true");
        }
        if let Some(secret) = &settings.client_secret {
            serve = serve.env_secret(envs::sandbox::CLIENT_SECRET.name, secret.clone());
        }
        Program { name: WEB, port: self.web_port, serve, health: health(&self.sandbox, self.web_port) }
    }

    /// The server. What this stack decides beats the settings file, which may have been written for another
    /// kind of stack: where Validibot is, who issues its tokens, and the port.
    pub(super) fn mcp(&self, settings: &Settings) -> Program {
        let serve = Command::new(&self.server)
            .args(["serve", "--settings"])
            .arg(&settings.mcp_file)
            .env(server::PORT.name, self.mcp_port.to_string())
            .env(server::BIND.name, "127.0.0.1")
            .env(server::API_BASE_URL.name, self.web_url())
            .env(oauth::AUTHORIZATION_SERVER_URL.name, self.web_url())
            .env(server::MCP_BASE_URL.name, self.mcp_base_url(settings))
            // The demo token is the client's: the server has no use for it.
            .env_remove(envs::tests::E2E_TOKEN.name)
            .no_deadline();
        Program { name: MCP, port: self.mcp_port, serve, health: health(&self.server, self.mcp_port) }
    }

    /// The file's, which may be a tunnel's; a port that was asked for makes it ours.
    pub(super) fn mcp_base_url(&self, settings: &Settings) -> String {
        let given = settings.mcp_base_url.clone().filter(|_| self.mcp_port == MCP_PORT);
        given.unwrap_or_else(|| self.mcp_url())
    }
}

impl Program {
    /// Changes with everything that decides how the program behaves: its file, arguments, variables, settings.
    pub(super) fn fingerprint(&self, settings: &Path) -> String {
        let mut digest = hmac_sha256::Hash::new();
        digest.update(self.serve.render());
        for (_, value) in self.serve.environment() {
            if let EnvValue::Secret(secret) = value {
                digest.update(secret.expose());
                digest.update([0]);
            }
        }
        if let Stdin::Secret { content, .. } = self.serve.input() {
            digest.update(content.expose());
        }
        // A built program is known by length and time: hashing tens of megabytes on each `up` is not worth it.
        if let Ok(metadata) = Path::new(self.serve.program()).metadata() {
            digest.update(metadata.len().to_be_bytes());
            digest.update(format!("{:?}", metadata.modified().ok()));
        }
        digest.update(std::fs::read(settings).unwrap_or_default());
        hex(&digest.finalize())
    }
}

fn health(program: &Path, port: u16) -> Command {
    let port = port.to_string();
    // One answer from loopback takes milliseconds; a program that hangs must not use up the whole wait.
    Command::new(program).args(["healthcheck", "--port", &port]).reads().deadline(Duration::from_secs(5))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::secret::Secret;

    fn layout(web_port: u16, mcp_port: u16) -> Layout {
        Layout {
            sandbox: "sandbox".into(),
            server: "server".into(),
            web_port,
            mcp_port,
            version: ValidibotVersion::V015,
            edition: "pro",
            paid_access: false,
        }
    }

    fn settings() -> Settings {
        Settings {
            mcp_file: "envs/local/.mcp".into(),
            mcp_base_url: Some("https://tunnel.example".into()),
            service_key: Secret::new("hush-1"),
            client_secret: Some(Secret::new("hush-2")),
            api_token: Secret::new("hush-3"),
        }
    }

    #[test]
    fn secrets_are_given_by_environment_only() {
        let (layout, settings) = (layout(8000, 8001), settings());
        expect_test::expect![[r#"SITE_URL=http://localhost:8000 VALIDIBOT_MCP_BASE_URL=https://tunnel.example VALIDIBOT_MCP_SERVICE_KEY="$VALIDIBOT_MCP_SERVICE_KEY" VALIDIBOT_SANDBOX_API_TOKEN="$VALIDIBOT_SANDBOX_API_TOKEN" IDP_OIDC_MCP_SERVER_CLIENT_SECRET="$IDP_OIDC_MCP_SERVER_CLIENT_SECRET" sandbox serve --bind 127.0.0.1 --port 8000 --edition pro --validibot 0.15"#]].assert_eq(&layout.web(&settings).serve.render());
        expect_test::expect!["env -u VALIDIBOT_E2E_TOKEN PORT=8001 VALIDIBOT_MCP_BIND=127.0.0.1 VALIDIBOT_API_BASE_URL=http://localhost:8000 VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL=http://localhost:8000 VALIDIBOT_MCP_BASE_URL=https://tunnel.example server serve --settings envs/local/.mcp"].assert_eq(&layout.mcp(&settings).serve.render());
    }

    #[test]
    fn other_ports_beat_the_settings_file() {
        let line = layout(9000, 9001).mcp(&settings()).serve.render();
        for part in [
            "PORT=9001",
            "VALIDIBOT_API_BASE_URL=http://localhost:9000",
            "VALIDIBOT_MCP_BASE_URL=http://localhost:9001",
            "VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL=http://localhost:9000",
        ] {
            assert!(line.contains(part), "{line}");
        }
    }

    #[test]
    fn another_secret_or_edition_is_another_fingerprint() {
        let nowhere = Path::new("/nonexistent");
        let one = layout(8000, 8001).web(&settings()).fingerprint(nowhere);
        assert_eq!(one, layout(8000, 8001).web(&settings()).fingerprint(nowhere));
        let other = Settings { service_key: Secret::new("new"), ..settings() };
        assert_ne!(one, layout(8000, 8001).web(&other).fingerprint(nowhere));
        let community = Layout { edition: "community", ..layout(8000, 8001) };
        assert_ne!(one, community.web(&settings()).fingerprint(nowhere));
    }
}
