//! Progress notifications, for clients that asked for them.

use rmcp::model::{JsonObject, NumberOrString, ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext, RoleServer};
use serde_json::Value;

/// Clients count, or write a UUID. A longer token, which each notification would repeat, is as good as none.
const MAX_TOKEN_BYTES: usize = 1024;

fn is_short(token: &ProgressToken) -> bool {
    match &token.0 {
        NumberOrString::Number(_) => true,
        NumberOrString::String(text) => text.len() <= MAX_TOKEN_BYTES,
    }
}

/// Reports how far a run is. The number only grows, as MCP demands: between two finished steps it creeps
/// towards the next one, which tells a client that somebody is still there. It stays below the total, for the run is
/// finished a moment after its last step.
pub(super) struct Progress {
    to: Option<(Peer<RoleServer>, ProgressToken)>,
    done: usize,
    steps: Option<usize>,
    /// The finished steps that the number starts from.
    base: usize,
    beats: u32,
    /// The run's state, once it was read.
    state: Option<String>,
}

impl Progress {
    /// To the client at the other end of the link, where it asked for them.
    pub(super) fn new(link: Option<&RequestContext<RoleServer>>) -> Self {
        let to = link.and_then(|context| {
            let token = context.meta.get_progress_token().filter(is_short)?;
            Some((context.peer.clone(), token))
        });
        Self { to, done: 0, steps: None, base: 0, beats: 0, state: None }
    }

    /// Whether the client asked for them.
    pub(super) fn is_followed(&self) -> bool {
        self.to.is_some()
    }

    /// How often something was reported since the last finished step.
    #[cfg(test)]
    pub(super) fn beats(&self) -> u32 {
        self.beats
    }

    /// Takes in a reading of the run.
    pub(super) fn observe(&mut self, run: &JsonObject) {
        let steps = run.get("steps").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let finished = |step: &&Value| {
            matches!(step.get("status").and_then(Value::as_str), Some("PASSED" | "FAILED" | "SKIPPED"))
        };
        self.done = self.done.max(steps.iter().filter(finished).count());
        self.steps = (!steps.is_empty()).then_some(steps.len()).or(self.steps);
        let base = self.done.min(self.steps.unwrap_or(1).saturating_sub(1));
        if base > self.base {
            (self.base, self.beats) = (base, 0);
        }
        if let Some(state) = run.get("state").and_then(Value::as_str) {
            self.state = Some(state.to_owned());
        }
    }

    fn number(&self) -> f64 {
        creeping(self.base, self.beats)
    }

    /// Tells the client. That it is gone is noticed elsewhere.
    pub(super) async fn report(&mut self) {
        self.beats += 1;
        let Some((peer, token)) = &self.to else { return };
        let mut params = ProgressNotificationParam::new(token.clone(), self.number());
        let mut message = match &self.state {
            Some(state) => format!("The run is {state}"),
            None => "Requesting the run's state".to_owned(),
        };
        if let Some(steps) = self.steps {
            params = params.with_total(as_float(steps));
            message = format!("{message}: {} of {steps} steps done", self.done);
        }
        let _ = peer.notify_progress(params.with_message(message)).await;
    }
}

/// Grows with each beat and stays below the next step. Some hosts show the number as it is: five decimals, which grow with
/// each of the beats that fit into the longest wait.
fn creeping(done: usize, beats: u32) -> f64 {
    let number = as_float(done) + 1.0 - 1.0 / (1.0 + f64::from(beats) / 10.0);
    (number * 100_000.0).round() / 100_000.0
}

fn as_float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn the_number_only_grows_and_stays_below_the_total() {
        let mut progress = Progress::new(None);
        let mut told = Vec::new();
        for done in 0..=3 {
            let status = |step| if step < done { "PASSED" } else { "PENDING" };
            let steps: Vec<Value> = (0..3).map(|step| json!({ "status": status(step) })).collect();
            progress.observe(json!({ "state": "RUNNING", "steps": steps }).as_object().expect("an object"));
            for _ in 0..200 {
                progress.report().await;
                told.push(progress.number());
            }
        }
        assert!(told.windows(2).all(|pair| pair[0] < pair[1]), "{told:?}");
        assert!(told.iter().all(|number| number.to_string().len() <= 7), "{told:?}");
        assert!(told[0] > 0.0 && told.last().is_some_and(|last| (2.0..3.0).contains(last)), "{told:?}");
    }
}
