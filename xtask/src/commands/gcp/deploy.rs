//! `gcp plan` and `gcp deploy`: this commit's image into service, proven before users get it.

mod facts;
mod order;
mod planned;

pub(super) use facts::project_number;
pub(crate) use facts::{Facts, balanced};

use super::age::Age;
use super::identity::{self, Identity};
use super::lock::{self, Lock};
use super::mcp::Prober;
use super::rollout::{self, Access, Rollout};
use super::service::{Hands, Live, Spec};
use super::side_by_side::both;
use super::{apply, plan::Plan};
use crate::cli::{GcpDeploy, GcpPlan};
use crate::config::context::Context;
use crate::config::stage::Names;
use crate::core::error::{Error, Result};
use crate::core::exit::Exit;
use crate::core::runner::Ahead;
use crate::tools::gcloud;
use facts::{First, Rest};
use order::Order;
use planned::File;

/// Everything that a deploy of this commit to this stage is made from.
struct Deploy<'a> {
    order: Order<'a>,
    facts: Facts,
    spec: Spec,
    age: Age,
    /// `None` where nobody asked: Cloud Run refuses a revision that could not be who it is.
    identity: Option<Identity>,
}

/// Shows the difference between what is wanted and what is there: exit code 2 where there is one.
pub(super) fn plan(context: &Context, args: &GcpPlan) -> Result<Exit> {
    let (order, first) =
        Order::read(context, args.stage, args.allow_dirty, Hands::of(args.hands), args.at_once)?;
    let deploy = Deploy::read(order, first)?;
    let plan = deploy.plan("gcp plan");
    if let Some(path) = &args.out {
        deploy.save(path)?;
        context.printer.note(&format!("wrote {0}; apply just this: --plan {0}", path.display()));
    }
    if args.json {
        context.printer.json(&deploy.json(&plan, false));
    } else {
        context.printer.data(&plan.render());
    }
    let fit = deploy.identity.is_none_or(|identity| identity.problems.is_empty());
    Ok(if plan.is_empty() && fit { Exit::Success } else { Exit::ChangesPending })
}

/// Brings this commit into service.
pub(super) fn deploy(context: &Context, args: &GcpDeploy) -> Result<()> {
    let planned = args.plan.as_deref().map(File::read).transpose()?;
    let common = &args.common;
    let (order, first) =
        Order::read(context, common.stage, args.allow_dirty, Hands::of(args.hands), common.at_once)?;
    let nobody_looks = common.yes && !common.dry_run && planned.is_none();
    if nobody_looks && common.at_once > 1 && order.is_sure_to_write(&first) {
        return deploy_at_once(order, first, args);
    }
    let mut deploy = Deploy::read(order, first)?;
    if let Some(planned) = &planned {
        deploy.check(planned)?;
    }
    let plan = deploy.plan("gcp deploy");
    if !common.json {
        context.printer.data(&plan.render());
    }
    if common.dry_run {
        return deploy.show(&plan, common.json);
    }
    if let Some(identity) = &deploy.identity {
        identity.check(deploy.names())?;
    }
    if plan.is_empty() {
        let left = || lock::give_back_what_is_left(context, deploy.names());
        let (left, proven) = both(left, || deploy.prove_what_serves());
        proven?;
        left?;
        deploy.done(&plan, None, common.json);
        return Ok(());
    }
    deploy.age.check(deploy.names(), args.yes_older)?;
    apply::confirm(context, common)?;
    let (names, command) = (deploy.names().clone(), command(args));
    let after = lock::under(context, &names, &command, args.lock_wait, |lock| {
        deploy.look_again(planned.as_ref(), common.yes)?;
        deploy.age.check(deploy.names(), args.yes_older)?;
        deploy.apply(lock, Ahead::default())
    })?;
    deploy.done(&plan, Some(&after), common.json);
    Ok(())
}

/// A deploy that will certainly write, whatever else is found, and that nobody is asked about: the lock is taken beside the
/// rest of the reads, and what another deploy changes (the services) is read once more under it. The plan is made of that.
///
/// Everything is known before the first write, as ever; where it is not, the lock is given back.
fn deploy_at_once(order: Order<'_>, first: First, args: &GcpDeploy) -> Result<()> {
    let (context, at_once, json) = (order.context, order.at_once, args.common.json);
    let names = order.settings.names.clone();
    std::thread::scope(|scope| {
        let rest = scope.spawn(|| Rest::read(context, &names, at_once - 1));
        let work = |lock: &Lock<'_>| {
            let first = first.again(context, &names);
            let write = Ahead::default();
            rollout::start_write(context, &names, &write);
            let rest = rest.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            // Who had to wait for the lock may have waited for an hour.
            let facts = if lock.was_waited_for() {
                Facts::read(context, &names, at_once)
            } else {
                Facts::of(context, &names, first?, rest?)
            };
            let deploy = Deploy::new(order, facts?)?;
            let plan = deploy.plan("gcp deploy");
            if !json {
                context.printer.data(&plan.render());
            }
            // Whoever had the lock before has done it.
            if plan.is_empty() {
                deploy.prove_what_serves()?;
                return Ok((deploy, plan, None));
            }
            deploy.age.check(&names, args.yes_older)?;
            let after = deploy.apply(lock, write)?;
            Ok((deploy, plan, Some(after)))
        };
        let (deploy, plan, after) = lock::under(context, &names, &command(args), args.lock_wait, work)?;
        deploy.done(&plan, after.as_ref(), json);
        Ok(())
    })
}

/// As the lock says it.
fn command(args: &GcpDeploy) -> String {
    format!("gcp deploy {}", args.common.stage)
}

impl<'a> Deploy<'a> {
    fn names(&self) -> &Names {
        &self.order.settings.names
    }

    fn new(order: Order<'a>, facts: Facts) -> Result<Self> {
        order.hands.check(&order.service, facts.service.as_ref())?;
        let spec = order.spec(&facts);
        let (context, commit) = (order.context, &order.source.commit);
        let age = Age::of(context, Some(&context.root), facts.service.as_ref(), commit)?;
        Ok(Self { order, facts, spec, age, identity: None })
    }

    /// Reads the rest. Changes nothing.
    fn read(order: Order<'a>, first: First) -> Result<Self> {
        let (context, names) = (order.context, &order.settings.names);
        let rest = Rest::read(context, names, order.at_once)?;
        let facts = Facts::of(context, names, first, rest)?;
        let identity = identity::read(context, names, order.at_once)?;
        Ok(Self { identity: Some(identity), ..Self::new(order, facts)? })
    }

    /// Looks again, now that nobody else is at it: who was asked, or had to wait, may have taken an hour.
    fn look_again(&mut self, planned: Option<&File>, yes: bool) -> Result<()> {
        let before = self.facts.document();
        let Order { context, at_once, .. } = self.order;
        self.facts = Facts::read(context, self.names(), at_once)?;
        self.order.hands.check(&self.order.service, self.facts.service.as_ref())?;
        self.spec = self.order.spec(&self.facts);
        let commit = &self.order.source.commit;
        self.age = Age::of(context, Some(&context.root), self.facts.service.as_ref(), commit)?;
        if let Some(planned) = planned {
            return self.check(planned);
        }
        if self.facts.document() == before {
            return Ok(());
        }
        self.order.context.printer.note("what is there has changed since the plan was made; it is now:");
        self.order.context.printer.note(&self.plan("gcp deploy").render());
        if yes {
            return Ok(());
        }
        Err(Error::failed("this is not the plan that was confirmed")
            .cause("nothing was changed")
            .hint("type the same command again"))
    }

    /// Does what is to do; what serves then.
    fn apply(&self, lock: &Lock<'_>, write: Ahead) -> Result<Live> {
        let names = self.names();
        if self.facts.invoker == Some(false) {
            lock.verify()?;
            self.order
                .context
                .runner
                .read(&gcloud::bind_invoker(names))
                .map_err(|error| error.during("access to the web application"))?;
        }
        let prober = self.prober()?;
        let proof = |url: &str| prober.prove(url);
        self.rollout(lock, &proof, write).run(self.facts.service.as_ref())
    }

    fn rollout<'b>(&'b self, lock: &'b Lock<'b>, proof: rollout::Proof<'b>, write: Ahead) -> Rollout<'b> {
        Rollout {
            context: self.order.context,
            names: self.names(),
            lock,
            service: &self.order.service,
            spec: &self.spec,
            access: Access::Everybody,
            found: Some(self.facts.access),
            mark: self.order.source.mark(),
            proof: Some(proof),
            // What nobody could reach was not proven, and is none to go back to.
            remembered: !self.facts.in_maintenance(),
            public_url: Some(&self.order.config.base_url),
            next_write: write,
        }
    }

    fn prober(&self) -> Result<Prober<'_>> {
        let Order { context, image, source, config, .. } = &self.order;
        let prober = Prober::new(context, self.names().stage(), image, &source.commit)?;
        Ok(if config.enabled { prober.with_tools_on() } else { prober })
    }

    /// Nothing differs; still, what serves has to be this commit and fit for traffic.
    fn prove_what_serves(&self) -> Result<()> {
        let Some(live) = &self.facts.service else { return Ok(()) };
        let prober = self.prober()?;
        rollout::public_proof(
            self.order.context,
            live,
            Some(&|url| prober.prove(url)),
            Some(&self.order.config.base_url),
        )
        .map_err(|error| {
            // Only where there is something to go back to.
            if live.history.served.iter().all(|known| Some(known.as_str()) == live.serving()) {
                return error;
            }
            error.hint(format!("go back: cargo xtask gcp rollback {}", self.names().stage()))
        })
    }

    /// A dry run: the plan's commands, ready to paste.
    fn show(&self, plan: &Plan, json: bool) -> Result<()> {
        if json {
            self.order.context.printer.json(&self.json(plan, false));
            return Ok(());
        }
        let runner = crate::core::runner::Runner::dry_run(
            self.order.context.printer.clone(),
            self.order.context.runner.interrupts().clone(),
        );
        for (_, command) in plan.steps() {
            runner.read(command)?;
        }
        Ok(())
    }

    fn done(&self, plan: &Plan, after: Option<&Live>, json: bool) {
        let live = after.or(self.facts.service.as_ref());
        let serving = live.and_then(Live::serving).unwrap_or_default().to_owned();
        let url = live.map(|live| live.url.clone()).unwrap_or_default();
        if json {
            let mut report = self.json(plan, after.is_some());
            report["serving"] = serde_json::json!(serving);
            report["url"] = serde_json::json!(url);
            self.order.context.printer.json(&report);
        } else {
            self.order
                .context
                .printer
                .data(&format!("{serving} serves commit {} at {url}", self.order.source.commit));
        }
    }
}
