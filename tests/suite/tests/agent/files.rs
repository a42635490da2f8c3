//! The files of the trade, by each of the three ways, to a run whose stored file has the right name and type.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sandbox::{Sandbox, fixtures};
use serde_json::{Value, json};
use suite::mcp::{Client, Era};

use super::uploads::put;

/// Ways of giving a file to a run.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Text,
    Base64,
    Upload,
}

const WAYS: [Way; 3] = [Way::Text, Way::Base64, Way::Upload];

fn reference(workflow: &str) -> String {
    fixtures::workflow_ref(fixtures::WORKSHOP, workflow)
}

/// The run, or the error's payload. `None` where the way takes no such content.
async fn give(client: &Client, way: Way, workflow: &str, name: &str, content: &[u8]) -> Option<Value> {
    let mut arguments = json!({ "workflow_ref": reference(workflow), "file_name": name });
    match way {
        Way::Text => arguments["text"] = std::str::from_utf8(content).ok()?.into(),
        Way::Base64 => arguments["file_content"] = STANDARD.encode(content).into(),
        Way::Upload => {
            let upload = client.call_tool("prepare_upload", arguments).await.success();
            return Some(put(&upload, content.to_vec()).await.1);
        }
    }
    Some(client.call_tool("validate_file", arguments).await.structured)
}

/// A sandbox with a server in front of it.
async fn stack() -> (Sandbox, suite::server::Server) {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    (sandbox, server)
}

#[tokio::test]
async fn each_file_is_stored_as_what_it_is_by_whichever_way_it_came() {
    let (sandbox, server) = stack().await;
    let client = server.client(Era::Modern, fixtures::MODELLER_TOKEN);
    let utf16: Vec<u8> = "\u{feff}sensor,°C\na,20\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (name, content, workflow, stored, file_type) in [
        (
            "1Zone.idf",
            &b"Version, 24.1;\nBuilding, House;\n"[..],
            fixtures::WHOLE_BUILDING,
            "1Zone.idf",
            "text",
        ),
        (
            "1Zone.epJSON",
            br#"{"Version":{"Version 1":{}},"Building":{"House":{}}}"#,
            fixtures::WHOLE_BUILDING,
            "1Zone.json",
            "json",
        ),
        ("house.gbxml", b"<gbXML version=\"7.03\"/>", fixtures::XML_DOCUMENT, "house.xml", "xml"),
        ("rules.xsd", b"<schema/>", fixtures::XML_DOCUMENT, "rules.xml", "xml"),
        ("house.ifc", b"ISO-10303-21;\nHEADER;\n", fixtures::TEXT_DOCUMENT, "house.txt", "text"),
        (
            "house.ttl",
            b"@prefix bot: <https://w3id.org/bot#> .\n",
            fixtures::TEXT_DOCUMENT,
            "house.ttl",
            "text",
        ),
        ("Basel.epw", b"LOCATION,Basel,-,CHE\n", fixtures::TEXT_DOCUMENT, "Basel.txt", "text"),
        ("utf8.csv", "sensor,°C\na,20\n".as_bytes(), fixtures::TEXT_DOCUMENT, "utf8.txt", "text"),
        ("latin1.csv", b"sensor,\xb0C\na,20\n", fixtures::TEXT_DOCUMENT, "latin1.txt", "text"),
        ("utf16.csv", &utf16, fixtures::TEXT_DOCUMENT, "utf16.txt", "text"),
    ] {
        for way in WAYS {
            let Some(run) = give(&client, way, workflow, name, content).await else {
                assert!(way == Way::Text && std::str::from_utf8(content).is_err(), "{name}");
                continue;
            };
            let waited =
                client.call_tool("wait_for_run", json!({ "run_ref": run["run_ref"] })).await.success();
            assert_eq!(waited["overview"]["result"], "PASS", "{name} by {way:?}: {run} {waited}");
            let file = sandbox.stored().pop().expect("a file");
            assert_eq!((file.name.as_str(), file.file_type), (stored, file_type), "{name} by {way:?}");
            assert_eq!(file.bytes, content, "{name} by {way:?}");
        }
    }
}

#[tokio::test]
async fn a_text_without_a_known_extension_is_a_text() {
    let (sandbox, server) = stack().await;
    let client = server.client(Era::Legacy, fixtures::MODELLER_TOKEN);
    for name in ["noext", "notes.unknown"] {
        let run = give(&client, Way::Text, fixtures::TEXT_DOCUMENT, name, "20 °C".as_bytes()).await;
        assert!(run.as_ref().is_some_and(|run| run["run_ref"].is_string()), "{run:?}");
        assert_eq!(sandbox.stored().pop().expect("a file").file_type, "text");
    }
}

/// Validibot answers 500 to them, from which nobody learns anything.
#[tokio::test]
async fn a_text_that_begins_like_a_program_is_refused_with_what_to_do() {
    let (sandbox, server) = stack().await;
    let client = server.client(Era::Modern, fixtures::MODELLER_TOKEN);
    for content in [&b"MZone,MWall\n1,2\n"[..], b"#!/bin/sh\n", b"%PDF-1.7\n", b"PK\x03\x04"] {
        for way in WAYS {
            let error = give(&client, way, fixtures::TEXT_DOCUMENT, "t.csv", content).await.expect("text");
            assert_eq!(error["error"]["code"], "INVALID_PARAMS", "{way:?}: {error}");
            assert!(error.to_string().contains("quotation marks"), "{way:?}: {error}");
        }
    }
    assert!(sandbox.received().iter().all(|request| request.method != "POST"), "Validibot heard of none");
    for way in WAYS {
        let quoted = b"\"MZone\",MWall\n1,2\n";
        let run = give(&client, way, fixtures::TEXT_DOCUMENT, "t.csv", quoted).await.expect("text");
        assert!(run["run_ref"].is_string(), "{way:?}: {run}");
    }
}

/// The table of the server against the rules of the other side.
#[tokio::test]
async fn a_workflow_takes_every_extension_that_is_announced_for_it() {
    let (_sandbox, server) = stack().await;
    let client = server.client(Era::Modern, fixtures::MODELLER_TOKEN);
    for (workflow, without) in [
        (fixtures::TEXT_DOCUMENT, &[".yaml", ".yml", ".json", ".pdf"][..]),
        (fixtures::XML_DOCUMENT, &[".txt"]),
        (fixtures::ANY_DOCUMENT, &[".pdf"]),
    ] {
        let arguments = json!({ "workflow_ref": reference(workflow) });
        let details = client.call_tool("get_workflow_details", arguments).await.success();
        let announced: Vec<&str> = details["accepted_extensions"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert!(announced.len() > 3 && without.iter().all(|not| !announced.contains(not)), "{announced:?}");
        for extension in announced {
            let name = format!("a{extension}");
            let run = give(&client, Way::Base64, workflow, &name, b"<a/>").await.expect("bytes");
            assert!(run["run_ref"].is_string(), "{workflow} {name}: {run}");
        }
    }
}
