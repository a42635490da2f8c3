//! Workflows and runs as MCP resources: Markdown for people, JSON for programs.

mod markdown;
mod report;
pub(crate) mod uri;

use rmcp::ErrorData;
use rmcp::model::{
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource, ResourceContents,
    ResourceTemplate,
};
use serde_json::{Value, json};

use self::uri::{Form, Subject};
use crate::base::visible::visible;
use crate::caller::Caller;
use crate::validibot::{ApiError, Validibot, code};

const MARKDOWN: &str = "text/markdown";
const JSON: &str = "application/json";
/// How much of a URI that names nothing is repeated.
const MAX_URI_CHARS: usize = 256;

/// One resource for each workflow that the caller can see.
pub(crate) async fn list(api: &Validibot, caller: &Caller) -> Result<ListResourcesResult, ErrorData> {
    let workflows = api.workflows(caller).await.map_err(|error| failed(&error))?;
    let text = |workflow: &Value, key: &str| {
        workflow.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let resources = workflows.iter().filter_map(|workflow| {
        let reference = workflow.get("workflow_ref")?.as_str()?;
        let name = format!("{}/{}", text(workflow, "org_slug"), text(workflow, "slug"));
        let resource = Resource::new(uri::workflow(reference), name)
            .with_title(title(&text(workflow, "name"), &text(workflow, "org_name")))
            .with_description(visible(&text(workflow, "description")))
            .with_mime_type(MARKDOWN);
        Some(resource)
    });
    Ok(ListResourcesResult::with_all_items(resources.collect()))
}

/// Two organisations may have workflows of one name.
fn title(name: &str, org: &str) -> String {
    let title = if org.is_empty() { name.to_owned() } else { format!("{name} ({org})") };
    visible(&title)
}

/// How to make the URI of any workflow or run.
pub(crate) fn templates() -> ListResourceTemplatesResult {
    let of = |subject: &str, reference: &str, title: &str| {
        let base = format!("validibot://{subject}/{{{reference}}}");
        [
            ResourceTemplate::new(&base, subject).with_title(title).with_mime_type(MARKDOWN),
            ResourceTemplate::new(format!("{base}.json"), format!("{subject}-json"))
                .with_title(format!("{title}, as JSON"))
                .with_mime_type(JSON),
        ]
    };
    let workflows = of("workflows", "workflow_ref", "A workflow's definition");
    let runs = of("runs", "run_ref", "A run's report");
    ListResourceTemplatesResult::with_all_items(workflows.into_iter().chain(runs).collect())
}

/// Reads one resource. `now` is in seconds since the Unix epoch.
pub(crate) async fn read(
    api: &Validibot,
    caller: &Caller,
    text: &str,
    now: u64,
) -> Result<ReadResourceResult, ErrorData> {
    let Some((subject, form)) = uri::parse(text) else {
        return Err(ErrorData::resource_not_found(
            "There is no such resource. resources/templates/list shows what there is",
            Some(json!({ "uri": text.chars().take(MAX_URI_CHARS).collect::<String>() })),
        ));
    };
    let object = match &subject {
        Subject::Workflow(reference) => api.workflow(caller, reference).await,
        Subject::Run(reference) => api.run(caller, reference, None).await,
    }
    .map_err(|error| failed(&error))?;
    let (body, mime) = match (form, &subject) {
        (Form::Json, _) => (Value::Object(object).to_string(), JSON),
        (Form::Markdown, Subject::Workflow(_)) => (report::workflow(&object), MARKDOWN),
        (Form::Markdown, Subject::Run(_)) => (report::run(&object, now), MARKDOWN),
    };
    Ok(ReadResourceResult::new(vec![ResourceContents::text(body, text).with_mime_type(mime)]))
}

/// Resources have no error results: what a tool would say in one is a protocol error here.
fn failed(error: &ApiError) -> ErrorData {
    let data = Some(json!({ "code": error.code, "data": error.data() }));
    match error.code.as_ref() {
        code::NOT_FOUND => ErrorData::resource_not_found(error.message.clone(), data),
        _ => ErrorData::internal_error(error.message.clone(), data),
    }
}
