//! docker compose's command lines.

use std::path::PathBuf;

use crate::config::env::EnvFile;
use crate::core::command::{Command, EnvValue};
use crate::core::secret::Secret;
use crate::tools::engine::Compose;

/// A compose project: its files, and the variables that stand in them.
#[derive(Debug, Clone)]
pub struct Project {
    /// How compose is called here.
    pub compose: Compose,
    /// The project's name, by which compose knows its containers.
    pub name: String,
    /// The files, the base first.
    pub files: Vec<PathBuf>,
    /// The variables. They may be secrets: they reach compose by its environment, never by a file or argv.
    pub variables: Vec<(String, EnvValue)>,
}

/// The profile of the MCP server: without it, the server is not part of a stack.
const PROFILE: &str = "mcp";

impl Project {
    /// Adds a variable that may be shown.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.push((name.to_owned(), EnvValue::Plain(value.into())));
    }

    /// Adds a variable that must not be shown.
    pub fn set_secret(&mut self, name: &str, value: Secret) {
        self.variables.push((name.to_owned(), EnvValue::Secret(value)));
    }

    /// Adds what an environment file says to the server.
    pub fn hand_over(&mut self, file: &EnvFile) {
        let of_server = |name: &str| {
            envs::find(name).is_some_and(|variable| variable.readers.contains(&envs::Reader::Server))
        };
        for entry in file.entries().iter().filter(|entry| of_server(&entry.name)) {
            self.set_secret(&entry.name, entry.value.clone());
        }
    }

    /// Starts what is missing or has changed, and waits until all of it is healthy.
    pub fn up(&self, with_mcp: bool, anew: bool, seconds: u64) -> Command {
        let mut command =
            self.command(with_mcp).args(["up", "--detach", "--wait", "--wait-timeout", &seconds.to_string()]);
        if anew {
            command = command.arg("--force-recreate");
        }
        command.no_deadline()
    }

    /// Stops and removes one service's container, whatever its profile.
    pub fn remove(&self, service: &str) -> Command {
        self.command(true).args(["rm", "--stop", "--force", service])
    }

    /// Stops and removes every container and network of this project, whatever the profile. Volumes stay: those
    /// of a Validibot checkout hold its database.
    pub fn down(&self) -> Command {
        self.bare().args(["down", "--remove-orphans"]).no_deadline()
    }

    /// What compose makes of the files, as JSON, with the environment files that they name read in. It may hold secrets.
    pub fn config(&self) -> Command {
        self.command(true).args(["config", "--format", "json"]).reads()
    }

    /// Every container of the project, one JSON object a line; stopped ones too.
    pub fn ps(&self) -> Command {
        self.bare().args(["ps", "--all", "--format", "json"]).reads()
    }

    /// The containers for people.
    pub fn ps_table(&self) -> Command {
        self.bare().args(["ps", "--all"]).reads()
    }

    /// What the containers wrote.
    pub fn logs(&self, service: Option<&str>, follow: bool, lines: Option<u32>) -> Command {
        let mut command = self.bare().args(["--ansi", "never", "logs", "--no-color"]);
        if follow {
            command = command.arg("--follow");
        }
        if let Some(lines) = lines {
            command = command.args(["--tail", &lines.to_string()]);
        }
        command.args(service).no_deadline().reads()
    }

    /// What one service's containers wrote, line by line as they wrote it, for another program to read.
    pub fn raw_logs(&self, service: &str, follow: bool) -> Command {
        let mut command = self.bare().args(["--ansi", "never", "logs", "--no-color", "--no-log-prefix"]);
        if follow {
            command = command.arg("--follow");
        }
        command.arg(service).no_deadline().reads()
    }

    /// Starts one container of the server's service beside the running one: under this name, without its
    /// published port and without its name on the network.
    pub fn run_beside(&self, container: &str, service: &str) -> Command {
        self.command(true).args(["run", "--detach", "--no-deps", "--name", container, service])
    }

    fn command(&self, with_mcp: bool) -> Command {
        let mut command = self.compose.command().args(["--project-name", &self.name]);
        // Compose would otherwise read a .env file beside the first file.
        command = command.args(["--env-file", "/dev/null"]);
        for file in &self.files {
            command = command.arg("--file").arg(file);
        }
        if with_mcp {
            command = command.args(["--profile", PROFILE]);
        }
        for (name, value) in &self.variables {
            command = match value {
                EnvValue::Plain(value) => command.env(name, value),
                EnvValue::Secret(value) => command.env_secret(name, value.clone()),
                EnvValue::Removed => command.env_remove(name),
            };
        }
        command
    }

    /// By the project's name alone: compose finds the containers by their labels, in whatever state the files are.
    fn bare(&self) -> Command {
        self.compose.command().args(["--project-name", &self.name])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> Project {
        let mut project = Project {
            compose: Compose::Plugin,
            name: "validibot-mcp-local".into(),
            files: vec!["envs/local/compose.yaml".into(), "envs/local/compose.pro.yaml".into()],
            variables: Vec::new(),
        };
        project.set("VALIDIBOT_WEB_PORT", "8000");
        project.set_secret("VALIDIBOT_MCP_SERVICE_KEY", Secret::new("hush"));
        project
    }

    #[test]
    fn secrets_reach_compose_by_environment_only() {
        expect_test::expect![[r#"VALIDIBOT_WEB_PORT=8000 VALIDIBOT_MCP_SERVICE_KEY="$VALIDIBOT_MCP_SERVICE_KEY" docker compose --project-name validibot-mcp-local --env-file /dev/null --file envs/local/compose.yaml --file envs/local/compose.pro.yaml --profile mcp up --detach --wait --wait-timeout 60"#]].assert_eq(&project().up(true, false, 60).render());
    }

    #[test]
    fn what_another_program_reads_has_no_prefix_and_no_escapes() {
        let read = project().raw_logs("mcp", true).render();
        assert!(read.ends_with(" --ansi never logs --no-color --no-log-prefix --follow mcp"), "{read}");
    }

    #[test]
    fn down_takes_every_profile_along_and_needs_no_file() {
        expect_test::expect!["docker compose --project-name validibot-mcp-local down --remove-orphans"]
            .assert_eq(&project().down().render());
    }

    #[test]
    fn the_compose_files_hand_over_every_variable_of_the_server() {
        let local: &[&str] = &["PORT", "VALIDIBOT_MCP_BIND"];
        for (file, text, decided) in [
            ("local", include_str!("../../../envs/local/compose.yaml"), local),
            ("local, over a checkout", include_str!("../../../envs/local/compose.validibot.yaml"), local),
            ("self-hosted", include_str!("../../../envs/production/self-hosted/compose.yaml"), &local[..1]),
        ] {
            let server = envs::VARIABLES.iter().flat_map(|area| area.iter()).filter(|variable| {
                variable.readers.contains(&envs::Reader::Server) && !decided.contains(&variable.name)
            });
            for variable in server {
                let line = format!("      {}:", variable.name);
                assert!(text.lines().any(|l| l.starts_with(&line)), "{file}: {} is missing", variable.name);
            }
        }
    }
}
