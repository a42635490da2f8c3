//! What is to do with one service, part by part: itself, its traffic, who may call it, and what leads to it.

use envs::server::ENABLED;

use crate::commands::gcp::age::Age;
use crate::commands::gcp::deploy::images::Built;
use crate::commands::gcp::deploy::{Deploy, serves, unproven, wanted};
use crate::commands::gcp::mcp::Comparison;
use crate::commands::gcp::plan::{Item, State};
use crate::commands::gcp::rollout::{self, Access, Way, way};
use crate::commands::gcp::service::{
    CANDIDATE, COMMIT, Changed, Ingress, Live, Manifest, Spec, Target, Template, difference,
};
use crate::commands::gcp::state::serving;
use crate::config::fleet::resolved::Service;
use crate::config::stage::Names;
use crate::core::command::Command;
use crate::tools::gcloud::{self, run};

/// In a plan's commands, where the deploy takes a random one.
const REVISION: &str = "new";

/// One service of a deploy.
pub(super) struct ServicePlan<'d, 'a> {
    deploy: &'d Deploy<'a>,
    names: &'d Names,
    service: &'d Service,
    image: &'d Built,
    spec: Spec,
    live: Option<&'d Live>,
    changes: Vec<Changed>,
}

impl<'d, 'a> ServicePlan<'d, 'a> {
    pub(super) fn of(deploy: &'d Deploy<'a>, service: &'d Service, image: &'d Built) -> Self {
        let live = deploy.live(service);
        let spec = deploy.spec(service, image);
        let changes = live.map(|live| difference(live.compared(), &spec)).unwrap_or_default();
        Self { deploy, names: deploy.place.names(), service, image, spec, live, changes }
    }

    /// Every part of it, where it is deployed alone; beside others, itself and what is to do.
    pub(super) fn items(&self) -> Vec<Item> {
        let mut itself = self.itself();
        if let Some(bind) = self.calls_later() {
            itself = itself.then(format!("once {} is deployed", self.names.web_service()), bind);
        }
        let mut parts = vec![self.traffic(), self.access()];
        parts.extend(self.queue());
        if self.service.gated {
            parts.extend([self.invoker(), self.web()]);
        }
        if !self.deploy.alone {
            parts.retain(|part| part.step.is_some());
            if let (true, Some(live)) = (itself.step.is_none() && parts.is_empty(), self.live) {
                itself.notes.insert(0, serves(live));
            }
        }
        [vec![itself], parts].concat()
    }

    fn name(&self) -> &str {
        &self.service.container.name
    }

    fn revision(&self) -> String {
        format!("{}-{}-{REVISION}", self.name(), self.image.mark())
    }

    /// The command that writes a new revision, or the service's own settings.
    fn write(&self, template: Template<'_>, traffic: Vec<Target>) -> Command {
        let (name, live) = (self.name(), self.live);
        let service = Some(&self.spec);
        run::replace(self.names, &Manifest { name, live, template, service, traffic, history: None }.text())
    }

    /// The same, of a new revision that has all the traffic; `proven` where it is written down that it serves.
    fn serves_whole(&self, revision: &str, proven: bool) -> Command {
        let (name, live, template) = (self.name(), self.live, Template::New(&self.spec, revision));
        let (service, traffic) = (Some(&self.spec), vec![Target::whole(revision)]);
        let history = proven.then(|| rollout::history(&self.spec, live, revision));
        run::replace(self.names, &Manifest { name, live, template, service, traffic, history }.text())
    }

    /// Whether it is proven over HTTP, and not by coming up alone.
    fn is_probed(&self) -> bool {
        self.service.gated && self.service.proof.probe
    }

    /// Whether it is written down as one to go back to: what nobody can reach and is to be proven is not.
    fn is_remembered(&self) -> bool {
        !self.is_probed() || self.spec.ingress != Ingress::Internal
    }

    /// A first revision gets everything at once; what comes after it.
    fn first(&self, state: State) -> Item {
        let (resource, revision) = (format!("service {}", self.name()), self.revision());
        let mut item = Item::step(resource, state, self.serves_whole(&revision, !self.is_probed()));
        if !self.deploy.alone && self.live.is_none() && wanted::access(self.service) == Access::Everybody {
            item = item.then("once it is there", run::open_to_everybody(self.names, self.name()));
        }
        if self.is_probed() && self.is_remembered() {
            item = item.then("once its public address is proven", self.serves_whole(&revision, true));
        }
        item
    }

    fn itself(&self) -> Item {
        let (resource, revision) = (format!("service {}", self.name()), self.revision());
        let first = |state: State| self.first(state);
        let Some(live) = self.live else {
            let fields = self.spec.fields().into_iter().map(|(name, value)| format!("{name}: {value}"));
            return fields.fold(first(State::Create), Item::note);
        };
        let mut item = match way(&self.spec, Some(live)) {
            Way::First => {
                first(State::Change).note("nothing serves yet: the new revision gets everything at once")
            }
            Way::NewRevision => {
                let mut traffic = live.shares();
                traffic.push(Target::tagged(&revision, CANDIDATE));
                Item::step(resource, State::Change, self.write(Template::New(&self.spec, &revision), traffic))
                    .then("once the candidate is proven", self.serves_whole(&revision, self.is_remembered()))
            }
            Way::Settings if !self.changes.is_empty() => {
                Item::step(resource, State::Change, self.write(Template::Kept, live.shares()))
            }
            Way::Newest | Way::Settings | Way::Nothing => Item::unchanged(resource),
        };
        item.notes.extend(self.changes.iter().map(Changed::text));
        item.notes.extend(self.spec.kept());
        item.notes.extend(live.stays());
        item.notes.extend(serving::beside(live));
        item.notes.extend(self.deploy.age(self.service).into_iter().flat_map(Age::lines));
        item.notes.extend(self.remarks(live));
        item
    }

    /// What else is worth knowing.
    fn remarks(&self, live: &Live) -> Vec<String> {
        let mut remarks = Vec::new();
        if let Some(problem) = live.problem.as_ref().filter(|_| !live.newest_is_ready()) {
            remarks.push(format!("the newest revision did not come up: {problem}"));
        }
        let off = |spec: &Spec| spec.env.get(ENABLED.name).is_some_and(|value| value == "false");
        if off(&live.spec) && !off(&self.spec) {
            remarks.push(
                "the server is switched off there; this deploy turns it on. VALIDIBOT_MCP_ENABLED=false in the stage's \
                 .build keeps it off"
                    .to_owned(),
            );
        }
        if self.deploy.alone && live.in_maintenance() {
            remarks.push(format!(
                "the stage is in maintenance and stays so: cargo xtask gcp maintenance off {} opens it",
                self.deploy.place.stage()
            ));
        }
        if self.service.gated && !live.serving_spec().labels.contains_key(COMMIT) {
            remarks.push("an earlier tool deployed what is there".to_owned());
        }
        remarks
    }

    fn traffic(&self) -> Item {
        let resource =
            if self.deploy.alone { "traffic".to_owned() } else { format!("traffic of {}", self.name()) };
        let whole = |live: &Live, revision: &str| {
            let (name, live, template) = (self.name(), Some(live), Template::Kept);
            let traffic = vec![Target::whole(revision)];
            let manifest = Manifest { name, live, template, service: None, traffic, history: None };
            Item::step(&resource, State::Change, run::replace(self.names, &manifest.text()))
        };
        let Some(live) = self.live else { return Item::pending(resource, "with the service") };
        let now = shares(live);
        match way(&self.spec, Some(live)) {
            Way::First => Item::pending(resource, "with the service"),
            Way::NewRevision => {
                Item::pending(resource, format!("{now} -> the new revision, once it is proven"))
            }
            Way::Newest => {
                let newest = live.newest.as_deref().unwrap_or_default();
                whole(live, newest).note(format!("{now} -> {newest} 100%, once it is proven"))
            }
            Way::Settings if live.candidate().is_some() => whole(live, live.serving().unwrap_or_default())
                .note(format!("{now} -> without the tag of a candidate that is serving or was given up")),
            Way::Settings | Way::Nothing => match unproven(self.service, live) {
                Some(serving) => whole(live, serving)
                    .note(now)
                    .note("that it serves is written down, once it is proven: it is not known to have been"),
                None => Item::unchanged(resource).note(now),
            },
        }
    }

    /// Who may call it; of a service that comes with others, that is part of its making.
    fn access(&self) -> Item {
        let (names, name) = (self.names, self.name());
        let found = match self.deploy.state.access(name) {
            None if self.deploy.alone => Access::Granted,
            None => wanted::access(self.service),
            Some(found) => found,
        };
        let (everybody, nobody) =
            (format!("everybody may call {name}"), format!("not everybody may call {name}"));
        match (wanted::access(self.service), found) {
            (Access::Everybody, Access::Everybody) if self.live.is_some_and(Live::checks_nobody) => {
                Item::unchanged(everybody).note("Cloud Run checks no caller (invoker-iam-disabled)")
            }
            (Access::Everybody, Access::Everybody) => Item::unchanged(everybody),
            (Access::Everybody, Access::Granted) => {
                let item = Item::step(everybody, State::Change, run::open_to_everybody(names, name));
                if self.service.gated { item.note("the server itself asks who is calling") } else { item }
            }
            (Access::Granted, Access::Granted) => Item::unchanged(nobody),
            (Access::Granted, Access::Everybody) => {
                Item::step(nobody, State::Remove, run::close_to_everybody(names, name))
            }
        }
    }

    fn queue(&self) -> Option<Item> {
        let queue = self.service.queue.as_ref()?;
        let resume = gcloud::fleet::resume_queue(self.names, queue);
        self.deploy
            .is_to_resume(queue)
            .then(|| Item::step(format!("queue {queue} runs again"), State::Change, resume))
    }

    /// The role to call the web application, where that is deployed for the first time in the same run.
    fn calls_later(&self) -> Option<Command> {
        let web = self.names.web_service();
        let made = self.deploy.place.services().any(|service| service.container.name == web);
        let absent = self.deploy.state.may_call_web(self.names).is_none();
        (self.service.gated && made && absent).then(|| gcloud::bind_invoker(self.names))
    }

    /// The MCP server calls the web application.
    fn invoker(&self) -> Item {
        let names = self.names;
        let resource = format!("{} may call {}", names.service_account(), names.web_service());
        match self.deploy.state.may_call_web(names) {
            Some(true) => Item::unchanged(resource),
            Some(false) => Item::step(resource, State::Change, gcloud::bind_invoker(names)),
            None => Item::pending(resource, "the web application is not deployed yet"),
        }
    }

    /// Both sides' values; never changed from here.
    fn web(&self) -> Item {
        let resource = format!("what {} is told", self.names.web_service());
        let Some(comparisons) = self.deploy.comparisons() else {
            return Item::pending(resource, "the web application is not deployed yet");
        };
        let problems: Vec<String> = comparisons.iter().filter_map(Comparison::problem).collect();
        if problems.is_empty() {
            return Item::unchanged(resource);
        }
        problems.into_iter().fold(Item::pending(resource, "has to be set right there, or here:"), Item::note)
    }
}

/// In a line: `a-mcp-1 100%`.
fn shares(live: &Live) -> String {
    let shares = live.traffic.iter().map(|target| {
        let tag = target.tag.as_ref().map(|tag| format!(" (tag {tag})")).unwrap_or_default();
        format!("{} {}%{tag}", target.revision, target.percent)
    });
    let shares: Vec<_> = shares.collect();
    let floating = if live.floating { " (whatever is newest)" } else { "" };
    format!("{}{floating}", shares.join(", "))
}
