//! Reads variables one by one, remembers where each came from, and collects what is wrong.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use envs::file::Assignment;
use envs::{Fallback, Kind, Reader, Required, VARIABLES, Variable};
use rmcp::model::ProtocolVersion;
use secrecy::SecretString;

use super::Backend;
use super::origin::WebOrigin;
use super::problem::{Problem, Problems};
use super::url::BaseUrl;
use crate::base::env::Env;

/// The process environment over the settings file.
pub(super) struct Source<'a> {
    env: &'a dyn Env,
    path: PathBuf,
    file: Vec<Assignment>,
    problems: Vec<Problem>,
    oddities: Vec<String>,
}

struct Found {
    value: String,
    origin: Option<String>,
}

impl<'a> Source<'a> {
    pub(super) fn open(env: &'a dyn Env, path: &Path) -> Self {
        let mut source =
            Self { env, path: path.to_owned(), file: Vec::new(), problems: Vec::new(), oddities: Vec::new() };
        match std::fs::read(path) {
            Ok(bytes) => match envs::file::parse_bytes(&bytes) {
                Ok(file) => source.file = file,
                Err(errors) => source.problems.extend(errors.into_iter().map(|error| Problem {
                    origin: Some(format!("{}:{}", path.display(), error.line)),
                    message: error.to_string(),
                })),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => source.problems.push(Problem {
                origin: Some(path.display().to_string()),
                message: format!("cannot be read: {error}"),
            }),
        }
        source
    }

    /// What was noted, and keys of the file that no program of ours reads: odd, but no reason to refuse to start.
    pub(super) fn warnings(&self) -> Vec<String> {
        let ours =
            || VARIABLES.iter().flat_map(|area| area.iter()).filter(|v| v.readers.contains(&Reader::Server));
        let unknown =
            self.file.iter().filter(|line| !ours().any(|variable| variable.name == line.key())).map(|line| {
                let hint = envs::closest(line.key(), ours().map(|variable| variable.name))
                    .map_or_else(String::new, |name| format!("; did you mean {name}?"));
                format!(
                    "{}:{}: {} is not a setting of this server{hint}",
                    self.path.display(),
                    line.line(),
                    line.key()
                )
            });
        unknown.chain(self.oddities.iter().cloned()).collect()
    }

    pub(super) fn into_problems(self) -> Option<Problems> {
        (!self.problems.is_empty()).then_some(Problems(self.problems))
    }

    /// A value that is set and not blank; a required variable that is missing is noted.
    pub(super) fn text(&mut self, variable: &Variable) -> Option<String> {
        self.found(variable).map(|found| found.value)
    }

    /// A secret, which is often pasted together with what stood around it: quotes that Docker's `--env-file` keeps would be
    /// part of it, and nothing would tell why nobody accepts it.
    pub(super) fn secret(&mut self, variable: &Variable) -> Option<SecretString> {
        let found = self.found(variable)?;
        let quoted = ['"', '\''].into_iter().any(|quote| {
            found.value.len() > 1 && found.value.starts_with(quote) && found.value.ends_with(quote)
        });
        let read = if quoted {
            Err("is in quotes, which would be part of the value: remove them".to_owned())
        } else {
            Ok(SecretString::from(found.value))
        };
        self.checked(variable, found.origin, read)
    }

    /// Like [`Self::text`], but a blank value is a value: it switches the default off.
    pub(super) fn text_or_blank(&mut self, variable: &Variable) -> String {
        self.raw(variable).map(|found| found.value).or_else(|| fallback(variable)).unwrap_or_default()
    }

    pub(super) fn base_url(&mut self, variable: &Variable) -> Option<BaseUrl> {
        let found = self.found(variable)?;
        self.checked(variable, found.origin, BaseUrl::parse(&found.value))
    }

    /// A switch. Blank is an error here, as in the system we replace: a kill switch must not be guessed.
    pub(super) fn switch(&mut self, variable: &Variable) -> Option<bool> {
        debug_assert_eq!(variable.kind, Kind::Switch);
        let Some(found) = self.raw(variable) else {
            return fallback(variable).as_deref().and_then(envs::parse_switch);
        };
        let read = envs::parse_switch(&found.value).ok_or_else(|| "is neither true nor false".to_owned());
        self.checked(variable, found.origin, read)
    }

    pub(super) fn log_level(&mut self, variable: &Variable) -> Option<tracing::Level> {
        let found = self.found(variable)?;
        let level = match found.value.to_ascii_uppercase().as_str() {
            "TRACE" => Ok(tracing::Level::TRACE),
            "DEBUG" => Ok(tracing::Level::DEBUG),
            "INFO" => Ok(tracing::Level::INFO),
            "WARN" | "WARNING" => Ok(tracing::Level::WARN),
            "ERROR" | "CRITICAL" => Ok(tracing::Level::ERROR),
            other => Err(format!("is {other:?}: use DEBUG, INFO, WARNING or ERROR")),
        };
        self.checked(variable, found.origin, level)
    }

    pub(super) fn backend(&mut self, variable: &Variable) -> Option<Backend> {
        let found = self.found(variable)?;
        let backend = match found.value.to_ascii_lowercase().as_str() {
            "auto" => Ok(Backend::Auto),
            "helper" => Ok(Backend::Helper),
            "rest" => Ok(Backend::Rest),
            other => Err(format!("is {other:?}: use auto, helper or rest")),
        };
        self.checked(variable, found.origin, backend)
    }

    pub(super) fn protocol_version(&mut self, variable: &Variable) -> Option<ProtocolVersion> {
        let found = self.found(variable)?;
        let known = ProtocolVersion::KNOWN_VERSIONS;
        let version =
            known.iter().find(|known| known.as_str() == found.value.trim()).cloned().ok_or_else(|| {
                let known: Vec<&str> = known.iter().map(ProtocolVersion::as_str).collect();
                format!("is no protocol version: use one of {}", known.join(", "))
            });
        self.checked(variable, found.origin, version)
    }

    pub(super) fn parsed<T: FromStr>(&mut self, variable: &Variable, form: &str) -> Option<T> {
        let found = self.found(variable)?;
        let parsed = found.value.trim().parse().map_err(|_| format!("is not {form}"));
        self.checked(variable, found.origin, parsed)
    }

    /// The entries of a comma-separated list, trimmed, blank ones left out.
    pub(super) fn list(&mut self, variable: &Variable) -> Vec<String> {
        let text = self.text(variable).unwrap_or_default();
        text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
    }

    /// A list of web origins.
    pub(super) fn origins(&mut self, variable: &Variable) -> Vec<WebOrigin> {
        let mut origins = Vec::new();
        for entry in self.list(variable) {
            match WebOrigin::parse(&entry) {
                Ok(origin) => origins.push(origin),
                Err(problem) => self.refuse(variable, &format!("holds {entry:?}, which {problem}")),
            }
        }
        origins
    }

    /// Notes that the value of a variable will not do; `problem` continues the sentence that its name begins.
    pub(super) fn refuse(&mut self, variable: &Variable, problem: &str) {
        let origin = self.raw(variable).and_then(|found| found.origin);
        self.problems.push(Problem { origin, message: format!("{} {problem}", variable.name) });
    }

    /// Notes what is odd about a variable, and no reason to refuse to start; `oddity` continues the sentence that its name begins.
    pub(super) fn warn(&mut self, variable: &Variable, oddity: &str) {
        let text = format!("{} {oddity}", variable.name);
        if !self.oddities.contains(&text) {
            self.oddities.push(text);
        }
    }

    /// Notes that a variable has to be set in the present case.
    pub(super) fn missing(&mut self, variable: &Variable, why: &str) {
        self.problems.push(Problem {
            origin: None,
            message: format!("{} is not set, and {why}: {}", variable.name, variable.doc),
        });
    }

    fn checked<T>(
        &mut self,
        variable: &Variable,
        origin: Option<String>,
        read: Result<T, String>,
    ) -> Option<T> {
        read.map_err(|problem| {
            self.problems.push(Problem { origin, message: format!("{} {problem}", variable.name) });
        })
        .ok()
    }

    /// What is set and not blank, else the default; notes a missing required variable and a placeholder.
    fn found(&mut self, variable: &Variable) -> Option<Found> {
        match self.raw(variable) {
            Some(found) if Variable::is_placeholder(&found.value) => {
                self.problems.push(Problem {
                    origin: found.origin,
                    message: format!(
                        "{} still holds the template's placeholder: set the real value",
                        variable.name
                    ),
                });
                None
            }
            // No value of ours has blanks or line ends around it; a file that holds a secret often ends with one.
            Some(found) if !found.value.trim().is_empty() => {
                Some(Found { value: found.value.trim().to_owned(), origin: found.origin })
            }
            _ => {
                let value = fallback(variable);
                if value.is_none() && variable.required == Required::Always {
                    self.missing(variable, "the server cannot start without it");
                }
                value.map(|value| Found { value, origin: None })
            }
        }
    }

    /// What is set, blank or not: the process environment first, then the file's last line for it.
    fn raw(&self, variable: &Variable) -> Option<Found> {
        if let Some(value) = self.env.get(variable.name) {
            return Some(Found { value, origin: Some("the environment".to_owned()) });
        }
        self.file.iter().rev().find(|line| line.key() == variable.name).map(|line| Found {
            value: line.value().to_owned(),
            origin: Some(format!("{}:{}", self.path.display(), line.line())),
        })
    }
}

fn fallback(variable: &Variable) -> Option<String> {
    match variable.fallback {
        Fallback::Value(value) => Some(value.to_owned()),
        Fallback::Nothing | Fallback::Derived(_) => None,
    }
}
