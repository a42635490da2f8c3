//! Twelve calls, each from what the results before it say: a model has nothing else.

use sandbox::fixtures;
use serde::Deserialize as _;
use serde_json::{Value, json};
use suite::model::{Conversation, Turn};

pub(super) const CALLS: usize = 12;
pub(super) const GOOD: &[u8] = fixtures::GOOD_ENERGY_MODEL;
pub(super) const BAD: &[u8] = fixtures::BAD_TABLE;

/// What products call their own tools for resources.
const LIST: [&str; 2] = ["list_mcp_resources", "ListMcpResourcesTool"];
const READ: [&str; 2] = ["read_mcp_resource", "ReadMcpResourceTool"];

/// The next turn of a conversation with these results.
pub(super) fn next(conversation: &Conversation) -> Turn {
    let results = &conversation.results;
    let workflow = |slug: &str| results.first().map_or(Value::Null, |list| listed(&told(list), slug));
    let run = || results.last().map_or(Value::Null, |run| told(run)["overview"]["run_ref"].clone());
    let validate = |slug: &str, name: &str, file: &[u8]| {
        let text = String::from_utf8_lossy(file);
        json!({ "workflow_ref": workflow(slug), "file_name": name, "text": text })
    };
    let (names, arguments): (&[&str], Value) = match results.len() {
        0 => (&["list_workflows"], json!({})),
        1 => (&["get_workflow_details"], json!({ "workflow_ref": workflow(fixtures::ENERGY_MODEL) })),
        2 => (&["validate_file"], validate(fixtures::ENERGY_MODEL, "good.json", GOOD)),
        3 | 5 => (&["wait_for_run"], json!({ "run_ref": run() })),
        4 => (&["validate_file"], validate(fixtures::SENSOR_TABLE, "bad.csv", BAD)),
        6 => (&["get_run_status"], json!({ "run_ref": "run_without_a_sense" })),
        7 => (&["validate_file"], validate(fixtures::ANNUAL_SIMULATION, "slow.json", GOOD)),
        8 => {
            // As the result says, word for word.
            let next = &told(&results[7])["overview"]["next"];
            assert_eq!(next["tool"], "wait_for_run", "{next}");
            (&["wait_for_run"], next["arguments"].clone())
        }
        9 => {
            let arguments =
                json!({ "workflow_ref": workflow(fixtures::SENSOR_TABLE), "file_name": "table.csv" });
            (&["prepare_upload"], arguments)
        }
        10 => (&LIST, json!({})),
        11 => {
            let wanted = workflow(fixtures::SENSOR_TABLE);
            let uri = format!("validibot://workflows/{}", wanted.as_str().unwrap_or_default());
            // A model copies what it reads.
            (&READ, json!({ "uri": if results[10].contains(&uri) { uri } else { String::new() } }))
        }
        _ => return Turn::Text("Done."),
    };
    call(conversation, names, arguments)
}

/// The call, with the arguments that the product itself asks for.
fn call(conversation: &Conversation, names: &[&str], mut arguments: Value) -> Turn {
    let Some(tool) = names.iter().find_map(|name| conversation.tool(name)) else {
        return Turn::Text("There is no such tool.");
    };
    for (argument, value) in [
        ("server", json!("validibot")),
        ("serverName", json!("validibot")),
        // Gemini CLI adds it to the tools of all servers, and sends it on.
        ("wait_for_previous", json!(true)),
    ] {
        if tool.takes(argument) {
            arguments[argument] = value;
        }
    }
    Turn::Call(tool.clone(), arguments)
}

/// The reference of a workflow in the list, in the organisation of these tests.
fn listed(list: &Value, slug: &str) -> Value {
    let mut entries = list["result"].as_array().into_iter().flatten();
    let wanted = |entry: &&Value| {
        entry["slug"] == slug && entry["workflow_ref"] == fixtures::workflow_ref(fixtures::ACME, slug)
    };
    entries.find(wanted).map_or(Value::Null, |entry| entry["workflow_ref"].clone())
}

/// The object in a result, around which products put words of their own; null where there is none.
pub(super) fn told(result: &str) -> Value {
    let start = result.find('{').unwrap_or(result.len());
    let mut reader = serde_json::Deserializer::from_str(&result[start..]);
    Value::deserialize(&mut reader).unwrap_or_default()
}
