//! Where a command is carried out, for people and for programs.

use std::fmt;

use serde::Serialize;

use crate::config::stage::Names;

/// A stage in its project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Scope {
    stage: &'static str,
    project: String,
    region: String,
    /// Where images are pushed to; `None` where none is.
    registry: Option<String>,
    /// The commit that is deployed, in short; `None` where it is about none.
    commit: Option<String>,
}

impl Scope {
    /// The stage of these names.
    pub(super) fn of(names: &Names) -> Self {
        let (project, region) = (names.project().to_owned(), names.region().to_owned());
        Self { stage: names.stage().name(), project, region, registry: None, commit: None }
    }

    /// Adds the commit.
    #[must_use]
    pub(super) fn commit(self, commit: impl Into<String>) -> Self {
        Self { commit: Some(commit.into()), ..self }
    }

    /// Adds the registry.
    #[must_use]
    pub(super) fn registry(self, registry: impl Into<String>) -> Self {
        Self { registry: Some(registry.into()), ..self }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stage, project, region, registry, commit } = self;
        write!(f, "{stage} in project {project}, {region}")?;
        if let Some(registry) = registry {
            write!(f, ", to {registry}")?;
        }
        commit.iter().try_for_each(|commit| write!(f, ": commit {commit}"))
    }
}
