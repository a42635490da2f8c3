//! Validibot is upgraded in place under traffic, and taken back, over and over: nobody may notice.

use std::sync::Arc;
use std::time::Duration;

use sandbox::Version;
use suite::proxy::Bug;
use tokio::time::{Instant, sleep};

use crate::ledger::{self, Verdict};
use crate::stack::Stack;
use crate::traffic;
use crate::watch::Watch;

/// How long each version stays: some of the calls of each second are under way when it goes.
const EVERY: Duration = Duration::from_secs(3);

/// Calls with API tokens alone: who signed in cannot be served by 0.16 (docs/versions.md).
pub(crate) async fn run(length: Duration, bug: Option<Bug>) -> Verdict {
    let stack = Arc::new(Stack::start().await);
    let watch = Watch::of(stack.pids().await);
    let callers = traffic::start(&stack, false).await;
    if let Some(bug) = bug {
        stack.proxy.misbehave(bug);
    }
    let end = Instant::now() + length;
    let mut changes = 0;
    for version in [Version::V0_16, Version::V0_15].into_iter().cycle() {
        sleep(EVERY).await;
        if Instant::now() >= end {
            break;
        }
        stack.sandbox.set_version(version);
        changes += 1;
    }
    let (entries, lost) = callers.finish().await;
    let readings = watch.finish().await;
    let runs = ledger::by_number(&stack, &entries);
    let mut verdict = ledger::settle(&stack, &entries, &lost, &readings, runs);
    verdict.text = format!("{changes} changes of Validibot's version\n{}", verdict.text);
    verdict
}
