//! Resident memory: idle, with many connections, and under large uploads.

use std::time::Duration;

use futures_util::future::join_all;
use sandbox::{Fault, Route, Sandbox, fixtures};
use suite::mcp::Era;
use suite::memory::Memory;
use suite::post::{Framing, Post, call};

use crate::contender::Contender;
use crate::stack::Stack;
use crate::stats::Row;

/// The group of these rows.
pub(crate) const GROUP: &str = "Resident memory";
/// Its first row.
pub(crate) const IDLE: &str = "idle, after one call";
/// Its second row.
pub(crate) const CONNECTED: &str = "peak at 64 connections";
const UPLOADING: &str = "peak under 64 uploads of 3.7 MB at once";

const CONNECTIONS: usize = 64;
const CALLS: usize = 8000;
const UPLOADS: usize = 64;
/// In base64.
const UPLOAD_BYTES: usize = 3_700_000;
/// A Validibot that is slow lets uploads pile up.
const SLOW: Duration = Duration::from_millis(500);

pub(crate) async fn measure(stack: &Stack, rounds: usize) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for (contender, with) in [(Contender::Jwt, ""), (Contender::OtherAllocator, ", with mimalloc")] {
        let (mut idle, mut connected, mut uploading) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let running = stack.run(contender, Vec::new()).await?;
            idle.push(megabytes(Memory::of(running.program.pid()).now));
            stack.load(&running, CALLS, CONNECTIONS).run().await?;
            connected.push(megabytes(Memory::of(running.program.pid()).peak));
            running.stop().await?;
            uploading.push(megabytes(uploads(stack, contender).await?));
        }
        for (what, samples) in [(IDLE, idle), (CONNECTED, connected), (UPLOADING, uploading)] {
            rows.push(Row::new(GROUP, format!("{what}{with}"), "MB", samples));
        }
    }
    Ok(rows)
}

/// The peak; every upload is done in the end, those that were refused for load too.
async fn uploads(stack: &Stack, contender: Contender) -> Result<u64, String> {
    let sandbox = Sandbox::builder().throttle(1_000_000).recording(false).start().await;
    let sandbox = sandbox.map_err(|error| error.to_string())?;
    sandbox.misbehave(Route::LaunchRun, Fault::Delay(SLOW));
    let mut server = stack.before(sandbox.url(), contender)?;
    server.ready().await?;
    let workflow = fixtures::workflow_ref(fixtures::ACME, fixtures::ENERGY_MODEL);
    let content = "eHh4".repeat(UPLOAD_BYTES / 4);
    let arguments =
        format!(r#"{{"file_content":"{content}","file_name":"a.json","workflow_ref":"{workflow}"}}"#);
    let body = call(Era::Legacy, "validate_file", &arguments);
    let post = Post::new(server.url(), Era::Legacy, Framing::Length);
    let answers = join_all((0..UPLOADS).map(|_| post.until_done("validate_file", &body))).await;
    for answer in answers {
        if answer.status != 200 || answer.body["result"]["structuredContent"]["run_ref"].is_null() {
            return Err(format!("an upload was answered with {}: {}", answer.status, answer.body));
        }
    }
    let peak = Memory::of(server.pid()).peak;
    server.stop().await?;
    Ok(peak)
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
