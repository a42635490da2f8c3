//! Anthropic's Messages API, as Claude Code calls it.

use serde_json::{Value, json};

use super::{Conversation, Declared, Turn, list, named, text};

pub(super) fn read(body: &Value) -> Conversation {
    let parts = list(&body["messages"]).flat_map(|message| list(&message["content"]));
    Conversation {
        tools: list(&body["tools"]).filter_map(|tool| Declared::read(tool, None, "input_schema")).collect(),
        results: parts
            .filter(|part| part["type"] == "tool_result")
            .map(|part| text(&part["content"]))
            .collect(),
    }
}

pub(super) fn write(turn: &Turn, number: usize) -> String {
    let (block, delta, reason) = match turn {
        Turn::Call(tool, arguments) => (
            json!({ "type": "tool_use", "id": format!("toolu_{number}"), "name": tool.name, "input": {} }),
            json!({ "type": "input_json_delta", "partial_json": arguments.to_string() }),
            "tool_use",
        ),
        Turn::Text(text) => {
            (json!({ "type": "text", "text": "" }), json!({ "type": "text_delta", "text": text }), "end_turn")
        }
    };
    let message = json!({
        "id": format!("msg_{number}"), "type": "message", "role": "assistant", "model": "stand-in", "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": { "input_tokens": 1, "output_tokens": 1 },
    });
    let events = [
        json!({ "type": "message_start", "message": message }),
        json!({ "type": "content_block_start", "index": 0, "content_block": block }),
        json!({ "type": "content_block_delta", "index": 0, "delta": delta }),
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({
            "type": "message_delta", "delta": { "stop_reason": reason, "stop_sequence": null },
            "usage": { "output_tokens": 1 },
        }),
        json!({ "type": "message_stop" }),
    ];
    events.iter().map(named).collect()
}
