//! `gcp plan` and `gcp deploy`: this commit's image into service, proven before users get it.

mod facts;
mod planned;

pub(super) use facts::project_number;
pub(crate) use facts::{Facts, balanced};

use super::build::{self, Source};
use super::lock::{self, Lock};
use super::mcp::{Config, Place, Prober};
use super::rollout::{Access, Rollout};
use super::service::{Live, Spec};
use super::settings::{self, Settings};
use super::side_by_side::both;
use super::{apply, plan::Plan};
use crate::cli::{GcpDeploy, GcpPlan};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::gcloud;
use planned::File;

/// Everything that a deploy of this commit to this stage is made from.
struct Deploy<'a> {
    context: &'a Context,
    settings: Settings,
    service: String,
    config: Config,
    source: Source,
    image: String,
    at_once: usize,
    facts: Facts,
    spec: Spec,
}

/// Shows the difference between what is wanted and what is there: exit code 2 where there is one.
pub(super) fn plan(context: &Context, args: &GcpPlan) -> Result<Exit> {
    let deploy = Deploy::prepare(context, args.stage, args.allow_dirty, args.at_once)?;
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
    Ok(if plan.is_empty() { Exit::Success } else { Exit::ChangesPending })
}

/// Brings this commit into service.
pub(super) fn deploy(context: &Context, args: &GcpDeploy) -> Result<()> {
    let planned = args.plan.as_deref().map(File::read).transpose()?;
    let common = &args.common;
    let mut deploy = Deploy::prepare(context, common.stage, args.allow_dirty, common.at_once)?;
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
    if plan.is_empty() {
        deploy.prove_what_serves()?;
        deploy.done(&plan, None, common.json);
        return Ok(());
    }
    apply::confirm(context, common)?;
    let command = format!("gcp deploy {}", common.stage);
    let after = lock::under(context, &deploy.settings.names.clone(), &command, args.lock_wait, |lock| {
        deploy.look_again(lock, planned.as_ref(), common.yes)?;
        deploy.apply(lock)
    })?;
    deploy.done(&plan, Some(&after), common.json);
    Ok(())
}

impl<'a> Deploy<'a> {
    /// Reads the files, asks git and the registry, and looks at what is there. Changes nothing.
    fn prepare(
        context: &'a Context,
        stage: crate::stage::Stage,
        allow_dirty: bool,
        at_once: usize,
    ) -> Result<Self> {
        let settings = settings::load(context, stage)?;
        let config = Config::load(context, stage)?;
        let source = build::source(context, allow_dirty)?;
        let tagged = format!("{}:{}", settings.names.image(), source.tag);
        let (facts, digest) =
            both(|| Facts::read(context, &settings.names, at_once), || build::digest(context, &tagged));
        let Some(digest) = digest? else {
            return Err(Error::failed(format!("there is no image of commit {}", source.tag))
                .cause(format!("the registry does not have {tagged}"))
                .cause("nothing was changed")
                .hint(format!("cargo xtask gcp build {stage}")));
        };
        let (image, facts) = (format!("{}@{digest}", settings.names.image()), facts?);
        let spec = spec(&settings, &config, &source, &image, &facts);
        Ok(Self {
            context,
            service: settings.names.service(),
            settings,
            config,
            source,
            image,
            at_once,
            facts,
            spec,
        })
    }

    /// Looks again, now that nobody else is at it.
    fn look_again(&mut self, lock: &Lock<'_>, planned: Option<&File>, yes: bool) -> Result<()> {
        let before = self.facts.document();
        let names = &self.settings.names;
        // A plan in a file is held to whole; and who was asked, or had to wait, may have taken an hour.
        let whole = planned.is_some() || !yes || lock.was_waited_for();
        let (looked, facts) = both(
            || lock.look_ahead(),
            || {
                if whole {
                    Facts::read(self.context, names, self.at_once)
                } else {
                    self.facts.again(self.context, names)
                }
            },
        );
        self.facts = facts?;
        looked?;
        self.spec = spec(&self.settings, &self.config, &self.source, &self.image, &self.facts);
        if let Some(planned) = planned {
            return self.check(planned);
        }
        if self.facts.document() == before {
            return Ok(());
        }
        self.context.printer.note("what is there has changed since the plan was made; it is now:");
        self.context.printer.note(&self.plan("gcp deploy").render());
        if yes {
            return Ok(());
        }
        Err(Error::failed("this is not the plan that was confirmed")
            .cause("nothing was changed")
            .hint("type the same command again"))
    }

    /// Does what is to do; what serves then.
    fn apply(&self, lock: &Lock<'_>) -> Result<Live> {
        let names = &self.settings.names;
        if self.facts.invoker == Some(false) {
            lock.verify()?;
            self.context
                .runner
                .read(&gcloud::bind_invoker(names))
                .map_err(|error| error.during("access to the web application"))?;
        }
        let prober = self.prober()?;
        let proof = |url: &str| prober.prove(url);
        self.rollout(lock, &proof).run(self.facts.service.as_ref())
    }

    fn rollout<'b>(&'b self, lock: &'b Lock<'b>, proof: &'b dyn Fn(&str) -> Result<()>) -> Rollout<'b> {
        Rollout {
            context: self.context,
            names: &self.settings.names,
            lock,
            service: &self.service,
            spec: &self.spec,
            access: Access::Everybody,
            found: Some(self.facts.access),
            mark: self.source.mark(),
            proof: Some(proof),
            remembered: true,
            public_url: Some(&self.config.base_url),
        }
    }

    fn prober(&self) -> Result<Prober<'_>> {
        Prober::new(self.context, self.settings.names.stage(), &self.image, &self.source.commit)
    }

    /// Nothing differs; still, what serves has to be this commit and fit for traffic.
    fn prove_what_serves(&self) -> Result<()> {
        let Some(live) = &self.facts.service else { return Ok(()) };
        let prober = self.prober()?;
        super::rollout::public_proof(
            self.context,
            live,
            Some(&|url| prober.prove(url)),
            Some(&self.config.base_url),
        )
        .map_err(|error| {
            error.hint(format!("go back: cargo xtask gcp rollback {}", self.settings.names.stage()))
        })
    }

    /// A dry run: the plan's commands, ready to paste.
    fn show(&self, plan: &Plan, json: bool) -> Result<()> {
        if json {
            self.context.printer.json(&self.json(plan, false));
            return Ok(());
        }
        let runner = crate::runner::Runner::dry_run(
            self.context.printer.clone(),
            self.context.runner.interrupts().clone(),
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
            self.context.printer.json(&report);
        } else {
            self.context.printer.data(&format!("{serving} serves commit {} at {url}", self.source.commit));
        }
    }
}

fn spec(settings: &Settings, config: &Config, source: &Source, image: &str, facts: &Facts) -> Spec {
    config.spec(
        &settings.names,
        &Place {
            image,
            commit: &source.commit,
            version: facts.version,
            project_number: &facts.project_number,
            balanced: facts.balanced,
            maintenance: facts.in_maintenance(),
        },
    )
}
