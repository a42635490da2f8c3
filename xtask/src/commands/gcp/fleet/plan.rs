//! The plan of the whole fleet, shown at once.

use super::conflicts;
use super::facts::Facts;
use super::images::{Built, Images};
use super::job::{self, Step};
use super::place::Place;
use super::{cron, secret, wanted};
use crate::commands::gcp::age::{self, Age};
use crate::commands::gcp::plan::{Item, Plan, State};
use crate::commands::gcp::rollout::{Access, Way, unrecorded, way};
use crate::commands::gcp::service::{CANDIDATE, Changed, Live, Manifest, Target, Template, difference};
use crate::commands::gcp::serving;
use crate::config::fleet::SCHEDULER;
use crate::config::fleet::resolved::{Job, Service};
use crate::core::error::{Error, Result};
use crate::tools::gcloud::{self, run};

/// In a plan's commands, where the deploy takes a random one.
const REVISION: &str = "new";

/// Everything that a deploy of the fleet is made from.
pub(super) struct Wanted<'p, 'a> {
    pub(super) place: &'p Place<'a>,
    pub(super) images: &'p Images,
    pub(super) facts: &'p Facts,
}

impl Wanted<'_, '_> {
    /// What has to be right before anything is touched, and can be known by then.
    pub(super) fn check(&self) -> Result<()> {
        for service in self.place.services() {
            let name = &service.container.name;
            self.place.hands.check(name, self.facts.services.get(name))?;
        }
        let mut problems = conflicts::conflicts(self.place, self.facts);
        if let Some(Err(problem)) = self.address() {
            problems.push(problem);
        }
        if problems.is_empty() {
            return Ok(());
        }
        Err(Error::usage("the secrets do not fit, so nothing was changed").causes(problems).hint(
            "correct the environment file, upload it as a new version, then type the same command again",
        ))
    }

    /// An error where a service would go back to an older commit, or to one that was gone back from, and nobody has asked
    /// for that.
    pub(super) fn check_ages(&self, asked_for: bool) -> Result<()> {
        let mut refused = Vec::new();
        for service in self.place.services() {
            let why = match self.image(&service.container.image) {
                Some(image) => self.age(service, image)?.refused,
                None => None,
            };
            refused.extend(why.map(|why| format!("{}: {why}", service.container.key)));
        }
        age::refuse(refused, self.place.names(), asked_for)
    }

    fn age(&self, service: &Service, image: &Built) -> Result<Age> {
        let live = self.facts.services.get(&service.container.name);
        Age::of(self.place.context, image.folder.as_deref(), live, &image.commit)
    }

    /// The address that the scheduler calls; `None` where the scheduler is not asked for, or its target not there yet.
    pub(super) fn address(&self) -> Option<std::result::Result<String, String>> {
        let target = self.place.scheduled_target()?;
        let live = self.facts.services.get(&target.container.name)?;
        let secret = &target.container.secret;
        Some(secret::audience(secret, self.facts.secrets.get(&secret.name)?, live))
    }

    pub(super) fn plan(&self) -> Result<Plan> {
        let (place, names) = (self.place, self.place.names());
        let mut items: Vec<Item> = self.images.values().map(Built::item).collect();
        for key in &place.steps {
            if let Some(job) = place.fleet.job(key) {
                items.extend(self.image(&job.container.image).map(|image| self.job(job, image)));
            } else if let Some(service) = place.fleet.service(key)
                && let Some(image) = self.image(&service.container.image)
            {
                items.extend(self.service(service, image)?);
            } else if key == SCHEDULER {
                items.extend(self.scheduler());
            }
        }
        items.extend(place.skipped.iter().map(|(key, why)| Item::pending(format!("{key}: skipped"), why)));
        if wanted::in_maintenance(place, self.facts) {
            let open = format!("cargo xtask gcp maintenance off {} opens it", place.stage());
            items.push(Item::unchanged("the stage is in maintenance and stays so").note(open));
        }
        let place = format!("{} in project {}, {}", names.stage(), names.project(), names.region());
        Ok(Plan { command: "gcp deploy-all", place, items })
    }

    pub(super) fn image(&self, key: &str) -> Option<&Built> {
        self.images.get(key)
    }

    fn job(&self, job: &Job, image: &Built) -> Item {
        let names = self.place.names();
        let name = &job.container.name;
        let resource = format!("job {name}");
        match job::step(job, image, self.facts) {
            Step::Done(run) => Item::unchanged(resource).note(format!("{run} has succeeded with this image")),
            Step::Await(run) => Item::step(resource, State::Change, gcloud::fleet::execution(names, &run))
                .note(format!("{run} is running with this image: it is waited for")),
            Step::Run(changes) => {
                let state = if self.facts.jobs.contains_key(name) { State::Change } else { State::Create };
                let mut item = Item::step(resource, state, gcloud::fleet::execute(names, name));
                item.notes = changes;
                item.note("runs once, before anything else is touched")
            }
        }
    }

    fn service(&self, service: &Service, image: &Built) -> Result<Vec<Item>> {
        let (place, names) = (self.place, self.place.names());
        let name = &service.container.name;
        let spec = wanted::spec(place, service, image, self.facts)?;
        let live = self.facts.services.get(name);
        let revision = format!("{name}-{}-{REVISION}", image.mark());
        let step = |template: Template<'_>, traffic: Vec<Target>| {
            let manifest = Manifest { name, live, template, service: Some(&spec), traffic, history: None };
            run::replace(names, &manifest.text())
        };
        let new = Template::New(&spec, &revision);
        let resource = format!("service {name}");
        let changes = live.map(|live| difference(live.compared(), &spec)).unwrap_or_default();
        let mut item = match (way(&spec, live), live) {
            (_, None) => Item::step(resource, State::Create, step(new, vec![Target::whole(&revision)]))
                .note(format!("image: {}", spec.image))
                .note(format!("ingress: {}", spec.ingress.name())),
            (Way::First, _) => Item::step(resource, State::Change, step(new, vec![Target::whole(&revision)]))
                .note("nothing serves yet: the new revision gets everything at once"),
            (Way::NewRevision, Some(live)) => {
                let mut traffic = live.shares();
                traffic.push(Target::tagged(&revision, CANDIDATE));
                Item::step(resource, State::Change, step(new, traffic))
            }
            (Way::Newest, Some(live)) => {
                let newest = live.newest.clone().unwrap_or_default();
                Item::step(resource, State::Change, step(Template::Kept, vec![Target::whole(&newest)]))
                    .note(format!("traffic -> {newest}, once it is proven"))
            }
            (Way::Settings, Some(live)) => {
                Item::step(resource, State::Change, step(Template::Kept, live.shares()))
            }
            (Way::Nothing, Some(live)) => match unproven(service, live) {
                Some(serving) => Item::step(resource, State::Change, step(Template::Kept, live.shares()))
                    .note(format!(
                        "{serving} is not known to have been proven: that is done, and written down"
                    )),
                None => Item::unchanged(resource).note(serves(live)),
            },
        };
        item.notes.extend(changes.iter().map(Changed::text));
        item.notes.extend(spec.kept());
        item.notes.extend(live.into_iter().flat_map(Live::stays));
        item.notes.extend(live.and_then(serving::beside));
        item.notes.extend(self.age(service, image)?.lines());
        let mut items = vec![item];
        items.extend(self.access(service, name));
        items.extend(self.queue(service));
        items.extend(self.invoker(service));
        Ok(items)
    }

    /// Who may call it, where that is not as it should be; of a new service it is part of its making.
    fn access(&self, service: &Service, name: &str) -> Option<Item> {
        let (names, wanted) = (self.place.names(), wanted::access(service));
        let found = self.facts.access(name)?;
        if found == wanted {
            return None;
        }
        Some(match wanted {
            Access::Everybody => {
                let open = run::open_to_everybody(names, name);
                Item::step(format!("everybody may call {name}"), State::Change, open)
            }
            Access::Granted => {
                let close = run::close_to_everybody(names, name);
                Item::step(format!("not everybody may call {name}"), State::Remove, close)
            }
        })
    }

    fn queue(&self, service: &Service) -> Option<Item> {
        let queue = service.queue.as_ref()?;
        let resume = gcloud::fleet::resume_queue(self.place.names(), queue);
        let paused = self.facts.queues.get(queue).copied().unwrap_or(false);
        let paused = paused && !wanted::in_maintenance(self.place, self.facts);
        paused.then(|| Item::step(format!("queue {queue} runs again"), State::Change, resume))
    }

    /// The MCP server calls the web application.
    fn invoker(&self, service: &Service) -> Option<Item> {
        let names = self.place.names();
        let (account, web) = (names.service_account(), names.web_service());
        let missing =
            service.gated && self.facts.services.contains_key(&web) && !self.facts.may_call(&account, &web);
        let bind = gcloud::bind_invoker(names);
        missing.then(|| Item::step(format!("{account} may call {web}"), State::Change, bind))
    }

    fn scheduler(&self) -> Vec<Item> {
        match self.address() {
            Some(Ok(address)) => {
                let maintenance = wanted::in_maintenance(self.place, self.facts);
                cron::items(self.place, &self.facts.scheduled, &address, maintenance)
            }
            // A wrong address has ended the check before.
            Some(Err(_)) => Vec::new(),
            None => vec![Item::pending(
                format!("{} scheduled jobs", self.place.fleet.scheduler.jobs.len()),
                format!("with the address of {}, which is not there yet", self.place.fleet.scheduler.target),
            )],
        }
    }
}

/// What has the traffic of a service that proves itself over HTTP, where it is not known to have done so: somebody was
/// interrupted just then.
fn unproven<'l>(service: &Service, live: &'l Live) -> Option<&'l str> {
    unrecorded(live).filter(|_| service.gated && service.proof.probe && !live.in_maintenance())
}

/// What serves, in a word.
pub(super) fn serves(live: &Live) -> String {
    let Some(revision) = live.serving() else {
        let divided = "its traffic is divided between several revisions".to_owned();
        return if live.shares().is_empty() { "nothing serves yet".to_owned() } else { divided };
    };
    let commit = live.serving_spec().labels.get(crate::commands::gcp::service::COMMIT);
    let commit = commit.map(|commit| format!(" (commit {commit})"));
    format!("{revision} serves{}", commit.unwrap_or_default())
}
