//! The MCP server in maintenance, and out of it.
//!
//! Closed is three things at once: ingress is internal, the kill switch is thrown, and no instance waits. The revision
//! that serves is replaced for it, with the same image and settings; what was closed is opened the same way.

use std::time::Duration;

use envs::server::ENABLED;

use super::{Switch, license};
use crate::command::Command;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::gcloud::{self, Seen, Trouble, run};
use crate::gcp::deploy::balanced;
use crate::gcp::lock::Lock;
use crate::gcp::mcp::{Config, Mode, Prober};
use crate::gcp::observe::{Read, cannot_tell, observe_all};
use crate::gcp::plan::{Item, State};
use crate::gcp::policy::Policy;
use crate::gcp::rollout::{Access, Rollout, Way, access, way};
use crate::gcp::service::{COMMIT, Ingress, Live, Spec, difference};
use crate::runner::Ahead;
use crate::stage::Names;

/// A stage's server, as far as this is concerned.
pub(super) struct Server<'a> {
    context: &'a Context,
    names: Names,
    service: String,
    /// What is closed with it, for messages.
    what: &'static str,
    /// How long Validibot may take to say that it is licensed.
    patience: Duration,
}

/// What is there.
pub(super) struct There {
    live: Live,
    access: Access,
    balanced: bool,
}

impl There {
    /// What the answers to [`Server::reads`] say; `None` where the service is not deployed.
    pub(super) fn understand(
        next: &mut dyn FnMut() -> Seen<String>,
        troubles: &mut Vec<Trouble>,
    ) -> Option<Self> {
        let live = next().understand("the service", Live::parse).take(troubles);
        let policy = next().understand("the service's policy", Policy::parse);
        let policy = if live.is_some() { policy.is_there("the service's policy") } else { policy };
        let policy = policy.take(troubles);
        let balanced = balanced(next(), live.as_ref(), troubles);
        let access = access(live.as_ref(), policy.as_ref());
        live.map(|live| Self { live, access, balanced })
    }
}

impl<'a> Server<'a> {
    pub(super) fn new(context: &'a Context, names: &Names, what: &'static str, patience: Duration) -> Self {
        Self { context, names: names.clone(), service: names.service(), what, patience }
    }

    /// The questions whose answers [`There::understand`] takes.
    pub(super) fn reads(&self) -> Vec<Read> {
        let (names, service) = (&self.names, &self.service);
        vec![
            Read::new(format!("the service {service}"), run::describe(names, service)),
            Read::new(format!("the policy of {service}"), run::policy(names, service)),
            Read::new("the load balancer's way to it", gcloud::describe_endpoint_group(names)),
        ]
    }

    /// What differs, and what is asked before anything is written.
    pub(super) fn items(&self, there: Option<&There>, to: Switch) -> Result<Vec<Item>> {
        let resource = format!("service {}", self.service);
        let Some(there) = there else {
            return Ok(vec![Item::unchanged(resource).note("is not deployed")]);
        };
        let (spec, asks) = match to {
            Switch::Close => (closed(&there.live.spec), None),
            Switch::Open => {
                let config = self.config()?;
                let spec = open(there, &config);
                let asks = self.asks(&spec, &config);
                (spec, asks)
            }
        };
        if way(&spec, Some(&there.live)) == Way::Nothing {
            return Ok(vec![Item::unchanged(resource)]);
        }
        let asks = asks.map(|asks| Item::unchanged("licence of Validibot").note(asks.render()));
        let step = run::replace(&self.names, "(the service as it is, with what is said above)\n");
        let mut item = Item::step(resource, State::Change, step);
        for changed in difference(&there.live.spec, &spec) {
            item = item.note(changed.text());
        }
        if there.live.serving() != there.live.newest.as_deref() {
            item = item.note("the newest revision has not all the traffic: an earlier attempt goes on");
        }
        Ok(asks.into_iter().chain([item]).collect())
    }

    /// Brings it there; what was done, where there was anything to do.
    pub(super) fn turn(&self, lock: &Lock<'_>, there: &There, to: Switch) -> Result<Option<String>> {
        let done = format!("service {}", self.service);
        if to == Switch::Close {
            let nothing = way(&closed(&there.live.spec), Some(&there.live)) == Way::Nothing;
            return if nothing { Ok(None) } else { self.close(lock, there).map(|_| Some(done)) };
        }
        let config = self.config()?;
        let spec = open(there, &config);
        if way(&spec, Some(&there.live)) == Way::Nothing {
            return Ok(None);
        }
        if let Some(asks) = self.asks(&spec, &config) {
            license::wait(self.context, &asks)
                .map_err(|error| error.cause(format!("{} stays in maintenance", self.what)))?;
        }
        self.open(lock, there, &spec, &config).map(|()| Some(done))
    }

    fn config(&self) -> Result<Config> {
        Config::load(self.context, self.names.stage())
    }

    /// The question for the licence; a server that stays switched off needs none.
    fn asks(&self, spec: &Spec, config: &Config) -> Option<Command> {
        config.enabled.then(|| license::command(&spec.image, &config.api_base_url, self.patience))
    }

    /// Brings it where nobody reaches it, and makes sure that it is there.
    fn close(&self, lock: &Lock<'_>, there: &There) -> Result<Live> {
        let spec = closed(&there.live.spec);
        let after = self.rollout(lock, there, &spec, "closed").run(Some(&there.live))?;
        let serving_is_newest = after.serving().is_some() && after.serving() == after.newest.as_deref();
        let (mode, _) = Mode::of(&after, there.access, enabled(&after.spec));
        if mode == Mode::Maintenance && serving_is_newest {
            return Ok(after);
        }
        Err(Error::failed(format!("{} is {}, not closed", self.what, mode.name()))
            .hint(format!("look: cargo xtask gcp status {}", self.names.stage())))
    }

    /// Lets users in, and proves it; whatever fails, it is closed again.
    fn open(&self, lock: &Lock<'_>, there: &There, spec: &Spec, config: &Config) -> Result<()> {
        let commit = there.live.spec.labels.get(COMMIT).map(String::as_str).unwrap_or_default();
        let prober = Prober::new(self.context, self.names.stage(), &spec.image, commit)?;
        let proof = |url: &str| prober.prove(url);
        let rollout = Rollout {
            proof: Some(&proof),
            remembered: true,
            public_url: Some(&config.base_url),
            ..self.rollout(lock, there, spec, "open")
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
        Err(match self.look_again().and_then(|there| self.close(lock, &there)) {
            Ok(_) => error.cause(format!("{} is in maintenance again", self.what)),
            Err(closing) => error
                .causes([format!("and it could not be closed again: {closing}")])
                .hint(format!("close it: cargo xtask gcp maintenance on {}", self.names.stage())),
        })
    }

    fn look_again(&self) -> Result<There> {
        let mut answers = observe_all(self.context, 2, &self.reads())?.into_iter();
        let mut troubles = Vec::new();
        let there = There::understand(&mut || answers.next().unwrap_or(Seen::Absent), &mut troubles);
        if !troubles.is_empty() {
            return Err(cannot_tell(&troubles));
        }
        there.ok_or_else(|| Error::failed(format!("{} has just gone", self.service)))
    }

    /// A rollout of what serves nobody: that it came up is all there is to prove, and it is none to go back to.
    fn rollout<'b>(
        &'b self,
        lock: &'b Lock<'b>,
        there: &There,
        spec: &'b Spec,
        mark: &'static str,
    ) -> Rollout<'b> {
        Rollout {
            context: self.context,
            names: &self.names,
            lock,
            service: &self.service,
            spec,
            access: there.access,
            found: Some(there.access),
            mark,
            proof: None,
            remembered: false,
            public_url: None,
            next_write: Ahead::default(),
        }
    }
}

/// The same service, closed. What other hands have set on it stays.
fn closed(spec: &Spec) -> Spec {
    let mut spec = spec.clone();
    spec.foreign.keeps = true;
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
