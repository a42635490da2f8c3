//! No licence, no traffic; the kill switch; start and stop.

use std::time::Duration;

use sandbox::{Edition, Fault, Route, Sandbox, fixtures};
use serde_json::json;
use suite::mcp::Era;
use suite::net::{free_port, http_client};
use suite::server::Server;

use crate::Stack;

/// What the product promises: an orchestrator is told quickly.
const SOON: Duration = Duration::from_secs(6);

#[tokio::test]
async fn a_community_edition_ends_the_server_with_a_sentence_that_names_it() {
    let sandbox = Sandbox::builder().edition(Edition::Community).start().await.expect("a sandbox");
    let exit = Server::for_sandbox(&sandbox).run_to_exit().await;
    assert_eq!(exit.code, Some(1), "{}", exit.log);
    assert!(exit.elapsed < SOON, "{:?}", exit.elapsed);
    assert!(exit.log.contains("community"), "{}", exit.log);
    assert!(exit.log.contains("validibot-pro"), "{}", exit.log);
    assert_eq!(sandbox.received().len(), 1, "one question, no retry: {:?}", sandbox.received());
}

#[tokio::test]
async fn no_api_at_all_ends_the_server_with_a_sentence_that_names_the_url() {
    let url = format!("http://127.0.0.1:{}", free_port());
    let exit = Server::for_api(&url).run_to_exit().await;
    assert_eq!(exit.code, Some(1), "{}", exit.log);
    assert!(exit.elapsed < SOON, "{:?}", exit.elapsed);
    assert!(exit.log.contains(&format!("{url}/api/v1/license/features/")), "{}", exit.log);
}

#[tokio::test]
async fn an_answer_that_is_no_licence_ends_the_server_without_quoting_it() {
    let faults = [
        Fault::Status(500),
        Fault::Html(200),
        Fault::Html(502),
        Fault::Redirect("http://127.0.0.1:1/elsewhere".to_owned()),
        Fault::Cut,
        Fault::TruncatedJson,
        Fault::WrongTypes,
        Fault::Oversized(1 << 20),
        Fault::Hang,
    ];
    for fault in faults {
        let sandbox = Sandbox::builder().start().await.expect("a sandbox");
        sandbox.misbehave(Route::LicenseFeatures, fault.clone());
        let exit = Server::for_sandbox(&sandbox).run_to_exit().await;
        assert_eq!(exit.code, Some(1), "{fault:?}: {}", exit.log);
        assert!(exit.elapsed < SOON, "{fault:?}: {:?}", exit.elapsed);
        assert!(exit.log.contains(sandbox.url()), "{fault:?}: {}", exit.log);
        assert!(!exit.log.contains(fixtures::HTML_MARKER), "{fault:?}: {}", exit.log);
    }
}

#[tokio::test]
async fn switched_off_it_is_ready_without_any_api_and_every_tool_says_so() {
    let url = format!("http://127.0.0.1:{}", free_port());
    let server = Server::for_api(&url).env("VALIDIBOT_MCP_ENABLED", "false").start().await;
    let ready = http_client().get(format!("{}/readyz", server.base())).send().await.expect("an answer");
    assert_eq!(ready.status(), 200);
    let anonymous = http_client().post(server.mcp_url()).send().await.expect("an answer");
    assert_eq!(anonymous.status(), 401, "a missing bearer is refused, switched off or not");

    for era in Era::BOTH {
        let client = server.client(era, "never-checked");
        client.hello().await;
        let tools = client.request("tools/list", json!({})).await.result();
        let names: Vec<&str> =
            tools["tools"].as_array().expect("a list").iter().filter_map(|t| t["name"].as_str()).collect();
        assert!(names.len() >= 5, "{names:?}");
        for name in
            ["list_workflows", "get_workflow_details", "validate_file", "get_run_status", "wait_for_run"]
        {
            assert!(names.contains(&name), "{names:?}");
            let arguments = match name {
                "validate_file" => json!({ "file_content": "e30=", "file_name": "a.json" }),
                _ => json!({}),
            };
            let result = client.call_tool(name, arguments).await;
            assert_eq!(result.error_code(), "SERVICE_UNAVAILABLE", "{name}");
            assert!(result.body.contains("retry_after_seconds"), "{name}: {}", result.body);
        }
    }
}

#[tokio::test]
async fn sigterm_ends_it_with_exit_code_0_and_calls_under_way_are_answered() {
    let stack = Stack::start().await;
    stack.sandbox.misbehave(Route::ListWorkflows, Fault::Delay(Duration::from_secs(1)));
    let client = stack.client(Era::Modern);
    let calling = tokio::spawn(async move {
        client.request("tools/call", json!({ "name": "list_workflows" })).await.tool_result()
    });
    while !stack.asked().iter().any(|asked| asked == "GET /api/v1/mcp/workflows/") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let exit = stack.server.stop().await;
    assert_eq!(exit.code, Some(0), "{}", exit.log);
    calling.await.expect("the call is answered").success();
}
