//! The suite's tools.

use std::time::Duration;

use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, LoggingLevel,
    LoggingMessageNotificationParam, ProgressNotificationParam, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Value, json};

use crate::interviews;

/// One red pixel, as PNG.
pub(crate) const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
/// A WAV without any sample.
const SILENCE: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";
/// Between notifications, as the suite asks: so that they arrive one by one.
const PAUSE: Duration = Duration::from_millis(50);

/// What answers at once with content of a kind: name, content and whether it is an error.
fn answers() -> [(&'static str, Value, bool); 10] {
    let text = |text: &str| json!([{ "type": "text", "text": text }]);
    let image = json!({ "type": "image", "data": PIXEL, "mimeType": "image/png" });
    let resource = |uri: &str, mime: &str, text: &str| json!({ "type": "resource", "resource": { "uri": uri, "mimeType": mime, "text": text } });
    [
        ("test_simple_text", text("This is a simple text response for testing."), false),
        ("test_image_content", json!([image]), false),
        ("test_audio_content", json!([{ "type": "audio", "data": SILENCE, "mimeType": "audio/wav" }]), false),
        (
            "test_embedded_resource",
            json!([resource(
                "test://embedded-resource",
                "text/plain",
                "This is an embedded resource content."
            )]),
            false,
        ),
        (
            "test_multiple_content_types",
            json!([
                { "type": "text", "text": "Multiple content types test:" },
                image,
                resource("test://mixed-content-resource", "application/json", r#"{"test":"data","value":123}"#),
            ]),
            false,
        ),
        ("test_error_handling", text("This tool intentionally returns an error for testing"), true),
        ("json_schema_2020_12_tool", text("It is the schema that counts."), false),
        ("test_reconnection", text("There is no stream to come back to."), false),
        ("test_trigger_tool_change", text("They were told."), false),
        ("test_trigger_prompt_change", text("They were told."), false),
    ]
}

/// What does something before it answers.
const BUSY: [&str; 5] = [
    "test_tool_with_logging",
    "test_tool_with_progress",
    "test_logging_tool",
    "test_missing_capability",
    "test_custom_header",
];

/// All of them, as `tools/list` shows them.
pub(crate) fn definitions() -> impl Iterator<Item = Tool> {
    let names = answers().map(|(name, ..)| name).into_iter().chain(BUSY).chain(interviews::tools());
    names.map(|name| {
        let schema = match name {
            "json_schema_2020_12_tool" => schema_2020_12(),
            "test_custom_header" => json!({
                "type": "object",
                "properties": { "value": { "type": "string", "x-mcp-header": "Value" } },
                "required": ["value"],
            }),
            _ => json!({ "type": "object", "properties": {} }),
        };
        let Value::Object(schema) = schema else { unreachable!("schemas are objects") };
        Tool::new(name, "A fixture of the conformance suite", schema)
    })
}

/// Calls one of them; `None` where it is no fixture.
pub(crate) async fn call(
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Option<Result<CallToolResponse, ErrorData>> {
    let name = request.name.as_ref();
    if let Some((_, content, is_error)) = answers().into_iter().find(|(known, ..)| *known == name) {
        return Some(Ok(result(
            json!({ "resultType": "complete", "content": content, "isError": is_error }),
        )));
    }
    match name {
        "test_tool_with_logging" => {
            for text in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
                log(context, LoggingLevel::Info, text).await;
                tokio::time::sleep(PAUSE).await;
            }
        }
        // In the modern era a client says with each request what it wants to hear.
        "test_logging_tool" => {
            if let Some(level) = context.meta.log_level() {
                log(context, level, "It was asked for").await;
            }
        }
        "test_tool_with_progress" => report_progress(context).await,
        "test_missing_capability"
            if context.meta.client_capabilities().is_none_or(|can| can.sampling.is_none()) =>
        {
            let needed = ClientCapabilities::builder().enable_sampling().build();
            return Some(Err(ErrorData::missing_required_client_capability(needed)));
        }
        "test_missing_capability" | "test_custom_header" => {}
        _ => return None,
    }
    Some(Ok(result(json!({ "resultType": "complete", "content": [{ "type": "text", "text": "done" }] }))))
}

async fn log(context: &RequestContext<RoleServer>, level: LoggingLevel, text: &str) {
    let message = LoggingMessageNotificationParam::new(level, json!(text)).with_logger("fixtures");
    // Whoever has gone does not need it.
    let _ = context.peer.notify_logging_message(message).await;
}

async fn report_progress(context: &RequestContext<RoleServer>) {
    let Some(token) = context.meta.get_progress_token() else { return };
    for (done, message) in [(0.0, "Starting"), (50.0, "Halfway"), (100.0, "Complete")] {
        let progress = ProgressNotificationParam::new(token.clone(), done);
        let _ = context.peer.notify_progress(progress.with_total(100.0).with_message(message)).await;
        tokio::time::sleep(PAUSE).await;
    }
}

fn result(result: Value) -> CallToolResponse {
    let result: CallToolResult = serde_json::from_value(result).expect("a tool's result");
    result.into()
}

/// The keywords that must survive the way to the client (SEP-1613, SEP-2106).
fn schema_2020_12() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": { "street": { "type": "string" }, "city": { "type": "string" } },
            },
        },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" },
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false,
    })
}
