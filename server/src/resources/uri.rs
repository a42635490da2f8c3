//! `validibot://workflows/<workflow_ref>` and `validibot://runs/<run_ref>`, each with `.json` for programs.

use crate::validibot::{RunRef, WorkflowRef};

/// What a URI names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Workflow(WorkflowRef),
    Run(RunRef),
}

/// How it is to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Markdown,
    Json,
}

/// The URI of a workflow.
pub(crate) fn workflow(reference: &str) -> String {
    format!("validibot://workflows/{reference}")
}

/// The URI of a run.
pub(crate) fn run(reference: &str) -> String {
    format!("validibot://runs/{reference}")
}

/// `None` where it is no resource of ours.
pub(super) fn parse(text: &str) -> Option<(Subject, Form)> {
    let (text, form) = match text.strip_suffix(".json") {
        Some(text) => (text, Form::Json),
        None => (text, Form::Markdown),
    };
    let subject = if let Some(reference) = text.strip_prefix("validibot://workflows/") {
        Subject::Workflow(WorkflowRef::parse(reference).ok()?)
    } else {
        Subject::Run(RunRef::parse(text.strip_prefix("validibot://runs/")?).ok()?)
    };
    Some((subject, form))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validibot::run_ref;

    #[test]
    fn what_we_make_we_read_and_nothing_else() {
        let workflow_ref = WorkflowRef::new("acme", "energy");
        let run = run(&run_ref("acme", "ea71cf20-ed08-4db4-84e3-5b631a6acf2d"));
        assert_eq!(
            parse(&workflow(&workflow_ref.to_string())),
            Some((Subject::Workflow(workflow_ref), Form::Markdown))
        );
        assert!(matches!(parse(&format!("{run}.json")), Some((Subject::Run(_), Form::Json))));
        for text in ["", "validibot://runs/", "validibot://workflows/../x", "file:///etc/passwd", "test://x"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
