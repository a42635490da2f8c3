//! `wait_for_run`: polls until the run is finished, the budget is used up or the client is gone.

use std::time::Duration;

use rmcp::model::JsonObject;
use rmcp::service::{RequestContext, RoleServer};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::arguments::Arguments;
use super::backend::Backend;
use super::error::ToolError;
use super::findings::{Page, is_complete};
use super::outcome::Outcome;
use super::progress::Progress;
use super::runs::{Readable, argument};
use crate::caller::Caller;
use crate::validibot::ApiError;

/// How long to wait for a client that follows the progress: below the 60 s after which several hosts cut a call.
pub(super) const DEFAULT_SECONDS: i64 = 50;
/// And for one that hears nothing until the end: several cut such a call at 30 s.
pub(super) const SILENT_SECONDS: i64 = 20;
/// Below Cloud Run's request timeout of 300 s, which would cut the answer off.
pub(super) const LONGEST_SECONDS: i64 = 270;
/// Each poll costs the user one of 1000 requests an hour, so the pauses grow: 2, 4, 8, 16, 30, 30 …
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A client hears from us at least every 15 s: the end of a pause and the beginning of a slow answer, in each of which
/// nobody has reported yet, follow one another.
const HEARTBEAT: Duration = Duration::from_secs(7);

/// Waits for a run.
pub(super) async fn wait(
    backend: &Backend,
    arguments: &mut Arguments,
    caller: Option<Caller>,
    link: Option<&RequestContext<RoleServer>>,
) -> Result<Outcome, ToolError> {
    let run = argument(backend, arguments, caller, "run_ref");
    let mut progress = Progress::new(link);
    let budget = budget(arguments, progress.is_followed());
    arguments.finish()?;
    let run = run.ok_or_else(ToolError::unauthorized)?;

    // At once: until the first message the transport sends nothing, not even a status.
    progress.report().await;
    tokio::select! {
        biased;
        () = given_up(link) => Err(ToolError::cancelled()),
        waited = poll(backend, &run, budget, &mut progress) => {
            waited.map(|run| Outcome::run(run, Page::default(), backend.clock.unix()))
        }
    }
}

/// Until the client gives the call up.
async fn given_up(link: Option<&RequestContext<RoleServer>>) {
    match link {
        Some(context) => context.ct.cancelled().await,
        None => std::future::pending().await,
    }
}

/// How long to wait, as the call wants it, or as its client's patience allows.
fn budget(arguments: &mut Arguments, followed: bool) -> Duration {
    let default = if followed { DEFAULT_SECONDS } else { SILENT_SECONDS };
    let seconds = arguments.integer("timeout_seconds").unwrap_or(default).clamp(0, LONGEST_SECONDS);
    Duration::from_secs(seconds.unsigned_abs())
}

async fn poll(
    backend: &Backend,
    run: &Readable,
    budget: Duration,
    progress: &mut Progress,
) -> Result<JsonObject, ToolError> {
    let deadline = Instant::now() + budget;
    let mut pause = FIRST_PAUSE;
    let mut latest: Option<JsonObject> = None;
    loop {
        let mut asked_to_wait = Duration::ZERO;
        let mut trouble = None;
        // Once there is something to tell, the end of this instance is a reason to tell it.
        let told = latest.is_some();
        let reading = tokio::select! {
            biased;
            () = backend.lifecycle.stopping_for(Duration::ZERO), if told => None,
            read = read(backend, run, deadline, progress) => Some(read),
        };
        match reading {
            None => {}
            Some(Ok(read)) => {
                if is_complete(&read) {
                    return Ok(read);
                }
                progress.observe(&read);
                latest = Some(read);
            }
            // A failure that may pass does not end the wait: the run goes on meanwhile.
            Some(Err(error)) if error.transient => {
                asked_to_wait = Duration::from_secs(error.retry_after.unwrap_or_default());
                trouble = Some(error);
            }
            Some(Err(error)) => return Err(error.into()),
        }
        let remaining = deadline.saturating_duration_since(Instant::now());
        let stopping = backend.lifecycle.is_stopping();
        if remaining.is_zero() || asked_to_wait > remaining || stopping {
            return match (latest, trouble) {
                (Some(latest), _) if stopping => Ok(interrupted(latest)),
                (Some(latest), _) => Ok(timed_out(latest, budget, asked_to_wait)),
                (None, Some(error)) => Err(error.into()),
                (None, None) => unreachable!("a poll ends in a reading or an error"),
            };
        }
        tokio::select! {
            () = backend.lifecycle.stopping_for(Duration::ZERO) => {}
            () = rest(pause.max(asked_to_wait).min(remaining), progress) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// One poll, with heartbeats while Validibot is slow. Even an empty budget buys one.
async fn read(
    backend: &Backend,
    run: &Readable,
    deadline: Instant,
    progress: &mut Progress,
) -> Result<JsonObject, ApiError> {
    let latest = deadline.max(Instant::now() + FIRST_PAUSE * 5);
    let reading = run.read(backend, Some(latest));
    tokio::pin!(reading);
    loop {
        tokio::select! {
            read = &mut reading => return read,
            () = sleep(HEARTBEAT) => progress.report().await,
        }
    }
}

async fn rest(pause: Duration, progress: &mut Progress) {
    progress.report().await;
    let end = Instant::now() + pause;
    loop {
        let remaining = end.saturating_duration_since(Instant::now());
        if remaining <= HEARTBEAT {
            return sleep(remaining).await;
        }
        sleep(HEARTBEAT).await;
        progress.report().await;
    }
}

/// The last reading, marked as not finished (contract, D5), and what to do now: call again, once Validibot takes
/// questions again.
fn timed_out(mut run: JsonObject, budget: Duration, asked_to_wait: Duration) -> JsonObject {
    run.insert("result".to_owned(), "TIMED_OUT".into());
    let why = format!("after {} s", budget.as_secs());
    match asked_to_wait.as_secs() {
        0 => unfinished(run, &why, "now"),
        seconds => {
            run.insert("retry_after_seconds".to_owned(), seconds.into());
            let why = format!("{why}, and Validibot takes no more questions for now");
            unfinished(run, &why, &format!("in {seconds} s"))
        }
    }
}

/// The same, because this instance ends: another one answers the next call.
fn interrupted(run: JsonObject) -> JsonObject {
    unfinished(run, "and this instance of the server is being replaced", "now")
}

fn unfinished(mut run: JsonObject, why: &str, when: &str) -> JsonObject {
    let state = run.get("state").and_then(Value::as_str).unwrap_or("not finished").to_owned();
    run.insert("is_complete".to_owned(), false.into());
    run.insert(
        "message".to_owned(),
        format!(
            "The run is still {state} {why}. It goes on: call wait_for_run again {when}, with the same run_ref"
        )
        .into(),
    );
    run
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::testing::object;

    #[tokio::test(start_paused = true)]
    async fn a_client_hears_from_us_however_long_the_pause() {
        assert!(HEARTBEAT * 2 < Duration::from_secs(15));
        // With the first report of a pause; one that would come at its very end is the next poll's.
        for (seconds, reports) in [(2, 1), (7, 1), (8, 2), (14, 2), (30, 5)] {
            let mut progress = Progress::new(None);
            let started = Instant::now();
            rest(Duration::from_secs(seconds), &mut progress).await;
            assert_eq!(progress.beats(), reports, "{seconds} s");
            assert_eq!(started.elapsed().as_secs(), seconds);
        }
    }

    #[test]
    fn a_client_that_hears_nothing_waits_for_20_seconds_and_one_that_follows_for_50() {
        let seconds = |given: serde_json::Value, followed| {
            budget(&mut Arguments::new(object(given)), followed).as_secs()
        };
        for nothing in [json!({}), json!({ "timeout_seconds": null }), json!({ "timeout_seconds": "" })] {
            assert_eq!((seconds(nothing.clone(), false), seconds(nothing, true)), (20, 50));
        }
        for (asked, waited) in [(0, 0), (7, 7), (270, 270), (9_999, 270), (-1, 0)] {
            for followed in [false, true] {
                assert_eq!(seconds(json!({ "timeout_seconds": asked }), followed), waited);
            }
        }
    }

    #[test]
    fn an_unfinished_run_says_when_to_call_again() {
        let message = |asked| {
            let run = timed_out(JsonObject::new(), Duration::from_secs(50), Duration::from_secs(asked));
            (run["message"].as_str().unwrap_or_default().to_owned(), run.get("retry_after_seconds").cloned())
        };
        let (at_once, wait) = message(0);
        assert!(at_once.contains("call wait_for_run again now"), "{at_once}");
        assert_eq!(wait, None);
        let (later, wait) = message(600);
        assert!(later.contains("call wait_for_run again in 600 s"), "{later}");
        assert_eq!(wait, Some(600.into()));
    }
}
