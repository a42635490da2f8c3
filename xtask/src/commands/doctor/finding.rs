//! What was found, for people and for programs.

use std::fmt::{self, Write as _};
use std::path::PathBuf;

use serde::Serialize;

use crate::config::env::{Location, Origin};
use crate::config::stage::Target;
use crate::core::output::Tone;

/// Version of the JSON report. Fields may be added under the same number; anything else raises it.
const SCHEMA_VERSION: u32 = 1;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    /// It cannot work like this.
    Error,
    /// It works, but needs attention.
    Warning,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// Never changes: programs know the finding by it.
    pub(super) code: &'static str,
    pub(super) severity: Severity,
    /// What is wrong.
    pub(super) what: String,
    /// What follows from it.
    pub(super) why: String,
    /// Where it is.
    #[serde(flatten)]
    pub(super) place: Place,
    /// A command, or what to write.
    pub(super) fix: String,
}

/// Where something is wrong: for people a text, for programs the file and its line, too, where it is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Place {
    /// A file with its line, a program, a port, a resource of the project.
    #[serde(rename = "where")]
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
}

impl From<Location> for Place {
    fn from(location: Location) -> Self {
        Self { text: location.to_string(), line: location.line, file: Some(location.path) }
    }
}

impl From<Origin> for Place {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::File(location) => location.into(),
            elsewhere => elsewhere.to_string().into(),
        }
    }
}

impl From<String> for Place {
    fn from(text: String) -> Self {
        Self { text, file: None, line: None }
    }
}

impl From<&str> for Place {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Finding {
    /// It cannot work like this: `what` is wrong at `place`, `why` follows from it, `fix` mends it.
    pub(super) fn error(
        code: &'static str,
        what: impl Into<String>,
        why: impl Into<String>,
        place: impl Into<Place>,
        fix: impl Into<String>,
    ) -> Self {
        let (what, why, place, fix) = (what.into(), why.into(), place.into(), fix.into());
        Self { code, severity: Severity::Error, what, why, place, fix }
    }

    /// It works for now.
    #[must_use]
    pub(super) fn into_warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }
}

/// Everything that is wrong with a stage.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    schema_version: u32,
    stage: &'static str,
    ok: bool,
    findings: Vec<Finding>,
    #[serde(skip)]
    looked_at: &'static str,
}

impl Report {
    /// `looked_at` is what a report without findings is about.
    pub(super) fn new(stage: Target, looked_at: &'static str, findings: Vec<Finding>) -> Self {
        let ok = findings.is_empty();
        Self { schema_version: SCHEMA_VERSION, stage: stage.name(), ok, findings, looked_at }
    }

    pub(super) fn text(&self) -> String {
        if self.ok {
            return format!(
                "{}: {} is wrong with {}\n\
                 To check it from outside: cargo xtask diagnose --stage {}\n",
                self.stage,
                Tone::Good.paint("nothing"),
                self.looked_at,
                self.stage
            );
        }
        let mut text = String::new();
        for Finding { severity, what, why, place, fix, .. } in &self.findings {
            let kind = match severity {
                Severity::Error => Tone::Bad.paint("error:"),
                Severity::Warning => Tone::Careful.paint("warning:"),
            };
            let fix = format!("{}   {fix}", Tone::Hint.paint("fix:"));
            let _ = write!(text, "{kind} {what}\n  where: {place}\n  why:   {why}\n  {fix}\n");
        }
        text
    }
}
