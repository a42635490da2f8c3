//! The Docker engine and compose: whether they are there, and new enough.

use std::path::Path;

use crate::config::context::Context;
use crate::config::env::Environment;
use crate::core::command::Command;
use crate::core::error::{Error, Result};
use crate::core::runner::Streams;

/// The first engine whose `docker build` is `BuildKit`, which our Dockerfile needs.
const OLDEST_ENGINE: Version = Version(23, 0);

/// The first compose that knows `!override`, by which our file replaces a service of another one as a whole.
const OLDEST_COMPOSE: Version = Version(2, 24);

/// How compose is called on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compose {
    /// `docker compose`.
    Plugin,
    /// `docker-compose`.
    Standalone,
}

/// The parts of a version that we compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

impl Compose {
    /// The start of a command.
    pub fn command(self) -> Command {
        match self {
            Self::Plugin => Command::new("docker").arg("compose"),
            Self::Standalone => Command::new("docker-compose"),
        }
    }
}

/// Why docker cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineError {
    /// There is no docker on the `PATH`.
    NoDocker,
    /// Docker is here, its engine does not answer; docker's own words.
    NoEngine(String),
    /// The engine or compose is too old, or says no version that is known here.
    TooOld(String),
    /// There is neither `docker compose` nor `docker-compose`.
    NoCompose,
}

/// An engine that answers and a compose beside it, both new enough; else what is wrong and what to do.
pub fn require(context: &Context) -> Result<Compose> {
    examine(context)?.map_err(EngineError::into_error)
}

/// Whether docker can be used at all, for a choice that must not fail.
pub fn is_usable(context: &Context) -> bool {
    require(context).is_ok()
}

/// Checks docker, its engine and compose in turn: each needs the one before it.
///
/// It is an error when docker does not end in time or is interrupted.
pub fn examine(context: &Context) -> Result<std::result::Result<Compose, EngineError>> {
    if !on_path(&context.environment, "docker") {
        return Ok(Err(EngineError::NoDocker));
    }
    let version = Command::new("docker").args(["version", "--format", "{{.Server.Version}}"]).reads();
    let outcome = context.runner.run(&version, Streams::Captured)?;
    if outcome.code != 0 {
        let said = outcome.stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        return Ok(Err(EngineError::NoEngine(said.trim().to_owned())));
    }
    let found = server_version(outcome.stdout.trim());
    if let Err(trouble) = recent_enough("the Docker engine", &found, OLDEST_ENGINE) {
        return Ok(Err(trouble));
    }
    compose(context)
}

fn compose(context: &Context) -> Result<std::result::Result<Compose, EngineError>> {
    let mut trouble = EngineError::NoCompose;
    for compose in [Compose::Plugin, Compose::Standalone] {
        if compose == Compose::Standalone && !on_path(&context.environment, "docker-compose") {
            continue;
        }
        let outcome =
            context.runner.run(&compose.command().args(["version", "--short"]).reads(), Streams::Captured)?;
        if outcome.code == 0 {
            match recent_enough("docker compose", outcome.stdout.trim(), OLDEST_COMPOSE) {
                Ok(()) => return Ok(Ok(compose)),
                Err(too_old) => trouble = too_old,
            }
        }
    }
    Ok(Err(trouble))
}

/// The engine's version in an answer. Some clients and wrappers answer with the whole account as JSON, whatever form is
/// asked for.
fn server_version(answer: &str) -> String {
    let document: serde_json::Value = serde_json::from_str(answer).unwrap_or_default();
    let version = document["Server"]["Version"].as_str().or_else(|| document["Server"]["version"].as_str());
    version.unwrap_or(answer).to_owned()
}

fn recent_enough(what: &str, found: &str, oldest: Version) -> std::result::Result<(), EngineError> {
    match Version::parse(found) {
        Some(version) if version >= oldest => Ok(()),
        Some(_) => Err(EngineError::TooOld(format!("{what} is too old: {found}; {oldest} is needed"))),
        None => {
            Err(EngineError::TooOld(format!("{what} reports the version '{found}', which cannot be parsed")))
        }
    }
}

impl EngineError {
    /// What is wrong, and what to do about it.
    pub fn into_error(self) -> Error {
        match self {
            Self::NoDocker => {
                Error::failed("docker is not on the PATH").hint("install Docker with buildx and compose")
            }
            Self::NoEngine(said) => Error::failed("the Docker engine does not answer")
                .cause(said)
                .hint("start it, such as with: systemctl start docker"),
            Self::TooOld(what) => Error::failed(what).hint("upgrade it"),
            Self::NoCompose => Error::failed("docker compose is not installed")
                .cause("neither `docker compose` nor `docker-compose` answers")
                .hint(format!("install the compose plugin, {OLDEST_COMPOSE} or newer")),
        }
    }
}

/// Whether a program of this name is on the `PATH`.
pub fn on_path(environment: &Environment, name: &str) -> bool {
    let path = environment.get("PATH").unwrap_or_default();
    std::env::split_paths(path).any(|folder| is_program(&folder.join(name)))
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

impl Version {
    /// Reads `26.1.5+dfsg1`, `v2.39.2` and the like.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim_start_matches('v').split(|c: char| !c.is_ascii_digit());
        Some(Self(parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_their_makers_write_them() {
        for (text, version) in [
            ("26.1.5+dfsg1", Version(26, 1)),
            ("v2.39.2", Version(2, 39)),
            ("2.26.1-4", Version(2, 26)),
            ("1.29.2", Version(1, 29)),
        ] {
            assert_eq!(Version::parse(text), Some(version), "{text}");
        }
        assert_eq!(Version::parse("dev"), None);
    }

    #[test]
    fn the_engine_s_version_is_found_in_an_account_of_everything() {
        assert_eq!(server_version("26.1.5+dfsg1"), "26.1.5+dfsg1");
        let account = r#"{"Client": {"Version": "20.10.1"}, "Server": {"Version": "26.1.5"}}"#;
        assert_eq!(server_version(account), "26.1.5");
    }

    #[test]
    fn a_version_that_is_too_old_is_named_with_what_is_needed() {
        assert!(recent_enough("docker compose", "2.26.1-4", OLDEST_COMPOSE).is_ok());
        let error = recent_enough("docker compose", "1.29.2", OLDEST_COMPOSE).unwrap_err().into_error();
        expect_test::expect![[r"
            docker compose is too old: 1.29.2; 2.24 is needed
            hint: upgrade it"]]
        .assert_eq(&error.to_string());
    }
}
