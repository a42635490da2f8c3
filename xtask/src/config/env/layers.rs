//! What overrides what: the process environment, then files in order, then the table's default.

use std::fmt;

use envs::{Fallback, Variable};

use super::{EnvFile, Environment, Location};
use crate::core::error::{Error, Result};
use crate::core::secret::Secret;

/// The layers that a command reads its variables from, the strongest first.
pub struct Layers<'a> {
    environment: &'a Environment,
    files: Vec<&'a EnvFile>,
}

/// A value and where it comes from.
#[derive(Debug, Clone)]
pub struct Found {
    /// The value; whether it may be shown is the variable's to say.
    pub value: Secret,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The process environment: the command line, or what the shell exports.
    Process,
    /// A line of a file.
    File(Location),
    /// The table's default.
    Default,
}

impl<'a> Layers<'a> {
    /// The process environment over these files; the first file is the stronger one.
    pub fn new(environment: &'a Environment, files: impl IntoIterator<Item = &'a EnvFile>) -> Self {
        Self { environment, files: files.into_iter().collect() }
    }

    /// Every place that sets the variable, the one in force first; the default comes last.
    pub fn all(&self, variable: &Variable) -> Vec<Found> {
        let mut found = Vec::new();
        if let Some(value) = self.environment.get(variable.name) {
            found.push(Found { value: Secret::new(value), origin: Origin::Process });
        }
        for file in &self.files {
            if let Some(entry) = file.get(variable.name) {
                found.push(Found { value: entry.value.clone(), origin: file.at(entry).into() });
            }
        }
        if let Fallback::Value(value) = variable.fallback {
            found.push(Found { value: Secret::new(value), origin: Origin::Default });
        }
        found
    }

    /// The value in force.
    pub fn get(&self, variable: &Variable) -> Option<Found> {
        self.all(variable).into_iter().next()
    }

    /// The value in force, or an error that says where to put it. Empty and placeholder count as missing.
    pub fn require(&self, variable: &Variable) -> Result<Found> {
        let file = self.files.last().map(|file| file.path().display().to_string());
        match self.get(variable) {
            Some(found) if Variable::is_placeholder(found.value.expose()) => {
                Err(Error::usage(format!("{} still holds the template's placeholder", variable.name))
                    .origin(found.origin.to_string())
                    .hint(format!("put the real value there: {}", variable.doc)))
            }
            Some(found) if !found.value.expose().trim().is_empty() => Ok(found),
            _ => {
                let error = Error::usage(format!("{} is not set", variable.name)).cause(variable.doc);
                Err(match file {
                    Some(file) => error.hint(format!("add {}=… to {file}", variable.name)),
                    None => error.hint(format!("set {} in the environment", variable.name)),
                })
            }
        }
    }
}

impl From<Location> for Origin {
    fn from(location: Location) -> Self {
        Self::File(location)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process => f.write_str("the process environment"),
            Self::File(location) => location.fmt(f),
            Self::Default => f.write_str("the default"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_process_environment_wins_over_files_and_files_over_the_default() {
        let variable = envs::find("GCP_REGION").unwrap();
        let file = EnvFile::parse(Path::new(".gcp"), "\nGCP_REGION=europe-west1\n").unwrap();
        let origins = |environment: &Environment, files: Vec<&EnvFile>| {
            Layers::new(environment, files)
                .all(variable)
                .into_iter()
                .map(|found| format!("{} from {}", found.value.expose(), found.origin))
                .collect::<Vec<_>>()
        };
        let (empty, set) = (Environment::default(), [("GCP_REGION", "asia-east1")].into_iter().collect());
        assert_eq!(
            origins(&set, vec![&file]),
            [
                "asia-east1 from the process environment",
                "europe-west1 from .gcp:2",
                "us-central1 from the default"
            ]
        );
        assert_eq!(origins(&empty, vec![]), ["us-central1 from the default"]);
    }

    #[test]
    fn what_is_missing_is_named_with_the_file_to_put_it_in() {
        let file = EnvFile::parse(Path::new(".gcp"), "GCP_PROJECT_ID='<the project>'").unwrap();
        let environment = Environment::default();
        let variable = envs::find("GCP_PROJECT_ID").unwrap();
        let left_in = Layers::new(&environment, [&file]).require(variable).unwrap_err();
        assert!(left_in.to_string().contains("placeholder\n  from: .gcp:1"), "{left_in}");
        let empty = EnvFile::parse(Path::new(".gcp"), "").unwrap();
        let missing = Layers::new(&environment, [&empty]).require(variable).unwrap_err();
        assert!(missing.to_string().contains("hint: add GCP_PROJECT_ID=… to .gcp"), "{missing}");
    }
}
