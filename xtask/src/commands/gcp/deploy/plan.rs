//! The plan of a deploy, of one service or of the whole fleet, shown at once.

mod service;

use serde_json::{Value, json};

use super::cron;
use super::images::Built;
use super::job::{self, Step};
use super::job_manifest::manifest;
use super::{Deploy, difference_of};
use crate::commands::gcp::plan::{Item, Plan, State};
use crate::commands::gcp::scope::Scope;
use crate::config::fleet::SCHEDULER;
use crate::config::fleet::resolved::Job;
use crate::tools::gcloud;
use service::ServicePlan;

impl Deploy<'_> {
    /// The plan.
    pub(super) fn plan(&self, command: &'static str) -> Plan {
        let (place, names) = (&self.place, self.place.names());
        let mut at = Scope::of(names);
        let mut items: Vec<Item> = Vec::new();
        if !self.alone {
            items.extend(self.images.values().map(|image| image.item(place.context)));
        }
        for key in &place.steps {
            if let Some((job, image)) =
                place.fleet.job(key).and_then(|job| Some((job, self.image(&job.container)?)))
            {
                items.push(self.job(job, image));
            }
            let service = place.fleet.service(key);
            if let Some((service, image)) =
                service.and_then(|service| Some((service, self.image(&service.container)?)))
            {
                items.extend(ServicePlan::of(self, service, image).items());
                if self.alone {
                    at = at.commit(&image.tag);
                }
            }
            if key == SCHEDULER {
                items.extend(self.scheduler());
            }
        }
        items.extend(place.skipped.iter().map(|(key, why)| Item::pending(format!("{key}: skipped"), why)));
        if !self.alone && self.state.in_maintenance(place) {
            let open = format!("cargo xtask gcp maintenance off {} opens it", place.stage());
            items.push(Item::unchanged("the stage is in maintenance and stays so").note(open));
        }
        items.extend(self.uploaded_item());
        items.extend(self.identity_item());
        Plan { command, place: at, items }
    }

    fn job(&self, job: &Job, image: &Built) -> Item {
        let (names, name) = (self.place.names(), &job.container.name);
        let resource = format!("job {name}");
        match job::step(job, image, &self.state) {
            Step::Done(run) => Item::unchanged(resource).note(format!("{run} has succeeded with this image")),
            Step::Await(run) => Item::step(resource, State::Change, gcloud::fleet::execution(names, &run))
                .note(format!("{run} is running with this image: it is waited for")),
            Step::Run(changes) => {
                let state = if self.state.jobs.contains_key(name) { State::Change } else { State::Create };
                let execute = gcloud::fleet::execute(names, name);
                let mut item = if changes.is_empty() {
                    Item::step(resource, state, execute)
                } else {
                    let manifest = format!("{:#}\n", manifest(job, image, &self.state));
                    let write = gcloud::fleet::replace_job(names, &manifest);
                    Item::step(resource, state, write).then("once it is written", execute)
                };
                item.notes = changes;
                item.note("runs once, before anything else is touched")
            }
        }
    }

    fn scheduler(&self) -> Vec<Item> {
        match self.address() {
            Some(Ok(address)) => {
                let maintenance = self.state.in_maintenance(&self.place);
                cron::items(&self.place, &self.state.scheduled, &address, maintenance)
            }
            // A wrong address has ended the check before.
            Some(Err(_)) => Vec::new(),
            None => vec![self.scheduler_later()],
        }
    }

    /// The scheduled jobs call an address that is known once their target is deployed.
    fn scheduler_later(&self) -> Item {
        let scheduler = &self.place.fleet.scheduler;
        let target = &scheduler.target;
        let address = format!("ADDRESS_OF_{}", target.to_uppercase());
        let maintenance = self.state.in_maintenance(&self.place);
        let when = format!("once {target} is deployed ({address} is its address)");
        let item = Item::pending(
            format!("{} scheduled jobs", scheduler.jobs.len()),
            format!("with the address of {target}, which is not there yet"),
        );
        let jobs = cron::items(&self.place, &self.state.scheduled, &address, maintenance);
        jobs.into_iter().filter_map(|job| job.step).fold(item, |item, step| item.then(&when, step))
    }

    /// Only where something of the stage's file is not uploaded, or that is not known: a deploy uploads nothing.
    fn uploaded_item(&self) -> Option<Item> {
        let (uploaded, names) = (self.state.uploaded.as_ref()?, self.place.names());
        let resource = format!("settings in secret {}", names.secret());
        if let Some(difference) = uploaded.difference() {
            let how = format!("to upload it first: cargo xtask gcp secrets {}", names.stage());
            return Some(Item::pending(resource, difference).note(how));
        }
        uploaded.unknown().map(|unknown| Item::unchanged(resource).note(unknown))
    }

    /// Only where something is wrong with it, or not known: `gcp setup` makes it, not a deploy.
    fn identity_item(&self) -> Option<Item> {
        let (identity, names) = (self.identity.as_ref()?, self.place.names());
        let resource = format!("identity of {}", names.service());
        if !identity.problems.is_empty() {
            let item = Item::pending(resource, "no further instance of the server would start:");
            let item = identity.problems.iter().cloned().fold(item, Item::note);
            return Some(item.note(format!("cargo xtask gcp setup {}", names.stage())));
        }
        let unknown = identity.unknown.join(", ");
        (!unknown.is_empty()).then(|| Item::unchanged(resource).note(format!("could not be read: {unknown}")))
    }

    /// For programs.
    pub(super) fn json(&self, plan: &Plan, applied: bool) -> Value {
        let mut json = plan.json(applied);
        if let (true, Some((service, image))) = (self.alone, self.server()) {
            let spec = self.spec(service, image);
            json["commit"] = json!(image.commit);
            json["image"] = json!(spec.image);
            json["fields"] = json!(difference_of(self.live(service), &spec));
            json["kept"] = json!(spec.foreign.kept);
            json["web"] = json!(self.comparisons());
        } else {
            let skipped = self.place.skipped.iter();
            json["skipped"] = skipped.map(|(key, why)| json!({"step": key, "why": why})).collect();
        }
        json
    }
}
