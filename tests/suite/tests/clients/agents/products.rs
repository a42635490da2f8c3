//! How each product is told of its model and of the server, and to keep to itself: no updates, no figures for its vendor.

use std::path::Path;

use sandbox::fixtures::DEMO_TOKEN;
use serde_json::{Value, json};
use suite::node::Agents;
use tokio::process::Command;

const PROMPT: &str = "Validate the files.";

#[derive(Debug, Clone, Copy)]
pub(super) enum Product {
    ClaudeCode,
    Codex,
    Gemini,
    Opencode,
}

impl Product {
    /// One question without a terminal, with everything allowed that the script does.
    pub(super) fn command(self, agents: &Agents, home: &Path, model: &str, server: &str) -> Command {
        let authorization = json!({ "Authorization": format!("Bearer {DEMO_TOKEN}") });
        let mut command = match self {
            Self::ClaudeCode => claude_code(agents, home, model, server, &authorization),
            Self::Codex => codex(agents, home, model, server),
            Self::Gemini => gemini(agents, home, model, server, &authorization),
            Self::Opencode => opencode(agents, home, model, server, &authorization),
        };
        // Whatever it wants beyond this machine is refused at once, wherever the test runs.
        command.env("HTTP_PROXY", "http://127.0.0.1:9").env("HTTPS_PROXY", "http://127.0.0.1:9");
        command.env("NO_PROXY", "127.0.0.1,localhost");
        command
    }
}

fn claude_code(agents: &Agents, home: &Path, model: &str, server: &str, headers: &Value) -> Command {
    let servers =
        json!({ "mcpServers": { "validibot": { "type": "http", "url": server, "headers": headers } } });
    write(&home.join("mcp.json"), &servers.to_string());
    let mut command = agents.program("claude", home);
    command.args(["--print", PROMPT, "--strict-mcp-config", "--mcp-config", "mcp.json", "--allowedTools"]);
    command.args(["mcp__validibot", "ListMcpResourcesTool", "ReadMcpResourceTool"]);
    command.env("ANTHROPIC_BASE_URL", model).env("ANTHROPIC_API_KEY", "none");
    command.env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1").env("DISABLE_AUTOUPDATER", "1");
    // All tools at once: a model that searches for them first is another script.
    command.env("ENABLE_TOOL_SEARCH", "false");
    command
}

fn codex(agents: &Agents, home: &Path, model: &str, server: &str) -> Command {
    let settings = format!(
        r#"
model = "stand-in"
model_provider = "stand-in"
approval_policy = "never"
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.stand-in]
name = "stand-in"
base_url = "{model}/v1"
wire_api = "responses"
[mcp_servers.validibot]
url = "{server}"
bearer_token_env_var = "VALIDIBOT_TOKEN"
default_tools_approval_mode = "approve"
"#
    );
    write(&home.join(".codex/config.toml"), &settings);
    let mut command = agents.program("codex", home);
    command.args(["exec", "--skip-git-repo-check", PROMPT]).env("VALIDIBOT_TOKEN", DEMO_TOKEN);
    command
}

fn gemini(agents: &Agents, home: &Path, model: &str, server: &str, headers: &Value) -> Command {
    let settings = json!({
        "mcpServers": { "validibot": { "httpUrl": server, "headers": headers, "trust": true } },
        "security": { "auth": { "selectedType": "gemini-api-key" }, "folderTrust": { "enabled": false } },
        "privacy": { "usageStatisticsEnabled": false },
        "telemetry": { "enabled": false },
        "general": { "enableAutoUpdate": false, "enableAutoUpdateNotification": false },
    });
    write(&home.join(".gemini/settings.json"), &settings.to_string());
    let mut command = agents.program("gemini", home);
    // A model by name: otherwise it asks another one which to take.
    command.args(["--model", "gemini-2.5-flash", "--yolo", "--prompt", PROMPT]);
    command.env("GOOGLE_GEMINI_BASE_URL", model).env("GEMINI_API_KEY", "none");
    command.env("GEMINI_CLI_TRUST_WORKSPACE", "true");
    command
}

fn opencode(agents: &Agents, home: &Path, model: &str, server: &str, headers: &Value) -> Command {
    let settings = json!({
        "autoupdate": false, "share": "disabled", "permission": "allow",
        "model": "stand-in/stand-in", "small_model": "stand-in/stand-in",
        "provider": { "stand-in": {
            "npm": "@ai-sdk/openai-compatible",
            "options": { "baseURL": format!("{model}/v1"), "apiKey": "none" },
            "models": { "stand-in": {} },
        } },
        "mcp": { "validibot": { "type": "remote", "url": server, "oauth": false, "headers": headers } },
    });
    write(&home.join(".config/opencode/opencode.json"), &settings.to_string());
    let mut command = agents.program("opencode", home);
    // Without plugins: it installs those from the registry.
    command.args(["run", "--pure", PROMPT]);
    for switch in ["AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD", "DEFAULT_PLUGINS"] {
        command.env(format!("OPENCODE_DISABLE_{switch}"), "true");
    }
    command
}

fn write(file: &Path, text: &str) {
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("the folder is made");
    std::fs::write(file, text).expect("the settings are written");
}
