//! SIGTERM in the middle of everything.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::stream;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sandbox::{Fault, Route, Sandbox, fixtures};
use serde_json::{Value, json};
use suite::mcp::{Client, Era};
use suite::server::Server;

use crate::reached;

/// From the signal to the end, by the issue; the platform kills after 10 s.
const IN_TIME: Duration = Duration::from_secs(9);

fn launch(workflow: &str) -> Value {
    json!({
        "file_content": STANDARD.encode(fixtures::GOOD_ENERGY_MODEL),
        "file_name": "model.json",
        "workflow_ref": fixtures::workflow_ref(fixtures::ACME, workflow),
    })
}

async fn start() -> (Sandbox, Server) {
    let sandbox = Sandbox::builder().simulation(Duration::from_mins(10)).start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).start().await;
    server.client(Era::Legacy, fixtures::DEMO_TOKEN).hello().await;
    (sandbox, server)
}

/// A client that knows the tools already: it compares results with their schemas, also when the server is gone.
async fn client(server: &Server, era: Era) -> Client {
    let client = server.client(era, fixtures::DEMO_TOKEN);
    client.call_tool("list_workflows", json!({})).await.success();
    client
}

#[tokio::test]
async fn waits_launches_and_lists_end_with_an_answer_to_act_on() {
    let (sandbox, server) = start().await;
    let client = client(&server, Era::Legacy).await;
    let modern = self::client(&server, Era::Modern).await;
    let run = client.call_tool("validate_file", launch(fixtures::ANNUAL_SIMULATION)).await.success();
    sandbox.misbehave(Route::LaunchRun, Fault::Delay(Duration::from_secs(2)));
    sandbox.misbehave(Route::ListWorkflows, Fault::Hang);
    sandbox.clear_received();

    let wait = json!({ "run_ref": run["run_ref"], "timeout_seconds": 200 });
    let waits = join_all((0..4).map(|_| client.call_tool_with_progress("wait_for_run", wait.clone())));
    let quiet_waits = join_all((0..4).map(|_| modern.call_tool("wait_for_run", wait.clone())));
    let launches =
        join_all((0..4).map(|_| client.call_tool("validate_file", launch(fixtures::ENERGY_MODEL))));
    let lists = join_all((0..2).map(|_| modern.call_tool("list_workflows", json!({}))));
    let stopped = async {
        reached(&sandbox, 14).await;
        server.stop().await
    };
    let (waits, quiet_waits, launches, lists, exit) =
        tokio::join!(waits, quiet_waits, launches, lists, stopped);

    for wait in waits.into_iter().chain(quiet_waits) {
        let run = wait.success();
        assert_eq!(run["is_complete"], false);
        assert!(
            run["message"].as_str().is_some_and(|text| text.contains("call wait_for_run again")),
            "{run}"
        );
        assert_ne!(run["result"], "TIMED_OUT", "its time was not up: {run}");
    }
    for launch in launches {
        assert!(launch.success()["run_ref"].is_string());
    }
    for list in lists {
        assert_eq!(list.error_code(), "UPSTREAM_UNAVAILABLE");
        assert_eq!(list.structured["error"]["data"]["retry_after_seconds"], 1);
    }
    assert_eq!(exit.code, Some(0), "{}", exit.log);
    assert!(exit.elapsed < IN_TIME, "{:?}", exit.elapsed);
}

#[tokio::test]
async fn a_launch_that_validibot_does_not_answer_in_time_is_of_unknown_fate() {
    let (sandbox, server) = start().await;
    let client = client(&server, Era::Legacy).await;
    sandbox.misbehave(Route::LaunchRun, Fault::Hang);
    sandbox.clear_received();
    let stopped = async {
        reached(&sandbox, 1).await;
        server.stop().await
    };
    let (launch, exit) =
        tokio::join!(client.call_tool("validate_file", launch(fixtures::ENERGY_MODEL)), stopped);
    assert_eq!(launch.error_code(), "UPSTREAM_UNAVAILABLE");
    assert_eq!(launch.structured["error"]["data"]["run_started"], "unknown");
    assert_eq!(sandbox.received().len(), 1, "it was sent once");
    assert_eq!(exit.code, Some(0), "{}", exit.log);
    assert!(exit.elapsed < IN_TIME, "{:?}", exit.elapsed);
}

#[tokio::test]
async fn an_upload_under_way_may_finish_and_one_that_does_not_gets_a_503() {
    let (_sandbox, server) = start().await;
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "validate_file", "arguments": launch(fixtures::ENERGY_MODEL) },
    });
    let body = Bytes::from(body.to_string());
    let half = body.len() / 2;
    let (first, second) = (body.slice(..half), body.slice(half..));
    let (begun, mut beginnings) = tokio::sync::mpsc::unbounded_channel();
    let upload = |goes_on: bool| {
        // The first piece at once; the second only when the server is stopping, or never.
        let pieces = stream::unfold(0, {
            let (first, second, begun) = (first.clone(), second.clone(), begun.clone());
            move |piece| {
                let (first, second, begun) = (first.clone(), second.clone(), begun.clone());
                async move {
                    match piece {
                        0 => Some((Ok::<_, std::io::Error>(first), 1)),
                        1 if goes_on => {
                            begun.send(()).expect("the test listens");
                            tokio::time::sleep(Duration::from_secs(1)).await;
                            Some((Ok(second), 2))
                        }
                        1 => {
                            begun.send(()).expect("the test listens");
                            std::future::pending().await
                        }
                        _ => None,
                    }
                }
            }
        });
        suite::net::http_client()
            .post(server.mcp_url())
            .bearer_auth(fixtures::DEMO_TOKEN)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", Era::Legacy.version())
            .body(reqwest::Body::wrap_stream(pieces))
            .send()
    };
    let (steady, stuck) = (upload(true), upload(false));
    let stopped = async {
        for _ in 0..2 {
            beginnings.recv().await;
        }
        server.stop().await
    };
    let (steady, stuck, exit) = tokio::join!(steady, stuck, stopped);
    let steady = steady.expect("an answer");
    assert_eq!(steady.status(), 200);
    let answer: Value = serde_json::from_slice(&steady.bytes().await.expect("a body")).expect("JSON");
    assert!(answer["result"]["structuredContent"]["run_ref"].is_string(), "{answer}");
    let stuck = stuck.expect("an answer");
    assert_eq!(stuck.status(), 503);
    assert!(stuck.headers().contains_key("retry-after"));
    assert_eq!(exit.code, Some(0), "{}", exit.log);
    assert!(exit.elapsed < IN_TIME, "{:?}", exit.elapsed);
}

#[tokio::test]
async fn an_idle_server_ends_at_once_and_idle_connections_do_not_hold_it() {
    let (_sandbox, server) = start().await;
    client(&server, Era::Modern).await;
    let exit = server.stop().await;
    assert_eq!(exit.code, Some(0), "{}", exit.log);
    assert!(exit.elapsed < Duration::from_secs(4), "{:?}", exit.elapsed);
}

#[tokio::test]
async fn it_stops_while_it_still_asks_for_the_licence() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    sandbox.misbehave(Route::LicenseFeatures, Fault::Hang);
    let exit = Server::for_sandbox(&sandbox).stop_while_starting(reached(&sandbox, 1)).await;
    assert_eq!(exit.code, Some(0), "{}", exit.log);
    assert!(exit.log.contains("stopped before there was anything to serve"), "{}", exit.log);
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let (sandbox, server) = start().await;
    let client = client(&server, Era::Legacy).await;
    sandbox.misbehave(Route::ListWorkflows, Fault::Hang);
    sandbox.clear_received();
    let pid = Pid::from_raw(i32::try_from(server.pid()).expect("a process id"));
    let hanging = tokio::spawn(async move { client.call_tool("list_workflows", json!({})).await });
    reached(&sandbox, 1).await;
    kill(pid, Signal::SIGTERM).expect("signalled");
    let stopping = "stopping: no new connections, calls under way may finish";
    server.logs.wait_for_message(stopping, Duration::from_secs(30)).await.expect("it stops");
    let exit = server.stop().await;
    assert_eq!(exit.code, Some(0), "{}", exit.log);
    assert!(exit.elapsed < Duration::from_secs(4), "{:?}", exit.elapsed);
    assert!(hanging.await.is_err(), "the call was cut, as a second signal demands");
}
