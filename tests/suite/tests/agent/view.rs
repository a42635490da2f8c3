//! The view of MCP Apps on the wire: which tools have it, the document, and what a client without views is told.

use sandbox::{Sandbox, fixtures};
use serde_json::{Value, json};
use suite::mcp::{Client, Era};
use suite::server::{CLIENT_SECRET, Server};

const UI: &str = "io.modelcontextprotocol/ui";
const MIME: &str = "text/html;profile=mcp-app";

fn workflow() -> String {
    fixtures::workflow_ref(fixtures::ACME, fixtures::SENSOR_TABLE)
}

#[tokio::test]
async fn the_view_is_declared_listed_and_read_in_both_eras() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let domain = "https://validibot.web-sandbox.example";
    let server = super::server(&sandbox).env("VALIDIBOT_MCP_VIEW_DOMAIN", "claude");
    let server = server.env("VALIDIBOT_MCP_OPENAI_WIDGET_DOMAIN", domain).start().await;
    for era in Era::BOTH {
        let client = super::client(&server, era);
        assert_eq!(client.hello().await["capabilities"]["extensions"][UI], json!({}), "{era:?}");
        let tools = client.request("tools/list", json!({})).await.result();
        let tools = tools["tools"].as_array().expect("a list").clone();
        let with_view: Vec<&Value> = tools.iter().filter(|tool| tool["_meta"]["ui"].is_object()).collect();
        let names: Vec<&Value> = with_view.iter().map(|tool| &tool["name"]).collect();
        assert_eq!(names, ["wait_for_run", "open_upload"], "one that opens it, and one result");
        let uri = with_view[0]["_meta"]["ui"]["resourceUri"].as_str().expect("a URI");
        assert!(with_view.iter().all(|tool| tool["_meta"]["ui/resourceUri"] == uri), "the flat key too");
        for tool in &tools {
            let hints = &tool["annotations"];
            for hint in ["readOnlyHint", "destructiveHint", "openWorldHint"] {
                assert!(hints[hint].is_boolean(), "{hint} of {tool}");
            }
            let reads =
                !["validate_file", "prepare_upload"].contains(&tool["name"].as_str().expect("a name"));
            assert_eq!(hints["readOnlyHint"], reads, "{tool}");
        }

        let list = client.request("resources/list", json!({})).await.result();
        let listed = list["resources"].as_array().expect("a list").iter().find(|one| one["uri"] == uri);
        let listed = listed.expect("it is listed");
        // A number that an instance of another version spoke of, or a stored chat.
        for uri in [uri, "ui://validibot/upload-0.html"] {
            let read = client.request("resources/read", json!({ "uri": uri })).await.result();
            let contents = &read["contents"][0];
            assert_eq!((&contents["mimeType"], &contents["uri"]), (&json!(MIME), &json!(uri)));
            assert_eq!(contents["_meta"], listed["_meta"]);
            assert!(contents["text"].as_str().is_some_and(|text| text.starts_with("<!doctype html>")));
            if era == Era::Modern {
                assert_eq!(read["cacheScope"], "public");
            }
        }
        let meta = &listed["_meta"];
        assert_eq!(meta["ui"]["csp"], json!({ "connectDomains": [server.base()] }));
        assert_eq!(meta["openai/widgetCSP"]["connect_domains"], json!([server.base()]));
        assert_eq!(meta["openai/widgetDomain"], domain);
        let own =
            meta["ui"]["domain"].as_str().and_then(|domain| domain.strip_suffix(".claudemcpcontent.com"));
        assert!(
            own.is_some_and(|own| own.len() == 32 && own.bytes().all(|byte| byte.is_ascii_hexdigit())),
            "{meta}"
        );

        let error =
            client.request("resources/read", json!({ "uri": "ui://validibot/other.html" })).await.error();
        assert!(error["message"].as_str().is_some_and(|text| text.contains("no such resource")), "{error}");
    }
}

/// Hosts put the list before their model, in every conversation: 2,800 tokens at most, with all that a deployment can have on.
///
/// Counted is the whole array of definitions as compact JSON, with what no model sees (`_meta`, annotations), in OpenAI's encoding
/// `o200k_base`. Here it is held to bytes, of which this list has 4.18 to a token: 11,375 bytes were 2,719 tokens (`gpt-tokenizer`
/// 4.0.0). Where a change brings text of another kind, count again.
#[tokio::test]
async fn the_list_of_tools_stays_small() {
    const MAX_BYTES: usize = 11_600;
    let sandbox = Sandbox::builder().oauth_client_secret(CLIENT_SECRET).start().await.expect("a sandbox");
    let server = Server::with_sign_in(&sandbox).env("VALIDIBOT_MCP_FILE_HOSTS", "*.usercontent.example");
    let server = server.start().await;
    let tools = super::client(&server, Era::Legacy).request("tools/list", json!({})).await.result();
    let list = tools["tools"].to_string();
    for on in ["openai/fileParams", "securitySchemes", "ui/resourceUri", "open_upload"] {
        assert!(list.contains(on), "{on} is on");
    }
    assert!(list.len() <= MAX_BYTES, "{} bytes", list.len());
}

#[tokio::test]
async fn a_client_without_views_is_told_what_to_do_instead() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = super::server(&sandbox).start().await;
    let open = async |client: &Client, capabilities: Value| {
        let mut params = json!({ "name": "open_upload", "arguments": { "workflow_ref": workflow() } });
        params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities;
        client.request("tools/call", params).await.tool_result().success()
    };
    let modern = super::client(&server, Era::Modern);
    let shown = open(&modern, json!({ "extensions": { UI: { "mimeTypes": [MIME] } } })).await;
    assert!(
        shown["message"].as_str().is_some_and(|text| text.contains("The user sees a file picker")),
        "{shown}"
    );
    assert!(shown.get("next").is_none() && shown["max_bytes"].is_u64(), "{shown}");
    assert_eq!((&shown["workflow_ref"], &shown["name"]), (&json!(workflow()), &json!("Sensor table")));
    assert!(
        shown["accepted_extensions"].as_array().is_some_and(|all| all.contains(&json!(".csv"))),
        "{shown}"
    );
    for (what, capabilities) in [
        ("none", json!({})),
        ("another type", json!({ "extensions": { UI: { "mimeTypes": ["text/html"] } } })),
    ] {
        let told = open(&modern, capabilities).await;
        assert!(
            told["message"].as_str().is_some_and(|text| text.contains("shows no views")),
            "{what}: {told}"
        );
        assert_eq!(told["next"]["tool"], "prepare_upload", "{what}");
    }
    // What a client of the older era knows, it said to whichever instance it met then.
    let legacy = super::client(&server, Era::Legacy);
    let told = legacy.call_tool("open_upload", json!({ "workflow_ref": workflow() })).await.success();
    assert_eq!(told["next"]["arguments"]["workflow_ref"], workflow());
    assert!(told["message"].as_str().is_some_and(|text| text.contains("Where the user sees none")), "{told}");
    assert!(!told.to_string().contains("Ticket"), "the result is kept with the chat: no ticket is in it");

    let hidden = fixtures::workflow_ref(fixtures::ACME, fixtures::HIDDEN_WORKFLOW);
    let refused = legacy.call_tool("open_upload", json!({ "workflow_ref": hidden })).await;
    assert_eq!(refused.structured["error"]["code"], "NOT_FOUND");
}

/// By which the view offers to have the host upload a file for it.
#[tokio::test]
async fn the_view_knows_where_files_may_be_handed_over() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    for (hosts, takes) in [("", Value::Null), ("*.usercontent.example", json!(true))] {
        let server = super::server(&sandbox).env("VALIDIBOT_MCP_FILE_HOSTS", hosts).start().await;
        let client = super::client(&server, Era::Modern);
        let opened = client.call_tool("open_upload", json!({ "workflow_ref": workflow() })).await.success();
        assert_eq!(opened["takes_files"], takes, "{hosts:?}");
    }
}
