//! `gcp maintenance on` and `off`: closing the server, and opening it again.
//!
//! Closed is three things at once: ingress is internal, the kill switch is thrown, and no instance waits. The revision
//! that serves is replaced for it, with the same image and settings; what was closed is opened the same way.

mod license;

use super::deploy::balanced;
use super::lock::{self, Lock};
use super::mcp::{Config, Mode, Prober};
use super::observe::{Read, cannot_tell, observe};
use super::plan::{Item, Plan, State};
use super::policy::Policy;
use super::rollout::{Access, Rollout, Way, access, way};
use super::service::{COMMIT, Ingress, Live, Spec, difference};
use super::{apply, settings};
use crate::cli::{GcpReopen, GcpStage, GcpSwitch};
use crate::command::Command;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::gcloud::{self, run};
use crate::runner::Runner;
use crate::stage::Names;

use envs::server::ENABLED;

/// A stage's service, as far as this is concerned.
struct Site<'a> {
    context: &'a Context,
    names: Names,
    at_once: usize,
}

/// What is there.
struct There {
    live: Live,
    access: Access,
    balanced: bool,
}

/// Closes the server.
pub(super) fn on(context: &Context, args: &GcpSwitch) -> Result<()> {
    let site = Site::new(context, &args.common)?;
    let Some(there) = site.look()? else {
        context.printer.note(&format!("{} is not deployed: there is nothing to close", site.names.service()));
        return Ok(());
    };
    let spec = closed(&there.live.spec);
    let plan = site.plan("gcp maintenance on", &there, &spec, None);
    let command = format!("gcp maintenance on {}", args.common.stage);
    site.carry_out(&plan, args, &command, |lock| {
        let there = site.there()?;
        site.close(lock, &there).map(|_| ())
    })
}

/// Opens the server.
pub(super) fn off(context: &Context, args: &GcpReopen) -> Result<()> {
    let common = &args.switch.common;
    let site = Site::new(context, common)?;
    let config = Config::load(context, common.stage)?;
    let Some(there) = site.look()? else {
        return Err(Error::failed(format!(
            "{} is not deployed: there is nothing to open",
            site.names.service()
        ))
        .hint(format!("cargo xtask gcp deploy {}", common.stage)));
    };
    let spec = open(&there, &config);
    let asks = license::command(&spec.image, &config.api_base_url, args.license_wait);
    let plan = site.plan("gcp maintenance off", &there, &spec, config.enabled.then_some(&asks));
    let command = format!("gcp maintenance off {}", common.stage);
    site.carry_out(&plan, &args.switch, &command, |lock| {
        let there = site.there()?;
        if config.enabled {
            license::wait(context, &asks)
                .map_err(|error| error.cause("nothing was changed: the stage stays in maintenance"))?;
        }
        site.open(lock, &there, &config)
    })
}

impl<'a> Site<'a> {
    fn new(context: &'a Context, common: &GcpStage) -> Result<Self> {
        let names = settings::load(context, common.stage)?.names;
        Ok(Self { context, names, at_once: common.at_once })
    }

    /// Looks; `None` where the service is not deployed.
    fn look(&self) -> Result<Option<There>> {
        let service = self.names.service();
        let reads = [
            Read::new(format!("the service {service}"), run::describe(&self.names, &service)),
            Read::new(format!("the policy of {service}"), run::policy(&self.names, &service)),
            Read::new("the load balancer's way to it", gcloud::describe_endpoint_group(&self.names)),
        ];
        let [live, policy, group] = observe(self.context, self.at_once, &reads)?;
        let mut troubles = Vec::new();
        let live = live.understand("the service", Live::parse).take(&mut troubles);
        let policy = policy.understand("the service's policy", Policy::parse).take(&mut troubles);
        let balanced = balanced(group, live.as_ref(), &mut troubles);
        if !troubles.is_empty() {
            return Err(cannot_tell(&troubles));
        }
        let access = policy.as_ref().map_or(Access::Granted, access);
        Ok(live.map(|live| There { live, access, balanced }))
    }

    fn there(&self) -> Result<There> {
        self.look()?.ok_or_else(|| {
            Error::failed(format!("{} has just gone", self.names.service())).cause("nothing was changed")
        })
    }

    /// Brings it where nobody reaches it, and makes sure that it is there.
    fn close(&self, lock: &Lock<'_>, there: &There) -> Result<Live> {
        let spec = closed(&there.live.spec);
        let rollout = Rollout {
            context: self.context,
            names: &self.names,
            lock,
            service: &self.names.service(),
            spec: &spec,
            access: there.access,
            mark: "closed",
            // It serves nobody: that it came up is all there is to prove.
            proof: None,
            remembered: false,
            public_url: None,
        };
        let after = rollout.run(Some(&there.live))?;
        let serving_is_newest = after.serving().is_some() && after.serving() == after.newest.as_deref();
        let (mode, _) = Mode::of(&after, there.access, enabled(&after.spec));
        if mode == Mode::Maintenance && serving_is_newest {
            return Ok(after);
        }
        Err(Error::failed(format!("the stage is {}, not closed", mode.name()))
            .hint(format!("look: cargo xtask gcp status {}", self.names.stage())))
    }

    /// Lets users in, and proves it; whatever fails, it is closed again.
    fn open(&self, lock: &Lock<'_>, there: &There, config: &Config) -> Result<()> {
        let spec = open(there, config);
        let commit = there.live.spec.labels.get(COMMIT).map(String::as_str).unwrap_or_default();
        let prober = Prober::new(self.context, self.names.stage(), &spec.image, commit)?;
        let proof = |url: &str| prober.prove(url);
        let rollout = Rollout {
            context: self.context,
            names: &self.names,
            lock,
            service: &self.names.service(),
            spec: &spec,
            access: there.access,
            mark: "open",
            proof: Some(&proof),
            remembered: true,
            public_url: Some(&config.base_url),
        };
        let Err(error) = rollout.run(Some(&there.live)) else { return Ok(()) };
        if error.exit() == Exit::Interrupted {
            return Err(error.hint(format!(
                "it is between open and closed: type the same command again, or cargo xtask gcp maintenance on {}",
                self.names.stage()
            )));
        }
        self.context.printer.warn("it could not be opened: closing it again");
        // What the failed attempt has left as the newest is not what a later deploy may take for the wish.
        Err(match self.there().and_then(|there| self.close(lock, &there)) {
            Ok(_) => error.cause("the stage is in maintenance again"),
            Err(closing) => error
                .causes([format!("and it could not be closed again: {closing}")])
                .hint(format!("close it: cargo xtask gcp maintenance on {}", self.names.stage())),
        })
    }

    /// What differs; `asks` is what is asked before anything is written.
    fn plan(&self, command: &'static str, there: &There, spec: &Spec, asks: Option<&Command>) -> Plan {
        let mut items = Vec::new();
        let nothing = way(spec, Some(&there.live)) == Way::Nothing;
        if let Some(asks) = asks.filter(|_| !nothing) {
            items.push(Item::unchanged("licence of Validibot").note(asks.render()));
        }
        let service = format!("service {}", self.names.service());
        if nothing {
            items.push(Item::unchanged(service));
        } else {
            let step = run::replace(&self.names, "(the service as it is, with what is said above)\n");
            let mut item = Item::step(service, State::Change, step);
            for changed in difference(&there.live.spec, spec) {
                item = item.note(changed.text());
            }
            if there.live.serving() != there.live.newest.as_deref() {
                item = item.note("the newest revision has not all the traffic: an earlier attempt goes on");
            }
            items.push(item);
        }
        let place =
            format!("{} in project {}, {}", self.names.stage(), self.names.project(), self.names.region());
        Plan { command, place, items }
    }

    fn carry_out(
        &self,
        plan: &Plan,
        args: &GcpSwitch,
        command: &str,
        work: impl FnOnce(&Lock<'_>) -> Result<()>,
    ) -> Result<()> {
        let common = &args.common;
        if !common.json {
            self.context.printer.data(&plan.render());
        }
        let mut applied = false;
        if common.dry_run && !common.json {
            let runner =
                Runner::dry_run(self.context.printer.clone(), self.context.runner.interrupts().clone());
            for (_, step) in plan.steps() {
                runner.read(step)?;
            }
        } else if !common.dry_run && !plan.is_empty() {
            apply::confirm(self.context, common)?;
            lock::under(self.context, &self.names, command, args.lock_wait, work)?;
            applied = true;
        }
        if common.json {
            self.context.printer.json(&plan.json(applied));
        } else if applied {
            self.context.printer.data(&format!("done: cargo xtask gcp status {}", self.names.stage()));
        }
        Ok(())
    }
}

/// The same service, closed. What has no field here is not written again: the plan shows it going.
fn closed(spec: &Spec) -> Spec {
    let mut spec = Spec { other: std::collections::BTreeMap::new(), ..spec.clone() };
    spec.env.insert(ENABLED.name.to_owned(), "false".to_owned());
    spec.ingress = Ingress::Internal;
    spec.scaling.min = 0;
    spec.service_scaling.min = 0;
    spec
}

/// The same service, open as the stage's files want it.
fn open(there: &There, config: &Config) -> Spec {
    let mut spec = closed(&there.live.spec);
    spec.env.insert(ENABLED.name.to_owned(), config.enabled.to_string());
    spec.ingress = if there.balanced { Ingress::InternalAndCloudLoadBalancing } else { Ingress::All };
    spec
}

/// The kill switch of a service; where it is not set, the server is on.
fn enabled(spec: &Spec) -> bool {
    spec.env.get(ENABLED.name).is_none_or(|value| value != "false")
}
