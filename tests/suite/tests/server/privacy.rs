//! No token, file content or reference in any log, at any level.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sandbox::{Fault, Route, Sandbox, fixtures};
use serde_json::json;
use suite::mcp::Era;
use suite::server::Server;

/// Longer than anything that is said back, and short enough for the header that mirrors it.
const LONG: &str = "-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on-and-so-on";

#[tokio::test]
async fn logs_hold_no_token_no_file_and_no_reference() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).env("VALIDIBOT_LOG_LEVEL", "TRACE").start().await;
    let reference = fixtures::workflow_ref(fixtures::ACME, fixtures::SENSOR_TABLE);
    let content = BASE64_STANDARD.encode(fixtures::BAD_TABLE);
    let mut run_ref = String::new();
    for era in Era::BOTH {
        let client = server.client(era, fixtures::DEMO_TOKEN);
        client.hello().await;
        client.call_tool("get_workflow_details", json!({ "workflow_ref": reference })).await.success();
        let arguments =
            json!({ "file_content": content, "file_name": "private-name.csv", "workflow_ref": reference });
        let run = client.call_tool("validate_file", arguments).await.success();
        run["run_ref"].as_str().expect("text").clone_into(&mut run_ref);
        client.call_tool_with_progress("wait_for_run", json!({ "run_ref": run_ref })).await.success();
        for fault in [Fault::Html(500), Fault::Cut, Fault::TruncatedJson] {
            sandbox.misbehave(Route::RunStatus, fault);
            client.call_tool("get_run_status", json!({ "run_ref": run_ref })).await.error_code();
            sandbox.behave();
        }
        client.call_tool("get_run_status", json!({ "run_ref": "run_strange-reference" })).await.error_code();
        // What is no tool call: rmcp would quote all of these.
        sandbox.misbehave(Route::RunStatus, Fault::Status(500));
        for uri in [format!("validibot://runs/{run_ref}"), format!("validibot://x/strange-reference{LONG}")] {
            let refused = client.request("resources/read", json!({ "uri": uri })).await.error();
            let said = refused["data"]["uri"].as_str().unwrap_or_default();
            assert!(said.len() <= 256 + '…'.len_utf8(), "{said}");
        }
        sandbox.behave();
        let unknown = client.request(&format!("strange-method{LONG}"), json!({})).await.error();
        let said = unknown["message"].as_str().expect("text");
        assert!(
            said.contains("strange-method") && said.len() <= 64 + "There is no method … here".len(),
            "{said}"
        );
    }
    server.client(Era::Modern, "a-refused-token").request("tools/list", json!({})).await;
    sandbox.misbehave(Route::AuthMe, Fault::Cut);
    server.client(Era::Modern, "an-unchecked-token").request("tools/list", json!({})).await;

    let log = server.stop().await.log;
    assert!(log.contains("tool call"), "there is a log to look at: {log}");
    let table = std::str::from_utf8(fixtures::BAD_TABLE).expect("text");
    let secrets = [
        fixtures::DEMO_TOKEN,
        fixtures::SERVICE_KEY,
        "a-refused-token",
        "an-unchecked-token",
        &content[..40],
        table.lines().nth(1).expect("a row"),
        "private-name",
        &reference,
        &run_ref,
        "strange-reference",
        "strange-method",
        fixtures::HTML_MARKER,
    ];
    for secret in secrets {
        assert!(!log.contains(secret), "{secret:?} is in the log:\n{log}");
    }
}
