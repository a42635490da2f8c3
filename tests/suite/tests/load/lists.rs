//! Many small calls, some of which Validibot fails.

use futures_util::StreamExt as _;
use futures_util::stream;
use sandbox::{Fault, Route, Sandbox, fixtures};
use serde_json::json;
use suite::mcp::Era;

const CALLS: u32 = 10_000;
/// Below a caller's share.
const AT_ONCE: usize = 32;

#[tokio::test]
async fn every_call_is_answered_once_and_correctly_although_one_in_a_hundred_requests_fails() {
    let (sandbox, server) = crate::start(Sandbox::builder().recording(false)).await;
    let client = &server.client(Era::Modern, fixtures::DEMO_TOKEN);
    let sandbox = &sandbox;
    let faults = [
        Fault::Status(503),
        Fault::Status(502),
        Fault::Cut,
        Fault::CutMidway,
        Fault::Status(500),
        Fault::TruncatedJson,
        Fault::Html(200),
    ];
    let expected = client.call_tool("list_workflows", json!({})).await.success();
    let outcomes: Vec<Result<(), String>> = stream::iter(0..CALLS)
        .map(|number| {
            if number % 100 == 0 {
                let fault = &faults[(number / 100) as usize % faults.len()];
                sandbox.misbehave_times(Route::ListWorkflows, fault.clone(), 1);
            }
            let expected = &expected;
            async move {
                let result = client.call_tool("list_workflows", json!({})).await;
                if result.is_error {
                    return Err(result.error_code());
                }
                assert_eq!(&result.structured, expected);
                Ok(())
            }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    assert_eq!(outcomes.len(), CALLS as usize);
    let failed: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    // What may pass was tried again; a 500, half an answer and a web page are told as they are.
    let definite = (CALLS / 100) as usize / faults.len() * 3;
    assert!(failed.len().abs_diff(definite) <= 3, "{} failed: {failed:?}", failed.len());
    assert!(failed.iter().all(|code| code == "UPSTREAM_UNAVAILABLE" || code == "API_ERROR"), "{failed:?}");
}
