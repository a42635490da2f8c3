//! What one step of a run came to.

use serde::Serialize;
use serde_json::Value;

/// A step's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Verdict {
    Passed,
    Failed,
    /// An earlier step failed.
    Skipped,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Severity {
    Warning,
    Error,
}

/// A finding before it has an id.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finding {
    pub(crate) message: String,
    pub(crate) path: String,
    pub(crate) severity: Severity,
    pub(crate) code: String,
    pub(crate) assertion_id: Option<i64>,
    pub(crate) failed_rows: Option<FailedRows>,
}

/// A finding on the wire; the order of the fields is the order there.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Issue {
    pub(crate) id: i64,
    pub(crate) message: String,
    pub(crate) path: String,
    pub(crate) severity: Severity,
    pub(crate) code: String,
    pub(crate) assertion_id: Option<i64>,
    pub(crate) failed_rows: Option<FailedRows>,
}

/// The rows of a table that break one rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct FailedRows {
    pub(crate) sample_rows: Vec<Value>,
    pub(crate) count: usize,
    pub(crate) truncated: bool,
}

/// A number that a step computed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct OutputValue {
    pub(crate) slug: &'static str,
    pub(crate) label: &'static str,
    pub(crate) value: f64,
    pub(crate) formatted_value: String,
    pub(crate) units: &'static str,
}

/// One step's outcome. Its findings are numbered when the run is stored.
#[derive(Debug, Clone)]
pub(crate) struct Outcome<F = Finding> {
    pub(crate) step_id: i64,
    pub(crate) name: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) findings: Vec<F>,
    pub(crate) output_values: Vec<OutputValue>,
    /// When the step ends, as a share of the run's length.
    pub(crate) ends_at: f64,
}

impl Outcome {
    /// Passed, unless a finding is an error.
    pub(crate) fn judged(step_id: i64, name: &'static str, findings: Vec<Finding>) -> Self {
        let failed = findings.iter().any(|finding| finding.severity == Severity::Error);
        let verdict = if failed { Verdict::Failed } else { Verdict::Passed };
        Self { step_id, name, verdict, findings, output_values: Vec::new(), ends_at: 1.0 }
    }

    /// Not run, because an earlier step failed.
    pub(crate) const fn skipped(step_id: i64, name: &'static str) -> Self {
        Self {
            step_id,
            name,
            verdict: Verdict::Skipped,
            findings: Vec::new(),
            output_values: Vec::new(),
            ends_at: 1.0,
        }
    }

    pub(crate) const fn ending_at(mut self, share: f64) -> Self {
        self.ends_at = share;
        self
    }
}

impl Finding {
    /// An error at a place.
    pub(crate) fn error(path: impl Into<String>, code: impl Into<String>, message: String) -> Self {
        let (path, code) = (path.into(), code.into());
        Self { message, path, severity: Severity::Error, code, assertion_id: None, failed_rows: None }
    }

    /// The same, found by this assertion with its severity.
    pub(crate) const fn of_assertion(mut self, id: i64, severity: Severity) -> Self {
        self.assertion_id = Some(id);
        self.severity = severity;
        self
    }

    pub(crate) fn numbered(self, id: i64) -> Issue {
        let Self { message, path, severity, code, assertion_id, failed_rows } = self;
        Issue { id, message, path, severity, code, assertion_id, failed_rows }
    }
}
