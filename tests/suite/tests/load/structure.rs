//! Bodies whose JSON would take a hundred times their size in memory.

use futures_util::future::join_all;
use sandbox::Sandbox;
use suite::mcp::Era;
use suite::memory::Memory;
use suite::post::{Framing, Post, call};

/// What one such body took without a bound on structure: 575 MB.
const PAIRS: usize = 925_000;

#[tokio::test]
async fn deep_and_wide_bodies_are_refused_while_they_stream_in() {
    let (_sandbox, server) = crate::start(Sandbox::builder()).await;
    let before = Memory::of(server.pid()).now;
    for framing in [Framing::Length, Framing::Chunked] {
        for era in Era::BOTH {
            let arguments = format!(r#"{{"file_content":[{}[1]]}}"#, "[1],".repeat(PAIRS));
            let body = call(era, "validate_file", &arguments);
            let post = Post::new(server.mcp_url(), era, framing);
            let answers = join_all((0..64).map(|_| post.until_done("validate_file", &body))).await;
            for answer in answers {
                assert_eq!(answer.status, 413, "{framing:?} {era:?}: {}", answer.body);
                assert_eq!(answer.body["error"], "payload_too_complex");
            }
        }
    }
    let after = Memory::of(server.pid());
    assert!(after.peak < 40_000_000, "the peak was {} bytes", after.peak);
    assert!(after.now < before + 15_000_000, "{before} bytes before, {} after", after.now);
}
