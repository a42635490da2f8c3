//! The MCP server in maintenance, and out of it.
//!
//! Closed is three things at once: ingress is internal, the kill switch is thrown, and no instance waits. The revision
//! that serves is replaced for it, with the same image and settings; what was closed is opened the same way.

use std::time::Duration;

use envs::server::ENABLED;

use super::{Switch, license};
use crate::commands::gcp::deploy::place::Place;
use crate::commands::gcp::lock::Lock;
use crate::commands::gcp::mcp::{self, Config, Mode, Prober};
use crate::commands::gcp::plan::{Item, State};
use crate::commands::gcp::policy::Policy;
use crate::commands::gcp::rollout::{Access, Rollout, Way, access, unrecorded, way};
use crate::commands::gcp::service::{
    CANDIDATE, COMMIT, Ingress, Live, Manifest, Spec, Target, Template, difference,
};
use crate::commands::gcp::state::balanced;
use crate::commands::gcp::state::observe::{Read, cannot_tell, observe_all};
use crate::commands::gcp::state::serving;
use crate::config::context::Context;
use crate::config::stage::Names;
use crate::core::command::Command;
use crate::core::error::{Error, Result};
use crate::core::exit::Exit;
use crate::tools::gcloud::{self, Seen, Trouble, run};

/// What revisions are called that close the server, and that open it.
const CLOSED: &str = "closed";
const OPEN: &str = "open";

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
    /// With what serves, where that is not the newest revision: that is closed and opened, whatever was made since.
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

impl There {
    /// Reads what serves, where the service's own document does not say it.
    pub(super) fn with_serving(self, context: &Context, names: &Names) -> Result<Self> {
        Ok(Self { live: serving::read(context, names, self.live)?.decided_by_what_serves(), ..self })
    }

    /// Whether an opening has ended between the traffic and its proof.
    fn is_unproven(&self, to: Switch) -> bool {
        to == Switch::Open && unrecorded(&self.live).is_some()
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
            Switch::Close => (closed(there.live.serving_spec()), None),
            Switch::Open => {
                let config = self.config()?;
                let spec = self.opened(there, &config)?;
                let asks = config.enabled.then(|| config.api_base_url.clone());
                (spec, asks)
            }
        };
        let way = way(&spec, Some(&there.live));
        if way == Way::Nothing && !there.is_unproven(to) {
            return Ok(vec![Item::unchanged(resource)]);
        }
        let asks = asks.map(|api| {
            let what = Item::unchanged("licence of Validibot");
            what.note(format!("{api} has to say that it is licensed, before anything is opened"))
        });
        let step = run::replace(&self.names, &self.manifest(there, &spec, to));
        let mut item = Item::step(resource, State::Change, step);
        for changed in difference(there.live.serving_spec(), &spec) {
            item = item.note(changed.text());
        }
        if way == Way::Nothing {
            item = item.note("it is open, and not known to have been proven: that is done, and written down");
        }
        if let (Some(serving), Some(newest)) = (there.live.serving(), there.live.newest.as_deref())
            && serving != newest
        {
            item = item.note(match way {
                Way::Newest => format!("an earlier attempt goes on, with its revision {newest}"),
                _ => format!("of {serving}, which serves; the newest revision, {newest}, stays as it is"),
            });
        }
        Ok(asks.into_iter().chain([item]).collect())
    }

    /// Brings it there; what was done, where there was anything to do.
    pub(super) fn turn(&self, lock: &Lock<'_>, there: &There, to: Switch) -> Result<Option<String>> {
        let done = format!("service {}", self.service);
        if to == Switch::Close {
            let nothing = way(&closed(there.live.serving_spec()), Some(&there.live)) == Way::Nothing;
            return if nothing { Ok(None) } else { self.close(lock, there).map(|_| Some(done)) };
        }
        let config = self.config()?;
        let spec = self.opened(there, &config)?;
        if way(&spec, Some(&there.live)) == Way::Nothing && !there.is_unproven(to) {
            return Ok(None);
        }
        if let Some(asks) = self.asks(&spec, &config) {
            license::wait(self.context, &asks)
                .map_err(|error| error.cause(format!("{} stays in maintenance", self.what)))?;
        }
        self.open(lock, there, &spec, &config).map(|()| Some(done))
    }

    /// The first write: a candidate, or the settings of the service alone.
    fn manifest(&self, there: &There, spec: &Spec, to: Switch) -> String {
        let live = &there.live;
        let mark = if to == Switch::Close { CLOSED } else { OPEN };
        // The last part of its name is random.
        let revision = format!("{}-{mark}-new", self.service);
        let (template, service, traffic) = match way(spec, Some(live)) {
            Way::NewRevision | Way::First => {
                let mut traffic = live.shares();
                traffic.push(Target::tagged(&revision, CANDIDATE));
                (Template::New(spec, &revision), None, traffic)
            }
            Way::Newest => {
                let newest = live.newest.as_deref().unwrap_or_default();
                (Template::Kept, Some(spec), vec![Target::whole(newest)])
            }
            Way::Settings | Way::Nothing => (Template::Kept, Some(spec), live.shares()),
        };
        let manifest =
            Manifest { name: &self.service, live: Some(live), template, service, traffic, history: None };
        manifest.text()
    }

    /// The same service, open as the stage's files want it.
    fn opened(&self, there: &There, config: &Config) -> Result<Spec> {
        let mut spec = open(there, config);
        // Those that waited before are not known any more; the fleet's file says how many are to.
        let place = Place::whole(self.context, self.names.stage())?;
        let (own, together) = mcp::scaling(place.server()?, false);
        spec.scaling.min = own.min;
        spec.service_scaling.min = together.min;
        Ok(spec)
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
        let spec = closed(there.live.serving_spec());
        let after = self.rollout(lock, there, &spec, CLOSED).run(Some(&there.live))?;
        let after = serving::read(self.context, &self.names, after)?;
        let (mode, _) = Mode::of(&after, there.access, enabled(after.serving_spec()));
        if mode == Mode::Maintenance && after.serving().is_some() {
            return Ok(after);
        }
        Err(Error::failed(format!("{} is {}, not closed", self.what, mode.name()))
            .hint(format!("look: cargo xtask gcp status {}", self.names.stage())))
    }

    /// Lets users in, and proves it; whatever fails, it is closed again.
    fn open(&self, lock: &Lock<'_>, there: &There, spec: &Spec, config: &Config) -> Result<()> {
        let commit = spec.labels.get(COMMIT).map(String::as_str).unwrap_or_default();
        let prober = Prober::new(self.context, self.names.stage(), &spec.image, commit)?;
        let prober = if config.enabled { prober.with_tools_on() } else { prober };
        let proof = |url: &str| prober.prove(url);
        let rollout = Rollout {
            proof: Some(&proof),
            remembered: true,
            public_url: Some(&config.base_url),
            ..self.rollout(lock, there, spec, OPEN)
        };
        let Err(error) = rollout.run(Some(&there.live)) else { return Ok(()) };
        if error.exit() == Exit::Interrupted {
            return Err(error.hint(format!(
                "it is between open and closed: type the same command again, or cargo xtask gcp maintenance on {}",
                self.names.stage()
            )));
        }
        self.context.printer.warn("it could not be opened: closing it again");
        // Closed again by what serves; the failed attempt's newest revision stays without traffic, and later commands compare with what serves.
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
        let there = there.ok_or_else(|| Error::failed(format!("{} has just gone", self.service)))?;
        there.with_serving(self.context, &self.names)
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

/// The same service, with the switch and the ingress of an open stage.
fn open(there: &There, config: &Config) -> Spec {
    let mut spec = closed(there.live.serving_spec());
    spec.env.insert(ENABLED.name.to_owned(), config.enabled.to_string());
    spec.ingress = if there.balanced { Ingress::InternalAndCloudLoadBalancing } else { Ingress::All };
    spec
}

/// The kill switch of a service; where it is not set, the server is on.
fn enabled(spec: &Spec) -> bool {
    spec.env.get(ENABLED.name).is_none_or(|value| value != "false")
}
