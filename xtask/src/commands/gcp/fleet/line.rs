//! The line: one step after another, the next only when the one before it is proven; the first failure stops it.

use super::facts::Facts;
use super::images::{Built, Images};
use super::place::Place;
use super::plan::{Wanted, serves};
use super::{cron, job, wanted};
use crate::commands::gcp::lock::Lock;
use crate::commands::gcp::mcp::{Config, Prober};
use crate::commands::gcp::plan::Plan;
use crate::commands::gcp::rollout::Rollout;
use crate::commands::gcp::service::Live;
use crate::commands::gcp::{apply, rollout};
use crate::config::fleet::SCHEDULER;
use crate::config::fleet::resolved::Service;
use crate::core::error::{Error, Result};
use crate::core::exit::Exit;
use crate::core::runner::Ahead;
use crate::tools::gcloud::{self, fleet};

/// Runs the steps.
pub(super) struct Line<'p, 'a> {
    pub(super) place: &'p Place<'a>,
    pub(super) images: &'p Images,
    pub(super) facts: Facts,
    pub(super) lock: &'p Lock<'p>,
    pub(super) at_once: usize,
}

impl Line<'_, '_> {
    /// Every step; what became of each, in their order.
    pub(super) fn run(&mut self) -> Result<Vec<String>> {
        let mut done = Vec::new();
        for (index, key) in self.place.steps.iter().enumerate() {
            self.place.context.printer.note(&format!("{key}:"));
            match self.step(key) {
                Ok(end) => {
                    self.place.context.printer.note(&format!("  {end}"));
                    done.push(format!("{key}: {end}"));
                }
                Err(error) => {
                    let rest = &self.place.steps[index + 1..];
                    return Err(self.stopped(error, key, &done, rest));
                }
            }
        }
        Ok(done)
    }

    fn step(&mut self, key: &str) -> Result<String> {
        let place = self.place;
        if key == SCHEDULER {
            return self.scheduler();
        }
        let container = place.containers().find(|container| container.key == key);
        let image = container.and_then(|container| self.images.get(&container.image));
        let Some(image) = image else { return Err(Error::failed(format!("{key} has no image"))) };
        if let Some(job) = place.fleet.job(key) {
            let execution = job::run(place, job, image, &self.facts, self.lock)?;
            return Ok(format!("{execution} has succeeded"));
        }
        let Some(service) = place.fleet.service(key) else {
            return Err(Error::failed(format!("the fleet has no step '{key}'")));
        };
        if service.gated { self.mcp(service, image) } else { self.service(service, image, None, None) }
    }

    fn service(
        &mut self,
        service: &Service,
        image: &Built,
        proof: Option<rollout::Proof<'_>>,
        public_url: Option<&str>,
    ) -> Result<String> {
        let place = self.place;
        let name = &service.container.name;
        let spec = wanted::spec(place, service, image, &self.facts)?;
        let access = wanted::access(service);
        let live = self.facts.services.get(name);
        let rollout = Rollout {
            context: place.context,
            names: place.names(),
            lock: self.lock,
            service: name,
            spec: &spec,
            access,
            found: self.facts.access(name),
            mark: &image.mark(),
            proof,
            // What nobody could reach was not proven, and is none to go back to; of the others that they came up is the proof.
            remembered: proof.is_none() || !live.is_some_and(Live::in_maintenance),
            public_url,
            next_write: Ahead::default(),
        };
        let after = rollout.run(live)?;
        let end = format!("{} at {}", serves(&after), after.url);
        self.facts.services.insert(name.clone(), after);
        self.resume(service)?;
        Ok(end)
    }

    /// A queue that maintenance, or somebody, has paused runs again once what it leads to is up.
    fn resume(&self, service: &Service) -> Result<()> {
        let Some(queue) = &service.queue else { return Ok(()) };
        let paused = self.facts.queues.get(queue).copied().unwrap_or(false);
        if !paused || wanted::in_maintenance(self.place, &self.facts) {
            return Ok(());
        }
        self.lock.verify()?;
        self.place.context.runner.read(&fleet::resume_queue(self.place.names(), queue)).map(|_| ())
    }

    /// The MCP server: it may call the web application, and proves itself over HTTP.
    fn mcp(&mut self, service: &Service, image: &Built) -> Result<String> {
        let (context, names) = (self.place.context, self.place.names());
        let config = Config::load(context, names.stage())?;
        let (account, web) = (names.service_account(), names.web_service());
        if self.facts.services.contains_key(&web) && !self.facts.may_call(&account, &web) {
            self.lock.verify()?;
            context
                .runner
                .read(&gcloud::bind_invoker(names))
                .map_err(|error| error.during("access to the web application"))?;
        }
        let prober = Prober::new(context, names.stage(), &image.reference(), &image.commit)?;
        let prober = if config.enabled { prober.with_tools_on() } else { prober };
        let proof = |url: &str| prober.prove(url);
        let proof: Option<rollout::Proof<'_>> = if service.proof.probe { Some(&proof) } else { None };
        self.service(service, image, proof, Some(&config.base_url))
    }

    /// The scheduler's jobs, side by side: only those that differ.
    fn scheduler(&self) -> Result<String> {
        let place = self.place;
        let address = Wanted { place, images: self.images, facts: &self.facts }.address();
        let address = match address {
            Some(Ok(address)) => address,
            Some(Err(problem)) => {
                return Err(Error::usage("the scheduler's calls would be refused").cause(problem).hint(
                    "correct the environment file, upload it as a new version, then type the same command again",
                ));
            }
            None => {
                let target = &place.fleet.scheduler.target;
                return Err(Error::failed(format!(
                    "{target} is not deployed, so there is no address to call"
                ))
                .hint(format!("deploy it first: add {target} to --only, or leave that out")));
            }
        };
        let maintenance = wanted::in_maintenance(place, &self.facts);
        let items = cron::items(place, &self.facts.scheduled, &address, maintenance);
        let plan = Plan { command: "gcp deploy-all", place: String::new(), items };
        let count = plan.steps().count();
        if count > 0 {
            self.lock.verify()?;
            apply::apply(place.context, &plan, self.at_once)?;
        }
        Ok(format!("{} scheduled jobs, {count} written, calling {address}", place.fleet.scheduler.jobs.len()))
    }

    /// Says what is on which version, and what was not touched.
    fn stopped(&self, error: Error, at: &str, done: &[String], rest: &[String]) -> Error {
        let interrupted = error.exit() == Exit::Interrupted;
        let mut error = error.during(at);
        for line in done {
            error = error.cause(format!("done: {line}"));
        }
        if let Some(service) = self.place.fleet.service(at).filter(|_| !interrupted) {
            let name = &service.container.name;
            let now = match Facts::read(self.place, self.at_once) {
                Ok(now) => now.services.get(name).map_or_else(|| "is not there".to_owned(), serves),
                Err(_) => "could not be read".to_owned(),
            };
            error = error.cause(format!("stopped: {at}: {now}"));
        } else {
            error = error.cause(format!("stopped: {at}"));
        }
        for key in rest {
            let name = self.place.fleet.service(key).map(|service| &service.container.name);
            let still = name.and_then(|name| self.facts.services.get(name)).map(serves);
            error = error.cause(match still {
                Some(still) => format!("not touched: {key}: {still}"),
                None => format!("not touched: {key}"),
            });
        }
        error.hint("type the same command again: it looks first, and goes on where this stopped")
    }
}
