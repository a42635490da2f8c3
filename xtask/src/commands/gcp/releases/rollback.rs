//! `gcp rollback`: all traffic to an earlier revision.

use serde_json::json;

use super::choice::Choice;
use super::{Revision, SCHEMA_VERSION, look};
use crate::artifact::reference::ImageRef;
use crate::cli::GcpRollback;
use crate::commands::gcp::deploy::place;
use crate::commands::gcp::mcp::{Config, Prober};
use crate::commands::gcp::plan::{Item, Plan, State};
use crate::commands::gcp::rollout::{Access, Back, Proof, Rollout};
use crate::commands::gcp::scope::Scope;
use crate::commands::gcp::service::{Bad, History, Ingress, Live, Manifest, Target, Template};
use crate::commands::gcp::{apply, lock, settings};
use crate::config::context::Context;
use crate::config::stage::Names;
use crate::core::error::{Error, Result};
use crate::tools::gcloud::run;

/// Sends all traffic to the revision that served before, or to the one that is named.
pub(crate) fn rollback(context: &Context, args: &GcpRollback) -> Result<()> {
    let common = &args.common;
    let names = settings::load(context, common.stage)?.names;
    let service = match &args.service {
        Some(key) => place::service_name(context, common.stage, key)?,
        None => names.service(),
    };
    let (live, revisions) = look(context, &names, &service)?;
    if live.in_maintenance() && !args.anyway {
        return Err(in_maintenance(args));
    }
    let choice = choice(args, &service, &revisions, args.anyway);
    let target = match &args.revision {
        Some(name) => choice.named(name)?,
        None => choice.before()?,
    };
    let turn = Turn { names: &names, service: &service, live: &live, from: choice.serving(), target };
    let plan = turn.plan();
    if !common.json {
        context.printer.report(&plan.render());
    }
    if common.dry_run || plan.is_empty() {
        if common.json {
            show_json(context, &plan, target, false);
        } else {
            plan.show(&context.printer);
        }
        return Ok(());
    }
    apply::confirm(context, common)?;
    // With its revision: typed without one after an interruption, it would go back once more.
    let command = typed(args, &target.name);
    let after = lock::under(context, &names, &command, args.lock_wait, |held| {
        let (now, revisions) = look(context, &names, &service)?;
        if now.essence() != live.essence() {
            return Err(Error::failed("what is there has changed since the plan was made")
                .cause("nothing was changed")
                .hint("type the same command again"));
        }
        let choice = self::choice(args, &service, &revisions, true);
        let target = choice.named(&target.name)?;
        let turn = Turn { names: &names, service: &service, live: &now, from: choice.serving(), target };
        turn.carry_out(context, held, args.stay)
            .map_err(|error| error.hint(format!("this looks first, and goes on: cargo xtask {command}")))
    })?;
    if common.json {
        show_json(context, &plan, target, true);
        return Ok(());
    }
    context.printer.data(&match after.spec.ingress {
        Ingress::Internal if service == names.service() => {
            format!("{} serves, and users do not reach it: the ingress is internal", target.name)
        }
        _ => format!("{} serves; the next deploy of a newer commit is the usual one", target.name),
    });
    Ok(())
}

/// Maintenance is left in one step: a rollback would throw the switch, and leave the ingress closed.
fn in_maintenance(args: &GcpRollback) -> Error {
    let stage = args.common.stage;
    Error::failed(format!("{stage} is in maintenance"))
        .cause("a rollback would turn the tools on, and users would not reach them")
        .cause("nothing was changed")
        .hint(format!("open it first: cargo xtask gcp maintenance off {stage}"))
        .hint("to go back all the same: name the revision, and add --anyway")
}

fn choice<'a>(args: &GcpRollback, service: &'a str, revisions: &'a [Revision], anyway: bool) -> Choice<'a> {
    let service_flag = args.service.as_ref().map(|key| format!(" --service {key}")).unwrap_or_default();
    let command = format!("cargo xtask gcp rollback {}{service_flag}", args.common.stage);
    Choice { service, revisions, command, anyway }
}

/// The command, as it is typed for this revision.
fn typed(args: &GcpRollback, revision: &str) -> String {
    let mut command = format!("gcp rollback {} {revision}", args.common.stage);
    if let Some(key) = &args.service {
        command = format!("{command} --service {key}");
    }
    for (given, flag) in [(args.anyway, "--anyway"), (args.stay, "--stay")] {
        if given {
            command = format!("{command} {flag}");
        }
    }
    command
}

/// From what serves to what is gone back to.
struct Turn<'a> {
    names: &'a Names,
    service: &'a str,
    live: &'a Live,
    from: Option<&'a Revision>,
    target: &'a Revision,
}

impl Turn<'_> {
    fn is_there(&self) -> bool {
        self.live.serving() == Some(self.target.name.as_str()) && !self.live.floating
    }

    /// What the service remembers of what is gone back from.
    fn blame(&self) -> History {
        let mut history = self.live.history.clone();
        // Maintenance has closed what it made: that says nothing about its commit.
        if let Some(from) = self.from.filter(|from| from.name != self.target.name && !from.is_closed()) {
            let same = from.commit == self.target.commit;
            let commit = from.commit.clone().filter(|_| !same);
            history = history.with_bad(Bad { revision: from.name.clone(), commit });
            history.held = Some(from.name.clone());
        }
        history.without_blame(&self.target.name, self.target.commit.as_deref())
    }

    fn served(&self) -> History {
        self.blame().with_service_of(&self.target.name, None)
    }

    fn plan(&self) -> Plan {
        let Self { names, service, live, target, .. } = self;
        let recorded = target.served.is_some();
        let item = if self.is_there() && recorded {
            Item::unchanged("traffic").note(format!("{} 100%", target.name))
        } else {
            let step = run::replace(names, &manifest(service, live, target, self.served()));
            self.notes().into_iter().fold(Item::step("traffic", State::Change, step), Item::note)
        };
        Plan { command: "gcp rollback", place: Scope::of(names), items: vec![item] }
    }

    fn notes(&self) -> Vec<String> {
        let Self { live, target, from, .. } = self;
        let shares = live.shares();
        let now: Vec<_> =
            shares.iter().map(|share| format!("{} {}%", share.revision, share.percent)).collect();
        let mut notes = vec![format!("{} -> {} 100%", now.join(", "), target.name)];
        let commit = |revision: &Revision| revision.commit.clone().unwrap_or_else(|| "unknown".to_owned());
        let from = from.filter(|from| from.name != target.name);
        notes.push(match from {
            Some(from) if from.commit.is_some() && from.commit == target.commit => {
                format!("same commit: {}", commit(target))
            }
            Some(from) => format!("commit {} -> {}", commit(from), commit(target)),
            None => format!("commit {}", commit(target)),
        });
        if let Some(from) = from {
            let switch = |revision: &Revision| if revision.enabled { "on" } else { "off" };
            let secret = |one: &Revision| one.secret_version.clone().unwrap_or_else(|| "none".to_owned());
            for (what, old, new) in [
                ("switch", switch(from).to_owned(), switch(target).to_owned()),
                ("secret version", secret(from), secret(target)),
            ] {
                if old != new {
                    notes.push(format!("{what}: {old} -> {new}"));
                }
            }
        }
        if target.bad {
            notes.push("it was gone back from, or is marked as bad: that is taken back".to_owned());
        }
        if target.served.is_none() {
            notes.push(if self.is_there() {
                "it is not known to have served after a proof: it is proven, and that is written down"
                    .to_owned()
            } else {
                "it has not served after a proof: it is proven at an address of its own first".to_owned()
            });
        }
        notes
    }

    fn carry_out(&self, context: &Context, held: &lock::Lock<'_>, stay: bool) -> Result<Live> {
        let Self { names, service, live, target, .. } = self;
        let ours = *service == names.service();
        let config = ours.then(|| Config::load(context, names.stage())).transpose()?;
        let prober = if ours { self.prober(context)? } else { None };
        let proof = prober.as_ref().map(|prober| move |url: &str| prober.prove(url));
        if !ours {
            context.printer.note("  its startup probe is its proof");
        }
        let rollout = Rollout {
            context,
            names,
            lock: held,
            service,
            spec: live.serving_spec(),
            // Who may call it stays as it is.
            access: Access::Everybody,
            found: Some(Access::Everybody),
            mark: "",
            proof: proof.as_ref().map(|proof| proof as Proof<'_>),
            remembered: true,
            public_url: config.as_ref().map(|config| config.base_url.as_str()),
        };
        let (blame, served) = (self.blame(), self.served());
        rollout.back(
            live,
            &Back { revision: &target.name, has_served: target.served.is_some(), blame, served, stay },
        )
    }

    fn prober<'c>(&self, context: &'c Context) -> Result<Option<Prober<'c>>> {
        let (Some(digest), Some(commit)) = (&self.target.digest, &self.target.commit) else {
            context
                .printer
                .warn("not proven: an earlier tool deployed this revision, without saying its commit");
            return Ok(None);
        };
        let image = ImageRef { repository: self.names.image(), digest: digest.clone() };
        let prober = Prober::new(context, self.names.stage(), &image.to_string(), commit)?;
        Ok(Some(if self.target.enabled { prober.with_tools_on() } else { prober }))
    }
}

fn manifest(service: &str, live: &Live, target: &Revision, history: History) -> String {
    Manifest {
        name: service,
        live: Some(live),
        template: Template::Kept,
        service: None,
        traffic: vec![Target::whole(&target.name)],
        history: Some(history),
    }
    .text()
}

fn show_json(context: &Context, plan: &Plan, target: &Revision, applied: bool) {
    let mut report = plan.json(applied);
    report["schema_version"] = json!(SCHEMA_VERSION);
    report["release"] = json!(target);
    context.printer.json(&report);
}
