//! What a tool call ends in, and how that looks on the wire (contract, D5).

use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock};
use serde_json::{Map, Value};

use super::arguments::Arguments;
use super::error::ToolError;
use super::filter::Filter;
use super::findings::{self, Page};
use super::overview::overview;
use super::{catalogue, definition, left_out, truncate};
use crate::payments::{Challenge, RECEIPT_META, Receipt};
use crate::resources::uri;
use crate::validibot::{Catalogue, Members, RunRef, code};

/// The end of a tool call.
pub(super) enum Outcome {
    /// A result, as a model reads it and as a program does.
    Done {
        /// For the text content: JSON.
        text: String,
        /// The structured content: always an object. The text is this, written.
        structured: Members,
    },
    /// A failure that the agent can read and act on.
    Failed(ToolError),
    /// A payment is due (x402 v2, transports, MCP).
    Challenged(Challenge),
    /// Any of the above, with the receipt of the payment that came along.
    Receipted(Box<Outcome>, Receipt),
}

impl Outcome {
    /// One reading of a run: first what an agent needs, then Validibot's object, without the findings that stand in the
    /// overview. `now` is in seconds since the Unix epoch.
    pub(super) fn run(mut run: Map<String, Value>, page: Page, now: u64) -> Self {
        let mut overview = overview(&run, page, now);
        left_out::add(&mut overview, &run);
        findings::count_only(&mut run);
        run.shift_insert(0, "overview".to_owned(), overview);
        let whole_at = run.get("run_ref").and_then(Value::as_str);
        // What was paid for is no resource.
        let whole_at = whole_at.filter(|text| RunRef::parse(text).is_ok()).map(uri::run);
        Self::object(run, truncate::RUN, whole_at)
    }

    /// A workflow's definition, which may be a resource too, with the call to make now.
    pub(super) fn workflow(mut workflow: Members, next: Option<Value>, resource: bool) -> Self {
        definition::once(&mut workflow);
        if let Some(next) = next {
            workflow.put_first("next", next);
        }
        let reference = workflow.tree("workflow_ref").and_then(Value::as_str).filter(|_| resource);
        let whole_at = reference.map(uri::workflow);
        Self::members(workflow, truncate::WORKFLOW, whole_at)
    }

    /// The catalogue, from an entry on. The text is the structured content, `next` too: many clients show their models the
    /// text alone, and some leave it out where both are the same.
    pub(super) fn catalogue(catalogue: Catalogue, offset: usize, filter: &Filter) -> Self {
        Self::members(catalogue::page(catalogue, offset, filter), &[], None)
    }

    /// Any other object.
    pub(super) fn plain(object: Map<String, Value>) -> Self {
        Self::object(object, &[], None)
    }

    /// An object of members, which is read whole only where it has to be shortened.
    fn members(members: Members, cuts: &[truncate::Cut], whole_at: Option<String>) -> Self {
        let text = members.text();
        if text.len() <= truncate::MAX_BYTES {
            return Self::Done { text, structured: members };
        }
        Self::object(members.into_tree(), cuts, whole_at)
    }

    fn object(mut object: Map<String, Value>, cuts: &[truncate::Cut], whole_at: Option<String>) -> Self {
        // The page for people leaves out what programs need.
        let whole_at = whole_at.map(|uri| format!("{uri}.json"));
        let text = truncate::fit(&mut object, cuts, whole_at);
        Self::Done { text, structured: object.into() }
    }

    /// The same, with what there is to say of the call's arguments: where an agent reads first.
    pub(super) fn noting(self, arguments: Arguments) -> Self {
        match arguments.note() {
            None => self,
            Some(note) => self.with_note(&note),
        }
    }

    fn with_note(self, note: &str) -> Self {
        match self {
            Self::Done { mut structured, .. } => {
                if let Some(Value::Object(overview)) = structured.tree_mut("overview") {
                    let before =
                        overview.get("note").and_then(Value::as_str).map(|before| format!("{before} "));
                    let note = format!("{}{note}", before.unwrap_or_default());
                    overview.insert("note".to_owned(), note.into());
                } else {
                    structured.put_first("note", Value::from(note));
                }
                Self::done(structured)
            }
            Self::Receipted(outcome, receipt) => Self::Receipted(Box::new(outcome.with_note(note)), receipt),
            Self::Failed(_) | Self::Challenged(_) => self,
        }
    }

    fn done(structured: Members) -> Self {
        Self::Done { text: structured.text(), structured }
    }

    /// For the log.
    pub(super) fn code(&self) -> &str {
        match self {
            Self::Done { .. } => "OK",
            Self::Failed(error) => error.code(),
            Self::Challenged(_) => code::PAYMENT_REQUIRED,
            Self::Receipted(outcome, _) => outcome.code(),
        }
    }

    pub(super) fn into_response(self) -> CallToolResponse {
        self.into_result().into()
    }

    fn into_result(self) -> CallToolResult {
        let (mut result, structured) = match self {
            Self::Done { text, structured } => (
                CallToolResult::success(vec![ContentBlock::text(text)]),
                Value::Object(structured.into_tree()),
            ),
            Self::Failed(error) => {
                let payload = error.into_payload();
                (CallToolResult::error(vec![ContentBlock::text(payload.to_string())]), payload)
            }
            // The same twice: as structured content and as text.
            Self::Challenged(challenge) => return CallToolResult::structured_error(challenge.into_value()),
            Self::Receipted(outcome, receipt) => {
                let mut result = outcome.into_result();
                let mut meta = result.meta.take().unwrap_or_default();
                meta.insert(RECEIPT_META.to_owned(), receipt.as_value().clone());
                result.meta = Some(meta);
                return result;
            }
        };
        result.structured_content = Some(structured);
        result
    }
}
