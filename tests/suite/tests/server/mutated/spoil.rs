//! What can be wrong with a request, or odd about it: its bytes, its members, its values, its headers.

use serde_json::{Value, json};
use suite::mcp::Era;

use super::dice::Dice;
use crate::fast_path::body;

/// Stands for JSON that a tree cannot hold, until the tree is written.
const RAW: &str = "@raw@";
/// Marks a key that is there a second time, until the tree is written.
const AGAIN: &str = "@again@";

/// Values, as JSON.
const VALUES: [&str; 34] = [
    "null",
    "true",
    "0",
    "-0",
    "1",
    "-1",
    "7.0",
    "1.10",
    "1e2",
    "1E400",
    "0.1e-7",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "\"\"",
    "\"1\"",
    "\"2.0\"",
    "\"a\"",
    "\"\\u0000\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud800\"",
    "\"\u{202e}\"",
    "\"\\\"\\\\\\/\\n\"",
    "\"2025-11-25\"",
    "\"2026-07-28\"",
    "\"list_workflows\"",
    "\"no_such_tool\"",
    "[]",
    "{}",
    "[[],{}]",
    "{\"a\":{\"b\":[1]}}",
    "{\"$serde_json::private::RawValue\":\"[1]\"}",
    "{\"$serde_json::private::Number\":\"1\"}",
];
const KEYS: [&str; 18] = [
    "jsonrpc",
    "id",
    "method",
    "params",
    "name",
    "arguments",
    "_meta",
    "progressToken",
    "traceparent",
    "workflow_ref",
    "run_ref",
    "findings_limit",
    "offset",
    "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/clientCapabilities",
    "io.modelcontextprotocol/clientInfo",
    "",
    "x",
];
/// What a request says once and may say otherwise.
const WORDS: [(&str, &str); 10] = [
    ("2026-07-28", "2025-11-25"),
    ("2026-07-28", "2025-06-18"),
    ("2026-07-28", "2099-01-01"),
    ("tools/call", "tools/list"),
    ("tools/call", "tools/Call"),
    ("tools/call", "ping"),
    ("\"2.0\"", "\"2.00\""),
    ("list_workflows", "get_run_status"),
    ("_ref", "_Ref"),
    ("\"id\":", "\"Id\":"),
];
/// Bytes that mean something to a reader of JSON, and some that do not.
const LETTERS: [&str; 20] = [
    "{", "}", "[", "]", "\"", ":", ",", "\\", "\\u0041", " ", "\n", "\t", "\r", "0", "-", ".", "e", "ü",
    "\u{0}", "\u{feff}",
];
const HEADERS: [(&str, &str); 26] = [
    ("mcp-protocol-version", "2025-11-25"),
    ("mcp-protocol-version", "2025-06-18"),
    ("mcp-protocol-version", "2025-03-26"),
    ("mcp-protocol-version", "2024-11-05"),
    ("mcp-protocol-version", "2026-07-28"),
    ("mcp-protocol-version", "2099-01-01"),
    ("mcp-protocol-version", ""),
    ("mcp-method", "tools/call"),
    ("mcp-method", "tools/list"),
    ("mcp-method", "Tools/Call"),
    ("mcp-name", "list_workflows"),
    ("mcp-name", "get_run_status"),
    ("mcp-name", "=?base64?bGlzdF93b3JrZmxvd3M=?="),
    ("mcp-name", ""),
    ("mcp-param-workflow_ref", "x"),
    ("mcp-session-id", "x"),
    ("last-event-id", "1"),
    ("accept", "*/*"),
    ("accept", "application/json"),
    ("accept", "text/event-stream"),
    ("accept", "application/json, text/event-stream;q=0"),
    ("accept", "text/event-stream , application/json"),
    ("host", "localhost"),
    ("host", "evil.example.com"),
    ("origin", "https://evil.example.com"),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
];

/// A call of a tool, with the headers that it has beside those of its era.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) era: Era,
    pub(super) tool: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

impl Request {
    pub(super) fn new(era: Era, tool: &'static str, arguments: &Value) -> Self {
        Self { era, tool, headers: Vec::new(), body: body(era, &json!(1), tool, arguments) }
    }

    /// The same with one to three things changed.
    pub(super) fn spoilt(&self, dice: &mut Dice) -> Self {
        let mut request = self.clone();
        for _ in 0..=dice.below(3) {
            match dice.below(8) {
                0 => {
                    let (name, value) = *dice.one_of(&HEADERS);
                    let times = if dice.below(5) == 0 { 2 } else { 1 };
                    request.headers.extend(vec![(name, value.to_owned()); times]);
                }
                1 => request.body = with_other_letters(&request.body, dice),
                2 => {
                    let (word, other) = *dice.one_of(&WORDS);
                    request.body = request.body.replace(word, other);
                }
                3 => request.body = with_a_letter_escaped(&request.body, dice),
                _ => request.body = with_another_tree(&request.body, dice),
            }
        }
        request
    }
}

/// A place between two characters.
fn place(text: &str, dice: &mut Dice) -> usize {
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    *dice.one_of(&places)
}

/// Something is put in, taken out, put in a second time or cut off.
fn with_other_letters(text: &str, dice: &mut Dice) -> String {
    let at = place(text, dice);
    let (before, after) = text.split_at(at);
    let end = after.char_indices().nth(1 + dice.below(6)).map_or(after.len(), |(end, _)| end);
    match dice.below(4) {
        0 => [before, *dice.one_of(&LETTERS), after].concat(),
        1 => [before, &after[end..]].concat(),
        2 => [before, &after[..end], after].concat(),
        _ => before.to_owned(),
    }
}

/// A letter as `\uXXXX`: the same text to whoever decodes it.
fn with_a_letter_escaped(text: &str, dice: &mut Dice) -> String {
    let letters: Vec<(usize, char)> =
        text.char_indices().filter(|(_, letter)| letter.is_ascii_alphabetic()).collect();
    if letters.is_empty() {
        return text.to_owned();
    }
    let (at, letter) = *dice.one_of(&letters);
    format!("{}\\u{:04x}{}", &text[..at], u32::from(letter), &text[at + 1..])
}

/// A value is another one, or a member is there as well, twice, not at all or by another name.
fn with_another_tree(text: &str, dice: &mut Dice) -> String {
    let Ok(mut tree) = serde_json::from_str::<Value>(text) else { return with_other_letters(text, dice) };
    let mut pointers = Vec::new();
    collect(&tree, String::new(), &mut pointers);
    let value = *dice.one_of(&VALUES);
    let pointer: &String = dice.one_of(&pointers);
    let Some(node) = tree.pointer_mut(pointer) else { return text.to_owned() };
    match node {
        Value::Object(members) if dice.below(5) > 0 => {
            let keys: Vec<String> = members.keys().cloned().collect();
            let known = if keys.is_empty() { "x".to_owned() } else { dice.one_of(&keys).clone() };
            match dice.below(4) {
                0 => _ = members.insert((*dice.one_of(&KEYS)).to_owned(), Value::from(RAW)),
                1 => _ = members.shift_remove(&known),
                2 => _ = members.insert(format!("{AGAIN}{known}"), Value::from(RAW)),
                _ => {
                    let kept = members.shift_remove(&known).unwrap_or_default();
                    members.insert((*dice.one_of(&KEYS)).to_owned(), kept);
                }
            }
        }
        node => *node = Value::from(RAW),
    }
    tree.to_string().replace(&format!("\"{RAW}\""), value).replace(AGAIN, "")
}

/// The pointers (RFC 6901) of a tree's values, its root among them.
fn collect(value: &Value, pointer: String, pointers: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                collect(value, format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), pointers);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                collect(value, format!("{pointer}/{index}"), pointers);
            }
        }
        _ => {}
    }
    pointers.push(pointer);
}
