//! OpenAI's Responses API, as Codex CLI calls it.

use serde_json::{Value, json};

use super::{Conversation, Declared, Turn, list, named, text};

pub(super) fn read(body: &Value) -> Conversation {
    // The tools of one MCP server come as a group.
    let tools = list(&body["tools"]).flat_map(|tool| match tool["type"].as_str() {
        Some("namespace") => list(&tool["tools"])
            .filter_map(|inner| Declared::read(inner, tool["name"].as_str(), "parameters"))
            .collect(),
        _ => Declared::read(tool, None, "parameters").into_iter().collect::<Vec<_>>(),
    });
    let outputs = list(&body["input"]).filter(|item| item["type"] == "function_call_output");
    Conversation { tools: tools.collect(), results: outputs.map(|item| text(&item["output"])).collect() }
}

pub(super) fn write(turn: &Turn, number: usize) -> String {
    let item = match turn {
        Turn::Call(tool, arguments) => {
            let mut item = json!({
                "type": "function_call", "id": format!("fc_{number}"), "call_id": format!("call_{number}"),
                "name": tool.name, "arguments": arguments.to_string(), "status": "completed",
            });
            if let Some(namespace) = &tool.namespace {
                item["namespace"] = namespace.as_str().into();
            }
            item
        }
        Turn::Text(text) => json!({
            "type": "message", "id": format!("msg_{number}"), "role": "assistant", "status": "completed",
            "content": [{ "type": "output_text", "text": text, "annotations": [] }],
        }),
    };
    let id = format!("resp_{number}");
    let usage = json!({ "input_tokens": 1, "output_tokens": 1, "total_tokens": 2 });
    let events = [
        json!({ "type": "response.created", "response": { "id": id } }),
        json!({ "type": "response.output_item.done", "output_index": 0, "item": item }),
        json!({
            "type": "response.completed",
            "response": { "id": id, "object": "response", "status": "completed", "output": [item], "usage": usage },
        }),
    ];
    events.iter().map(named).collect()
}
