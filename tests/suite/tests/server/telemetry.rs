//! The line of log for a tool call, and the metrics.

use std::time::Duration;

use sandbox::{Fault, Route, Sandbox, fixtures};
use serde_json::json;
use suite::mcp::Era;
use suite::net::http_client;
use suite::server::Server;

use crate::Stack;

const DEADLINE: Duration = Duration::from_secs(20);
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[tokio::test]
async fn a_tool_call_is_one_line_with_its_outcome_its_times_and_its_trace() {
    let stack = Stack::start().await;
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let client = stack.client(Era::Modern).with_header("traceparent", &parent);
    stack.sandbox.misbehave(Route::ListWorkflows, Fault::StatusWithRetryAfter(429, 600));
    assert_eq!(client.call_tool("list_workflows", json!({})).await.error_code(), "RATE_LIMITED");
    let line = stack.server.logs.wait_for_message("tool call", DEADLINE).await.expect("a line");
    assert_eq!(line["mcp.method.name"], "tools/call");
    assert_eq!(line["gen_ai.tool.name"], "list_workflows");
    assert_eq!(line["error.type"], "RATE_LIMITED");
    assert_eq!((&line["caller"], &line["outcome"]), (&"api_token".into(), &"RATE_LIMITED".into()));
    assert_eq!(line["trace_id"], TRACE);
    assert_eq!(line["validibot_requests"], 1);
    for time in ["duration_ms", "auth_ms", "identity_ms", "validibot_ms"] {
        assert!(line[time].is_u64(), "{time}: {line}");
    }
    assert_eq!(stack.server.logs.entries().iter().filter(|entry| entry["message"] == "tool call").count(), 1);
}

#[tokio::test]
async fn metrics_are_on_a_listener_of_their_own_that_is_off_by_default() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).env("VALIDIBOT_MCP_ADMIN_BIND", "127.0.0.1:0").start().await;
    let listening = server.logs.wait_for_message("metrics", DEADLINE).await.expect("it listens");
    let admin = format!("http://{}/metrics", listening["address"].as_str().expect("an address"));
    let client = server.client(Era::Legacy, fixtures::DEMO_TOKEN);
    client.call_tool("list_workflows", json!({})).await.success();
    sandbox.misbehave(Route::WorkflowDetails, Fault::Status(500));
    let workflow = fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL);
    client.call_tool("get_workflow_details", json!({ "workflow_ref": workflow })).await.error_code();

    let text = http_client().get(&admin).send().await.expect("an answer").text().await.expect("text");
    for line in [
        r#"mcp_server_operation_duration_seconds_count{mcp_method_name="tools/call",gen_ai_tool_name="list_workflows"} 1"#,
        r#"mcp_server_operation_duration_seconds_count{mcp_method_name="tools/call",gen_ai_tool_name="get_workflow_details",error_type="UPSTREAM_UNAVAILABLE"} 1"#,
        r#"http_server_request_duration_seconds_bucket{http_request_method="POST",http_route="/mcp",http_response_status_code="200",le="+Inf"} 3"#,
        r#"http_client_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200"} 1"#,
        r#"http_client_request_duration_seconds_count{http_request_method="GET",http_response_status_code="500",error_type="UPSTREAM_UNAVAILABLE"} 1"#,
        "http_server_active_requests 0",
        "validibot_mcp_body_bytes 0",
        "validibot_mcp_licensed 1",
    ] {
        assert!(text.lines().any(|found| found == line), "no {line:?} in\n{text}");
    }
    assert!(text.contains("process_resident_memory_bytes "), "{text}");
    assert!(!text.contains(fixtures::DEMO_TOKEN));
    let public = http_client().get(format!("{}/metrics", server.base())).send().await.expect("an answer");
    assert_eq!(public.status(), 404);
}
