//! Google's Gemini API, as Gemini CLI calls it.

use serde_json::{Value, json};

use super::{Conversation, Declared, Turn, list, unnamed};

pub(super) fn read(body: &Value) -> Conversation {
    let declared = list(&body["tools"]).flat_map(|tools| list(&tools["functionDeclarations"]));
    let parts = list(&body["contents"]).flat_map(|content| list(&content["parts"]));
    Conversation {
        tools: declared.filter_map(|tool| Declared::read(tool, None, "parametersJsonSchema")).collect(),
        results: parts.filter_map(|part| result(&part["functionResponse"]["response"])).collect(),
    }
}

/// The CLI puts what a call came to under `output`, or under `error`.
fn result(response: &Value) -> Option<String> {
    response["output"].as_str().or_else(|| response["error"].as_str()).map(str::to_owned)
}

pub(super) fn write(turn: &Turn) -> String {
    let part = match turn {
        Turn::Call(tool, arguments) => json!({ "functionCall": { "name": tool.name, "args": arguments } }),
        Turn::Text(text) => json!({ "text": text }),
    };
    unnamed(&json!({
        "candidates": [{ "content": { "role": "model", "parts": [part] }, "finishReason": "STOP", "index": 0 }],
        "usageMetadata": { "promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2 },
    }))
}
