//! OpenAI's Chat Completions API, as opencode calls it.

use serde_json::{Value, json};

use super::{Conversation, Declared, Turn, list, text, unnamed};

pub(super) fn read(body: &Value) -> Conversation {
    let results = list(&body["messages"]).filter(|message| message["role"] == "tool");
    Conversation {
        tools: list(&body["tools"])
            .filter_map(|tool| Declared::read(&tool["function"], None, "parameters"))
            .collect(),
        results: results.map(|message| text(&message["content"])).collect(),
    }
}

pub(super) fn write(turn: &Turn, number: usize) -> String {
    let (delta, reason) = match turn {
        Turn::Call(tool, arguments) => {
            let function = json!({ "name": tool.name, "arguments": arguments.to_string() });
            let call = json!({ "index": 0, "id": format!("call_{number}"), "type": "function", "function": function });
            (json!({ "role": "assistant", "tool_calls": [call] }), "tool_calls")
        }
        Turn::Text(text) => (json!({ "role": "assistant", "content": text }), "stop"),
    };
    let chunk = |delta: Value, reason: Value| {
        json!({
            "id": format!("chatcmpl_{number}"), "object": "chat.completion.chunk", "created": 1, "model": "stand-in",
            "choices": [{ "index": 0, "delta": delta, "finish_reason": reason }],
        })
    };
    let mut last = chunk(json!({}), reason.into());
    last["usage"] = json!({ "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 });
    format!("{}{}data: [DONE]\n\n", unnamed(&chunk(delta, Value::Null)), unnamed(&last))
}
