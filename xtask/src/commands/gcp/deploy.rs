//! `gcp plan`, `gcp deploy` and `gcp deploy-all`: one reading of the state, one plan, one confirmation, one lock; each step is proven
//! before users get it, and before the next begins.
//!
//! `deploy-all` is about the fleet that `envs/fleet.toml` describes, in its order; `deploy` about the fleet of one service, the MCP
//! server, whose image is built before.

mod conflicts;
pub(super) mod cron;
mod file;
mod images;
pub(super) mod job;
mod job_manifest;
mod line;
pub(super) mod place;
mod plan;
pub(super) mod secret;
mod unattended;
mod wanted;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::age::{self, Age};
use super::identity::{self, Identity};
use super::mcp::{Comparison, Prober, not_led_here};
use super::rollout::{self, Way, unrecorded, way};
use super::service::{COMMIT, Changed, Live, Spec, difference};
use super::side_by_side::both;
use super::state::{Answers, State};
use super::{apply, build, lock};
use crate::cli::{GcpDeploy, GcpDeployAll, GcpHands, GcpPlan};
use crate::config::context::Context;
use crate::config::fleet::resolved::{Container, Service};
use crate::config::stage::Stage;
use crate::core::error::{Error, Result};
use crate::core::exit::Exit;
use file::File;
use images::{Built, Images};
use place::{Choice, Place};

/// Everything that a deploy is made from.
struct Deploy<'a> {
    place: Place<'a>,
    images: Images,
    state: State,
    /// How each service's commit is related to what serves, by the services' keys.
    ages: BTreeMap<String, Age>,
    /// `None` where nobody asked: Cloud Run refuses a revision that could not be who it is.
    identity: Option<Identity>,
    /// Whether it is about the MCP server alone, whose every part is shown then.
    alone: bool,
    /// How many questions are asked at a time.
    at_once: usize,
}

/// Shows the difference between what is wanted and what is there: exit code 2 where there is one.
pub(super) fn plan(context: &Context, args: &GcpPlan) -> Result<Exit> {
    let (place, images, first) = begin(context, args.stage, args.allow_dirty, args.hands, args.at_once)?;
    let deploy = Deploy::attended(place, images, first, args.at_once)?;
    let plan = deploy.plan("gcp plan");
    if let Some(path) = &args.out {
        deploy.save(path)?;
        context.printer.note(&format!("wrote {0}; apply just this: --plan {0}", path.display()));
    }
    if args.json {
        context.printer.json(&deploy.json(&plan, false));
    } else {
        context.printer.report(&plan.render());
    }
    let fit = deploy.identity.is_none_or(|identity| identity.problems.is_empty());
    Ok(if plan.is_empty() && fit { Exit::Success } else { Exit::ChangesPending })
}

/// Brings this commit into service.
pub(super) fn deploy(context: &Context, args: &GcpDeploy) -> Result<()> {
    let planned = args.plan.as_deref().map(File::read).transpose()?;
    let common = &args.common;
    let (place, images, first) = begin(context, common.stage, args.allow_dirty, args.hands, common.at_once)?;
    let nobody_looks = common.yes && !common.dry_run && planned.is_none();
    if nobody_looks && common.at_once > 1 && unattended::is_sure_to_write(&place, &images, &first) {
        return unattended::deploy(place, images, first, args);
    }
    let mut deploy = Deploy::attended(place, images, first, common.at_once)?;
    if let Some(planned) = &planned {
        deploy.check(planned)?;
    }
    let plan = deploy.plan(DEPLOY);
    if !common.json {
        context.printer.report(&plan.render());
    }
    if common.dry_run && common.json {
        context.printer.json(&deploy.json(&plan, false));
        return Ok(());
    }
    if common.dry_run {
        plan.show(&context.printer);
        return Ok(());
    }
    if let Some(identity) = &deploy.identity {
        identity.check(deploy.place.names())?;
    }
    if plan.is_empty() {
        let left = || lock::give_back_what_is_left(context, deploy.place.names());
        let (left, proven) = both(left, || deploy.prove_what_serves());
        proven?;
        left?;
        deploy.done(&plan, None, common.json);
        return Ok(());
    }
    deploy.check_ages(args.yes_older)?;
    apply::confirm(context, common)?;
    let (names, command) = (deploy.place.names().clone(), typed(DEPLOY, common.stage));
    let after = lock::under(context, &names, &command, args.lock_wait, |lock| {
        deploy.look_again(DEPLOY, planned.as_ref(), common.yes, args.yes_older)?;
        deploy.bring(lock)
    })?;
    deploy.done(&plan, Some(&after), common.json);
    Ok(())
}

/// Brings the whole fleet where the file wants it.
pub(super) fn deploy_all(context: &Context, args: &GcpDeployAll) -> Result<()> {
    let common = &args.common;
    let place = Place::load(context, common.stage, &Choice::of(args))?;
    for (key, why) in &place.skipped {
        context.printer.note(&format!("{key}: skipped, because {why}"));
    }
    let images = images::resolve(&place, args)?;
    let state = State::read(&place, common.at_once)?;
    let mut deploy = Deploy::new(place, images, state, false, common.at_once)?;
    let plan = deploy.plan(DEPLOY_ALL);
    if !apply::offer_after(context, &plan, common, || deploy.check_ages(args.yes_older))? {
        if common.json {
            context.printer.json(&deploy.json(&plan, false));
        }
        return Ok(());
    }
    // Before the lock: a build takes minutes, and disturbs nobody.
    for image in deploy.images.values_mut() {
        image.make(context)?;
    }
    let (names, command) = (deploy.place.names().clone(), typed(DEPLOY_ALL, common.stage));
    let done = lock::under(context, &names, &command, args.lock_wait, |lock| {
        deploy.look_again(DEPLOY_ALL, None, common.yes, args.yes_older)?;
        deploy.line(lock)
    })?;
    if common.json {
        let mut report = deploy.json(&plan, true);
        report["done"] = json!(done);
        report["clients"] = json!(deploy.clients());
        context.printer.json(&report);
    } else {
        context.printer.data(&[done, deploy.clients().into_iter().collect()].concat().join("\n"));
    }
    Ok(())
}

const DEPLOY: &str = "gcp deploy";
const DEPLOY_ALL: &str = "gcp deploy-all";

/// As the lock says it.
fn typed(command: &str, stage: Stage) -> String {
    format!("{command} {stage}")
}

/// Reads the files, asks git and the registry for this commit's image, and asks the first questions about what is there. Changes
/// nothing.
fn begin(
    context: &Context,
    stage: Stage,
    allow_dirty: bool,
    hands: GcpHands,
    at_once: usize,
) -> Result<(Place<'_>, Images, Answers)> {
    let place = Place::alone(context, stage, hands)?;
    let source = build::source(context, allow_dirty)?;
    let (first, images) = both(|| Answers::first(&place, at_once), || images::of_server(&place, source));
    let first = first?;
    first.prepared(&place)?;
    let images = images?;
    Ok((place, images, first))
}

impl<'a> Deploy<'a> {
    /// Checks what has to be right before anything is touched, and can be known by then.
    fn new(place: Place<'a>, images: Images, state: State, alone: bool, at_once: usize) -> Result<Self> {
        let mut deploy = Self { place, images, state, ages: BTreeMap::new(), identity: None, alone, at_once };
        deploy.prepare()?;
        Ok(deploy)
    }

    /// Reads the rest of what somebody is shown. Changes nothing.
    fn attended(place: Place<'a>, images: Images, first: Answers, at_once: usize) -> Result<Self> {
        let rest = Answers::rest(&place, at_once)?;
        let state = State::of(&place, first.and(rest))?;
        let identity = identity::read(place.context, place.names(), at_once)?;
        Ok(Self { identity: Some(identity), ..Self::new(place, images, state, true, at_once)? })
    }

    fn prepare(&mut self) -> Result<()> {
        for service in self.place.services() {
            self.place.hands.check(&service.container.name, self.live(service))?;
        }
        let mut problems = conflicts::conflicts(&self.place, &self.state);
        problems.extend(self.address().and_then(std::result::Result::err));
        if !problems.is_empty() {
            return Err(Error::usage("the secrets do not fit, so nothing was changed").causes(problems).hint(
                "correct the environment file, upload it as a new version, then type the same command again",
            ));
        }
        let age = |service: &Service| {
            let image = self.image(&service.container)?;
            let folder: Option<&Path> = image.folder.as_deref();
            let age = Age::of(self.place.context, folder, self.live(service), &image.commit);
            // What serves stays as it is, whatever it is.
            let stays = way(&self.spec(service, image), self.live(service)) == Way::Nothing;
            let age = age.map(|age| if stays { Age { refused: None, ..age } } else { age });
            Some(age.map(|age| (service.container.key.clone(), age)))
        };
        self.ages = self.place.services().filter_map(age).collect::<Result<_>>()?;
        Ok(())
    }

    fn image(&self, container: &Container) -> Option<&Built> {
        self.images.get(&container.image)
    }

    fn live(&self, service: &Service) -> Option<&Live> {
        self.state.services.get(&service.container.name)
    }

    fn spec(&self, service: &Service, image: &Built) -> Spec {
        wanted::spec(&self.place, service, image, &self.state)
    }

    fn age(&self, service: &Service) -> Option<&Age> {
        self.ages.get(&service.container.key)
    }

    /// The MCP server and its image, where it is deployed.
    fn server(&self) -> Option<(&Service, &Built)> {
        let service = self.place.services().find(|service| service.gated)?;
        Some((service, self.image(&service.container)?))
    }

    /// An error where a service would go back to an older commit, or to one that was gone back from, and nobody has asked
    /// for that.
    fn check_ages(&self, asked_for: bool) -> Result<()> {
        let refused = self.ages.iter().filter_map(|(key, age)| Some((key, age.refused.clone()?)));
        let refused = refused.map(|(key, why)| if self.alone { why } else { format!("{key}: {why}") });
        age::refuse(refused, self.place.names(), asked_for)
    }

    /// The address that the scheduler calls; `None` where the scheduler is not asked for, or its target not there yet.
    fn address(&self) -> Option<std::result::Result<String, String>> {
        let target = self.place.scheduled_target()?;
        let secret = &target.container.secret;
        Some(secret::audience(secret, self.state.secrets.get(&secret.name)?, self.live(target)?))
    }

    /// Whether this queue, which maintenance or somebody has paused, is to run again.
    fn is_to_resume(&self, queue: &str) -> bool {
        self.state.queues.get(queue).copied().unwrap_or(false) && !self.state.in_maintenance(&self.place)
    }

    /// What the web application is told, beside what is used here; `None` where it is not deployed.
    fn comparisons(&self) -> Option<Vec<Comparison>> {
        let names = self.place.names();
        Some(self.state.told(names)?.compare(names, self.place.config.as_ref()?))
    }

    /// Reads the state again under the lock: the question or the wait for the lock may have taken an hour.
    fn look_again(
        &mut self,
        command: &'static str,
        planned: Option<&File>,
        yes: bool,
        yes_older: bool,
    ) -> Result<()> {
        let before = self.state.document(&self.place);
        self.state = State::read(&self.place, self.at_once)?;
        self.prepare()?;
        if let Some(planned) = planned {
            self.check(planned)?;
        } else if self.state.document(&self.place) != before {
            let printer = &self.place.context.printer;
            printer.note("what is there has changed since the plan was made; it is now:");
            printer.note(&self.plan(command).render());
            if !yes {
                return Err(Error::failed("this is not the plan that was confirmed")
                    .cause("nothing was changed")
                    .hint("type the same command again"));
            }
        }
        self.check_ages(yes_older)
    }

    /// How this service proves itself over HTTP: the MCP server by its image's own probe.
    fn prober(&self, service: &Service, image: &Built) -> Result<Option<Prober<'a>>> {
        let Some(config) = self.place.config.as_ref().filter(|_| service.gated && service.proof.probe) else {
            return Ok(None);
        };
        let prober = Prober::new(self.place.context, self.place.stage(), &image.reference(), &image.commit)?;
        Ok(Some(if config.enabled { prober.with_tools_on() } else { prober }))
    }

    /// Nothing differs; still, what serves has to be this commit and fit for traffic.
    fn prove_what_serves(&self) -> Result<()> {
        let Some((service, image)) = self.server() else { return Ok(()) };
        let Some(live) = self.live(service) else { return Ok(()) };
        let prober = self.prober(service, image)?;
        let proof = prober.as_ref().map(|prober| move |url: &str| prober.prove(url));
        let proof = proof.as_ref().map(|proof| proof as rollout::Proof<'_>);
        let url = self.place.config.as_ref().map(|config| config.base_url.as_str());
        rollout::public_proof(self.place.context, live, proof, url).map_err(|error| {
            // Only where there is something to go back to.
            if live.history.served.iter().all(|known| Some(known.as_str()) == live.serving()) {
                return error;
            }
            error.hint(format!("go back: cargo xtask gcp rollback {}", self.place.stage()))
        })
    }

    /// Says what serves now.
    fn done(&self, plan: &super::plan::Plan, after: Option<&Live>, as_json: bool) {
        let Some((service, image)) = self.server() else { return };
        let live = after.or(self.live(service));
        let serving = live.and_then(Live::serving).unwrap_or_default().to_owned();
        let url = live.map(|live| live.url.clone()).unwrap_or_default();
        if as_json {
            let mut report = self.json(plan, after.is_some());
            report["serving"] = json!(serving);
            report["url"] = json!(url);
            report["clients"] = json!(self.clients());
            self.place.context.printer.json(&report);
        } else {
            let (commit, stage) = (&image.commit, self.place.stage());
            let said = if live.is_some_and(Live::in_maintenance) {
                format!(
                    "{serving} has commit {commit}; {stage} stays closed until: cargo xtask gcp maintenance off {stage}"
                )
            } else {
                format!("{serving} serves commit {commit} at {url}")
            };
            self.place
                .context
                .printer
                .data(&[vec![said], self.clients().into_iter().collect()].concat().join("\n"));
        }
    }

    /// What is still to do before clients reach the server at the address that they use.
    fn clients(&self) -> Option<String> {
        let (server, _) = self.server()?;
        let config = self.place.config.as_ref()?;
        not_led_here(self.place.stage(), self.live(server)?, &config.base_url)
    }
}

/// What has the traffic of a service that proves itself over HTTP, where it is not known to have done so: somebody was
/// interrupted just then.
fn unproven<'l>(service: &Service, live: &'l Live) -> Option<&'l str> {
    unrecorded(live).filter(|_| service.gated && service.proof.probe && !live.in_maintenance())
}

/// What differs, field by field; of a new service, nothing.
fn difference_of(live: Option<&Live>, spec: &Spec) -> Vec<Changed> {
    live.map(|live| difference(live.compared(), spec)).unwrap_or_default()
}

/// What serves, in a word.
pub(super) fn serves(live: &Live) -> String {
    let Some(revision) = live.serving() else {
        let divided = "its traffic is divided between several revisions".to_owned();
        return if live.shares().is_empty() { "nothing serves yet".to_owned() } else { divided };
    };
    let commit = live.serving_spec().labels.get(COMMIT).map(|commit| format!(" (commit {commit})"));
    format!("{revision} serves{}", commit.unwrap_or_default())
}
