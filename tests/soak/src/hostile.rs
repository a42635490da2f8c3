//! A tenant that means harm, beside the members. What it gets is its own affair: theirs must not be touched by it.

use std::sync::Arc;
use std::time::Duration;

use sandbox::fixtures;
use suite::hostile::{Attack, Strength, Target};
use suite::net::http_client;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::stack::Stack;

/// Little enough that the machine has time for the members: what is judged is what is held, and not the noise.
const STRANGERS: Strength =
    Strength { forms: 64, uploads: 8, calls: 64, windows: 2, streams: 128, heads: 64 };
/// Between two rounds of what it does with its own token.
const PAUSE: Duration = Duration::from_millis(500);
/// More calls at once than its share.
const FLOOD: usize = 80;
/// When it hangs up.
const PATIENCE: Duration = Duration::from_millis(5);
/// Arrays in a body: the bound is 20,000.
const ARRAYS: usize = 100_000;

/// The tenant, until it is dropped.
pub(crate) struct Hostile {
    _strangers: Attack,
    _member: JoinSet<()>,
}

pub(crate) async fn start(stack: &Arc<Stack>) -> Hostile {
    let target: Target = {
        let stack = stack.clone();
        Arc::new(move || stack.newest())
    };
    let mut member = JoinSet::new();
    member.spawn(abuse(stack.clone()));
    Hostile { _strangers: Attack::begin(&target, STRANGERS).await, _member: member }
}

/// Bombs, floods and hang-ups, with a good token.
async fn abuse(stack: Arc<Stack>) {
    let http = http_client();
    let list =
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_workflows","arguments":{}}}"#;
    let bomb = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"list_workflows","arguments":{{"x":[{}[]]}}}}}}"#,
        "[],".repeat(ARRAYS)
    );
    loop {
        let post = |body: String| {
            http.post(format!("{}/mcp", stack.newest()))
                .bearer_auth(fixtures::SECOND_TOKEN)
                .header("content-type", "application/json")
                .header("accept", "application/json, text/event-stream")
                .header("mcp-protocol-version", "2025-11-25")
                .body(body)
                .send()
        };
        // Refused, or cut with an instance that goes: no matter.
        let _ = post(bomb.clone()).await;
        let mut flood = JoinSet::new();
        for _ in 0..FLOOD {
            flood.spawn(timeout(PATIENCE, post(list.to_owned())));
        }
        while flood.join_next().await.is_some() {}
        sleep(PAUSE).await;
    }
}
