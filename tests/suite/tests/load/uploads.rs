//! Large files, many at once, to a Validibot that is slow.

use std::time::Duration;

use futures_util::future::join_all;
use sandbox::{Fault, Route, Sandbox, fixtures};
use suite::mcp::Era;
use suite::memory::Memory;
use suite::post::{Framing, Post, call};

const UPLOADS: usize = 64;

#[tokio::test]
async fn large_uploads_are_done_or_refused_and_then_done_in_bounded_memory() {
    for era in Era::BOTH {
        let (sandbox, server) = crate::start(Sandbox::builder().recording(false)).await;
        sandbox.misbehave(Route::LaunchRun, Fault::Delay(Duration::from_millis(500)));
        let body = upload(era, 3_700_000);
        let post = Post::new(server.mcp_url(), era, Framing::Length);
        let answers = join_all((0..UPLOADS).map(|_| post.until_done("validate_file", &body))).await;
        let mut refusals = 0;
        let mut runs = std::collections::HashSet::new();
        for answer in answers {
            assert_eq!(answer.status, 200, "{}", answer.body);
            let run = &answer.body["result"]["structuredContent"]["run_ref"];
            runs.insert(run.as_str().unwrap_or_else(|| panic!("no run: {}", answer.body)).to_owned());
            refusals += answer.refusals;
        }
        assert_eq!(runs.len(), UPLOADS, "one run for each call");
        assert!(refusals > 0, "64 uploads of 3.7 MB are more than the budget");
        let memory = Memory::of(server.pid());
        assert!(memory.peak < 200_000_000, "the peak was {} bytes", memory.peak);
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_and_the_client_gets_to_read_it() {
    let (sandbox, server) = crate::start(Sandbox::builder()).await;
    for framing in [Framing::Length, Framing::Chunked] {
        let body = upload(Era::Legacy, 20_000_000);
        let answer =
            Post::new(server.mcp_url(), Era::Legacy, framing).until_done("validate_file", &body).await;
        assert_eq!((answer.status, &answer.body["error"]), (413, &"payload_too_large".into()), "{framing:?}");
    }
    assert!(sandbox.received().is_empty(), "nothing reached Validibot");
    let memory = Memory::of(server.pid());
    assert!(memory.peak < 60_000_000, "the peak was {} bytes", memory.peak);
}

/// A call that uploads `size` bytes of base64 text: a file of which Validibot sees with its first byte that it is no
/// JSON, so that the run costs nothing.
fn upload(era: Era, size: usize) -> bytes::Bytes {
    let workflow = fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL);
    let content = "eHh4".repeat(size / 4);
    let arguments =
        format!(r#"{{"file_content":"{content}","file_name":"a.json","workflow_ref":"{workflow}"}}"#);
    call(era, "validate_file", &arguments)
}
