//! The application on one screen, without its MCP server: what runs, on which version, and what is paused or missing.
//!
//! A stage may have no fleet, and an operator may lack a role for part of it: what cannot be read is said in its line.

use serde::Serialize;

use super::{parse_queue, parse_services};
use crate::commands::gcp::deploy::cron;
use crate::commands::gcp::deploy::job::{End, Execution};
use crate::commands::gcp::deploy::place::Place;
use crate::commands::gcp::deploy::serves;
use crate::commands::gcp::service::{Ingress, Live};
use crate::commands::gcp::state::observe::{Read, observe_all};
use crate::config::context::Context;
use crate::config::fleet::Fleet;
use crate::config::stage::Stage;
use crate::core::error::Result;
use crate::tools::gcloud::{self, Seen, Trouble};

/// gcloud is all processor: two at a time.
const AT_ONCE: usize = 2;

/// The application in one word, and a line for each part of it.
#[derive(Debug, Serialize)]
pub(in crate::commands::gcp) struct View {
    /// `LIVE`, `MAINTENANCE`, `PARTIAL`, `NOT_DEPLOYED` or `UNKNOWN`.
    pub(in crate::commands::gcp) overall: &'static str,
    parts: Vec<Part>,
}

/// A part of the fleet.
#[derive(Debug, Serialize)]
struct Part {
    /// Its key in the file.
    step: String,
    state: State,
    /// For people.
    says: String,
    /// Whether it is a job that runs once.
    #[serde(skip)]
    once: bool,
}

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum State {
    /// As it is when users are served.
    Live,
    /// As it is in maintenance.
    Closed,
    /// The same in both.
    Either,
    /// Neither.
    Partial,
    /// Not there.
    Missing,
    /// Unknown.
    Unknown,
}

/// Looks; `None` where there is no fleet's file.
pub(in crate::commands::gcp) fn view(context: &Context, stage: Stage) -> Result<Option<View>> {
    if !Fleet::is_described(context) {
        return Ok(None);
    }
    let place = Place::whole(context, stage)?;
    let names = place.names();
    let mut reads = vec![
        Read::new("the services of the region", gcloud::fleet::services(names)),
        Read::new("the scheduler's jobs", gcloud::fleet::scheduled(names)),
    ];
    let queues: Vec<&String> = place.services().filter_map(|service| service.queue.as_ref()).collect();
    reads.extend(
        queues
            .iter()
            .map(|queue| Read::new(format!("the queue {queue}"), gcloud::fleet::queue(names, queue))),
    );
    for job in &place.fleet.jobs {
        let name = &job.container.name;
        let newest = gcloud::fleet::newest_execution(names, name);
        reads.push(Read::new(format!("the executions of {name}"), newest));
    }
    let mut answers = observe_all(context, AT_ONCE, &reads)?.into_iter();
    let mut next = || answers.next().unwrap_or(Seen::Absent);
    let services = next().understand("the services", |text| parse_services(&place, text));
    let scheduled = next().understand("the scheduler's jobs", cron::Live::parse);
    let mut parts: Vec<Part> = place
        .services()
        .filter(|service| !service.gated)
        .map(|service| {
            let part = Part::new(&service.container.key);
            match &services {
                Seen::Present(services) => {
                    part.service(services.get(&service.container.name), service.public)
                }
                Seen::Absent => part.is(State::Missing, "is not deployed"),
                Seen::Unknown(trouble) => part.unknown(trouble),
            }
        })
        .collect();
    let deployed = parts.iter().any(|part| part.state != State::Missing);
    parts.push(Part::new(crate::config::fleet::SCHEDULER).scheduler(&place, &scheduled));
    for queue in &queues {
        let part = Part::new(&format!("queue {queue}"));
        parts.push(match next().understand(queue, parse_queue) {
            Seen::Present(true) => part.is(State::Closed, "is paused"),
            Seen::Present(false) => part.is(State::Live, "runs"),
            Seen::Absent => part.is(State::Missing, "is not there"),
            Seen::Unknown(trouble) => part.unknown(&trouble),
        });
    }
    for job in &place.fleet.jobs {
        let part = Part::new(&job.container.key);
        parts.push(match next().understand(&job.container.key, Execution::parse_list) {
            Seen::Present(runs) => part.job(runs.first()),
            Seen::Absent => part.job(None),
            Seen::Unknown(trouble) => part.unknown(&trouble),
        });
    }
    Ok(Some(View { overall: overall(&parts, deployed), parts }))
}

/// Without a service, nobody needs to know what could not be read of a queue or of the scheduler.
fn overall(parts: &[Part], deployed: bool) -> &'static str {
    let states: Vec<State> =
        parts.iter().map(|part| part.state).filter(|state| *state != State::Either).collect();
    let all = |wanted: State| states.iter().all(|state| *state == wanted);
    // A job that has failed keeps nobody out, and lets nobody in.
    let closed = parts.iter().filter(|part| part.state != State::Either && !part.once);
    match () {
        () if !deployed => "NOT_DEPLOYED",
        () if states.contains(&State::Unknown) => "UNKNOWN",
        () if all(State::Live) => "LIVE",
        () if closed.clone().count() > 0 && closed.clone().all(|part| part.state == State::Closed) => {
            "MAINTENANCE"
        }
        () => "PARTIAL",
    }
}

impl View {
    /// What is neither as it is open nor as it is closed.
    pub(in crate::commands::gcp) fn partial(&self) -> impl Iterator<Item = String> {
        let parts = self.parts.iter().filter(|part| part.state == State::Partial);
        parts.map(|part| format!("{}: {}", part.step, part.says))
    }

    /// For people.
    pub(in crate::commands::gcp) fn text(&self) -> String {
        let mut lines = vec![format!("application: {}", self.overall)];
        lines.extend(self.parts.iter().map(|part| format!("  {}: {}", part.step, part.says)));
        lines.join("\n")
    }
}

impl Part {
    fn new(step: &str) -> Self {
        Self { step: step.to_owned(), state: State::Unknown, says: String::new(), once: false }
    }

    fn is(self, state: State, says: impl Into<String>) -> Self {
        Self { state, says: says.into(), ..self }
    }

    fn unknown(self, trouble: &Trouble) -> Self {
        self.is(State::Unknown, format!("could not be read: {}", trouble.advice_text()))
    }

    /// A private service looks the same in both states: what leads to it is paused.
    fn service(self, live: Option<&Live>, public: bool) -> Self {
        let Some(live) = live else { return self.is(State::Missing, "is not deployed") };
        let state = match (public, live.spec.ingress) {
            _ if live.serving().is_none() => State::Partial,
            (false, _) => State::Either,
            (true, Ingress::Internal) => State::Closed,
            (true, _) => State::Live,
        };
        let problem = live.problem.as_ref().map(|problem| format!("; {problem}")).unwrap_or_default();
        self.is(state, format!("{}, ingress {}{problem}", serves(live), live.spec.ingress.name()))
    }

    fn scheduler(self, place: &Place<'_>, live: &Seen<Vec<cron::Live>>) -> Self {
        let live = match live {
            Seen::Present(live) => live.as_slice(),
            Seen::Absent => &[],
            Seen::Unknown(trouble) => return self.unknown(trouble),
        };
        let jobs = &place.fleet.scheduler.jobs;
        let ours = |found: &&cron::Live| jobs.iter().any(|job| job.name == found.name);
        let found: Vec<&cron::Live> = live.iter().filter(ours).collect();
        let paused = found.iter().filter(|job| job.paused).count();
        let (all, enabled) = (jobs.len(), found.len() - paused);
        let state = match (enabled, paused) {
            (0, 0) => State::Missing,
            (enabled, 0) if enabled == all => State::Live,
            (0, paused) if paused == all => State::Closed,
            _ => State::Partial,
        };
        let missing = all - found.len();
        self.is(state, format!("{enabled} jobs enabled, {paused} paused, {missing} missing"))
    }

    fn job(mut self, newest: Option<&Execution>) -> Self {
        self.once = true;
        match newest.map(|run| (&run.name, &run.end)) {
            None => self.is(State::Either, "has not run yet"),
            Some((name, End::Succeeded)) => self.is(State::Either, format!("{name} has succeeded")),
            Some((name, End::Running)) => self.is(State::Either, format!("{name} is running")),
            Some((name, End::Failed(why))) => self.is(State::Partial, format!("{name} failed: {why}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_migration_does_not_hide_the_maintenance() {
        let part = |state: State, once: bool| Part { once, ..Part::new("part").is(state, "failed") };
        let (closed, failed) = (|| part(State::Closed, false), || part(State::Partial, true));
        assert_eq!(overall(&[closed(), closed(), failed()], true), "MAINTENANCE");
        assert_eq!(overall(&[part(State::Live, false), failed()], true), "PARTIAL");
        assert_eq!(overall(&[closed(), part(State::Partial, false)], true), "PARTIAL");
        let view = View { overall: "MAINTENANCE", parts: vec![closed(), failed()] };
        assert_eq!(view.partial().collect::<Vec<_>>(), ["part: failed"]);
    }
}
