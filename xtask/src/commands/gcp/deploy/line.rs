//! The line: one step after another, the next only when the one before it is proven; the first failure stops it.

use super::{Deploy, cron, job, serves, wanted};
use crate::commands::gcp::lock::Lock;
use crate::commands::gcp::plan::Plan;
use crate::commands::gcp::rollout::Rollout;
use crate::commands::gcp::scope::Scope;
use crate::commands::gcp::service::{Ingress, Live};
use crate::commands::gcp::state::State;
use crate::commands::gcp::{apply, rollout};
use crate::config::fleet::SCHEDULER;
use crate::config::fleet::resolved::Service;
use crate::core::error::{Error, Result};
use crate::core::exit::Exit;
use crate::tools::gcloud::{self, fleet};

impl Deploy<'_> {
    /// Every step; what became of each, in their order.
    pub(super) fn line(&mut self, lock: &Lock<'_>) -> Result<Vec<String>> {
        let steps = self.place.steps.clone();
        let mut done = Vec::new();
        for (index, key) in steps.iter().enumerate() {
            self.place.context.printer.note(&format!("{key}:"));
            match self.step(key, lock) {
                Ok(end) => {
                    self.place.context.printer.note(&format!("  {end}"));
                    done.push(format!("{key}: {end}"));
                }
                Err(error) => return Err(self.stopped(error, key, &done, &steps[index + 1..])),
            }
        }
        Ok(done)
    }

    /// The one service that this is about; what serves then.
    pub(super) fn bring(&mut self, lock: &Lock<'_>) -> Result<Live> {
        let server = self.place.server()?.clone();
        self.service(&server, lock)
    }

    fn step(&mut self, key: &str, lock: &Lock<'_>) -> Result<String> {
        if key == SCHEDULER {
            return self.scheduler_jobs(lock);
        }
        if let Some(job) = self.place.fleet.job(key) {
            let image = self.image(&job.container).ok_or_else(|| no_image(key))?;
            let execution = job::run(&self.place, job, image, &self.state, lock)?;
            return Ok(format!("{execution} has succeeded"));
        }
        let Some(service) = self.place.fleet.service(key).cloned() else {
            return Err(Error::failed(format!("the fleet has no step '{key}'")));
        };
        let after = self.service(&service, lock)?;
        Ok(format!("{} at {}", serves(&after), after.url))
    }

    /// The MCP server may call the web application, and proves itself over HTTP.
    fn service(&mut self, service: &Service, lock: &Lock<'_>) -> Result<Live> {
        let (context, names) = (self.place.context, self.place.names());
        let (name, access) = (&service.container.name, wanted::access(service));
        let image = self.image(&service.container).ok_or_else(|| no_image(&service.container.key))?;
        if service.gated && self.state.may_call_web(names) == Some(false) {
            lock.verify()?;
            context
                .runner
                .read(&gcloud::bind_invoker(names))
                .map_err(|error| error.during("access to the web application"))?;
        }
        let prober = self.prober(service, image)?;
        let proof = prober.as_ref().map(|prober| move |url: &str| prober.prove(url));
        let proof = proof.as_ref().map(|proof| proof as rollout::Proof<'_>);
        let spec = self.spec(service, image);
        let (live, config) = (self.live(service), self.place.config.as_ref().filter(|_| service.gated));
        let rollout = Rollout {
            context,
            names,
            lock,
            service: name,
            spec: &spec,
            access,
            found: self.state.access(name),
            mark: &image.mark(),
            proof,
            // What nobody can reach is not proven, and no rollback goes to it; of the others that they came up is the proof.
            remembered: proof.is_none() || spec.ingress != Ingress::Internal,
            public_url: config.map(|config| config.base_url.as_str()),
        };
        let after = rollout.run(live)?;
        self.state.services.insert(name.clone(), after.clone());
        // A queue runs again once what it leads to is up.
        if let Some(queue) = service.queue.as_ref().filter(|queue| self.is_to_resume(queue)) {
            lock.verify()?;
            context.runner.read(&fleet::resume_queue(self.place.names(), queue))?;
        }
        Ok(after)
    }

    /// The scheduler's jobs, side by side: only those that differ.
    fn scheduler_jobs(&self, lock: &Lock<'_>) -> Result<String> {
        let scheduler = &self.place.fleet.scheduler;
        let address = match self.address() {
            Some(Ok(address)) => address,
            Some(Err(problem)) => {
                return Err(Error::usage("the scheduler's calls would be refused").cause(problem).hint(
                    "correct the environment file, upload it as a new version, then type the same command again",
                ));
            }
            None => {
                let target = &scheduler.target;
                return Err(Error::failed(format!(
                    "{target} is not deployed, so there is no address to call"
                ))
                .hint(format!("deploy it first: add {target} to --only, or leave that out")));
            }
        };
        let maintenance = self.state.in_maintenance(&self.place);
        let items = cron::items(&self.place, &self.state.scheduled, &address, maintenance);
        let plan = Plan { command: super::DEPLOY_ALL, place: Scope::of(self.place.names()), items };
        let count = plan.steps().count();
        if count > 0 {
            lock.verify()?;
            apply::apply(self.place.context, &plan, self.at_once)?;
        }
        Ok(format!("{} scheduled jobs, {count} written, calling {address}", scheduler.jobs.len()))
    }

    /// Says what is on which version, and what was not touched.
    fn stopped(&self, error: Error, at: &str, done: &[String], rest: &[String]) -> Error {
        let interrupted = error.exit() == Exit::Interrupted;
        let mut error = error.during(at);
        for line in done {
            error = error.cause(format!("done: {line}"));
        }
        if let Some(service) = self.place.fleet.service(at).filter(|_| !interrupted) {
            let now = match State::read(&self.place, self.at_once) {
                Ok(now) => {
                    let live = now.services.get(&service.container.name);
                    live.map_or_else(|| "is not there".to_owned(), serves)
                }
                Err(_) => "could not be read".to_owned(),
            };
            error = error.cause(format!("stopped: {at}: {now}"));
        } else {
            error = error.cause(format!("stopped: {at}"));
        }
        for key in rest {
            let still = self.place.fleet.service(key).and_then(|service| self.live(service)).map(serves);
            error = error.cause(match still {
                Some(still) => format!("not touched: {key}: {still}"),
                None => format!("not touched: {key}"),
            });
        }
        // What has failed may have said so itself.
        if error.to_string().contains("type the same command again") {
            return error;
        }
        error.hint("type the same command again: it looks first, and goes on where this stopped")
    }
}

fn no_image(key: &str) -> Error {
    Error::failed(format!("{key} has no image"))
}
