//! What is done to the stack while traffic goes on.

use std::sync::Arc;
use std::time::Duration;

use sandbox::{Fault, Route};
use tokio::time::{Instant, sleep, sleep_until};

use crate::hostile::Hostile;
use crate::stack::{Stack, Trouble};
use crate::watch::{Readings, Watch};

/// How long a fault lasts.
const FAULT: Duration = Duration::from_secs(2);
/// How long nothing happens after it.
const REST: Duration = Duration::from_secs(3);
/// The part of the time after which no instance goes any more: what an instance leaks shows only with age.
const STEADY_FROM: f64 = 0.55;
/// What it is at least, however long the changes took on a busy machine.
const STEADY_AT_LEAST: Duration = Duration::from_secs(20);

/// Kinds of changes: see [`change`].
const CHANGES: usize = 4;

/// What Validibot's helper API does wrong, in turns.
fn backend_faults() -> [(Route, Fault); 6] {
    [
        (Route::ListWorkflows, Fault::Cut),
        (Route::WorkflowDetails, Fault::Status(503)),
        (Route::RunStatus, Fault::StatusWithRetryAfter(429, 1)),
        (Route::LaunchRun, Fault::CutMidway),
        (Route::Any, Fault::Delay(Duration::from_millis(700))),
        (Route::WorkflowDetails, Fault::TruncatedJson),
    ]
}

/// What its provider does wrong. None that uses a token up and keeps the answer: a client cannot mend that.
fn provider_faults() -> [(Route, Fault); 4] {
    [
        (Route::Jwks, Fault::Status(503)),
        (Route::Token, Fault::Status(502)),
        (Route::AuthMe, Fault::Cut),
        (Route::Token, Fault::Cut),
    ]
}

/// Does it all; ends with what was read of the instances in the steady part.
///
/// The hostile tenant ends before that part: its connections wander from one instance to the other, and look like a
/// leak of the one and not of the other.
pub(crate) async fn run(stack: Arc<Stack>, length: Duration, hostile: Hostile) -> Readings {
    let begun = Instant::now();
    let end = begun + length;
    let steady = begun + length.mul_f64(STEADY_FROM);
    let mut turn = 0;
    // Short runs have no time for more than one of each kind of change.
    while turn < CHANGES || Instant::now() + FAULT + REST < steady {
        change(&stack, turn).await;
        fault(&stack, turn).await;
        turn += 1;
    }
    drop(hostile);
    let watch = Watch::of(stack.pids().await);
    let end = end.max(Instant::now() + STEADY_AT_LEAST);
    while Instant::now() + FAULT + REST < end {
        fault(&stack, turn).await;
        turn += 1;
    }
    sleep_until(end).await;
    watch.finish().await
}

async fn change(stack: &Arc<Stack>, turn: usize) {
    match turn % CHANGES {
        0 => stack.kill().await,
        1 => stack.replace().await,
        2 => stack.rotate_seal_keys().await,
        _ => new_provider_key(stack).await,
    }
}

async fn fault(stack: &Stack, turn: usize) {
    let (backend, provider) = (backend_faults(), provider_faults());
    let (what, (route, fault)) = if turn.is_multiple_of(2) {
        (Trouble::Backend, backend[turn / 2 % backend.len()].clone())
    } else {
        (Trouble::Provider, provider[turn / 2 % provider.len()].clone())
    };
    let window = stack.open(what);
    stack.sandbox.misbehave(route, fault);
    sleep(FAULT).await;
    stack.sandbox.behave();
    stack.close(window);
    sleep(REST).await;
}

async fn new_provider_key(stack: &Arc<Stack>) {
    let window = stack.open(Trouble::NewKey);
    let stack_there = stack.clone();
    // Making a key takes a good part of a second of computing.
    let made = tokio::task::spawn_blocking(move || stack_there.sandbox.rotate_key()).await;
    made.expect("a key is made");
    stack.close(window);
}
