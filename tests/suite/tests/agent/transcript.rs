//! An agent that knows no tool's name: it follows what the server says.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use expect_test::expect_file;
use sandbox::{Sandbox, fixtures};
use serde_json::{Value, json};
use suite::mcp::{Client, Era};

/// The agent's whole knowledge: it wants this file validated.
struct Task {
    words: [&'static str; 2],
    file_name: &'static str,
    text: String,
}

/// Starts where a description says to start, then makes the call that each result names, until none is named.
async fn work(client: &Client, task: &Task) -> (String, Value) {
    let tools = client.request("tools/list", json!({})).await.result();
    let tools = tools["tools"].as_array().expect("tools").clone();
    let start = tools
        .iter()
        .find(|tool| tool["description"].as_str().is_some_and(|text| text.contains("Start here")))
        .expect("a description that says where to start");
    let mut call = (start["name"].as_str().expect("a name").to_owned(), json!({}));
    let mut transcript = String::new();
    for _ in 0..5 {
        let (name, arguments) = call;
        let result = client.call_tool(&name, arguments.clone()).await.success();
        let _ = writeln!(transcript, "call {name} with {}", names(&arguments));
        let overview = &result["overview"];
        let next = if overview.is_object() { &overview["next"] } else { &result["next"] };
        let judged = overview["is_complete"] == true;
        if judged && next.is_object() {
            let _ = writeln!(
                transcript,
                "  next {} with {}: {}",
                next["tool"],
                names(&next["arguments"]),
                next["why"]
            );
        }
        if judged || !next.is_object() {
            let _ =
                writeln!(transcript, "done: {} {}", overview["result"], overview["findings"]["by_severity"]);
            return (transcript, overview.clone());
        }
        let _ = writeln!(transcript, "  next {} with {}", next["tool"], names(&next["arguments"]));
        let mut arguments = next["arguments"].clone();
        if let Some(choices) = result["result"].as_array() {
            // 'this one, or the one of the list that fits better'
            let fits =
                choices.iter().find(|entry| task.words.iter().all(|word| entry.to_string().contains(word)));
            let chosen = fits.expect("a workflow that fits");
            for (key, value) in arguments.as_object_mut().expect("arguments") {
                *value = chosen[key].clone();
            }
        }
        for wanted in next["fill_in"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            // The tool's own schema says which of the named arguments there are.
            let schema = tools.iter().find(|tool| tool["name"] == next["tool"]).expect("the tool is listed");
            let known: BTreeMap<&str, Value> =
                BTreeMap::from([("file_name", task.file_name.into()), ("text", task.text.clone().into())]);
            for (key, value) in known {
                if wanted.split(' ').any(|word| word == key)
                    && schema["inputSchema"]["properties"].get(key).is_some()
                {
                    arguments[key] = value;
                }
            }
        }
        call = (next["tool"].as_str().expect("a tool").to_owned(), arguments);
    }
    panic!("no verdict in five calls:\n{transcript}");
}

fn names(arguments: &Value) -> String {
    let names: Vec<&str> = arguments.as_object().expect("arguments").keys().map(String::as_str).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

#[tokio::test]
async fn an_agent_that_follows_the_results_reaches_a_verdict_in_five_calls() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    let task = Task {
        words: ["sensor", "CSV"],
        file_name: "readings.csv",
        text: String::from_utf8(fixtures::BAD_TABLE.to_vec()).expect("text"),
    };
    for era in Era::BOTH {
        let (mut transcript, overview) = work(&super::client(&server, era), &task).await;
        let first = &overview["findings"]["shown"][0];
        let _ = writeln!(transcript, "the first finding is at {}: {}", first["path"], first["message"]);
        expect_file!["transcript.txt"].assert_eq(&transcript);
    }
}
