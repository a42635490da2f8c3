//! The plan of a deploy: what differs, for people, for programs, and as a file that a later deploy is held to.

use std::path::Path;

use envs::server::ENABLED;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Deploy;
use crate::commands::gcp::mcp::Comparison;
use crate::commands::gcp::plan::{Item, Plan, State};
use crate::commands::gcp::rollout::{Access, Way, unrecorded, way};
use crate::commands::gcp::service::{COMMIT, Changed, Live, Manifest, Spec, Target, Template, difference};
use crate::commands::gcp::serving;
use crate::core::error::{Error, Result};
use crate::tools::gcloud::{self, run};

/// Version of the file and of the JSON. Fields may be added under the same number; anything else raises it.
const SCHEMA_VERSION: u32 = 1;

/// In a plan's commands, where the deploy takes a random one.
const REVISION: &str = "new";

/// A plan, written down.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct File {
    schema_version: u32,
    stage: String,
    project: String,
    region: String,
    commit: String,
    /// What was wanted.
    wanted: Value,
    /// What was there.
    live: Value,
}

impl Deploy<'_> {
    /// The plan.
    pub(super) fn plan(&self, command: &'static str) -> Plan {
        let names = self.names();
        let mut items = vec![self.service_item(), self.traffic_item(), self.access_item()];
        items.push(self.invoker_item());
        items.push(self.web_item());
        items.extend(self.identity_item());
        let place = format!(
            "{} in project {}, {}: commit {}",
            names.stage(),
            names.project(),
            names.region(),
            self.order.source.tag
        );
        Plan { command, place, items }
    }

    /// What differs, field by field; of a new service, nothing.
    pub(super) fn changes(&self) -> Vec<Changed> {
        self.facts.service.as_ref().map(|live| difference(live.compared(), &self.spec)).unwrap_or_default()
    }

    fn service_item(&self) -> Item {
        let names = self.names();
        let name = names.service();
        let resource = format!("service {name}");
        let revision = format!("{name}-{}-{REVISION}", self.order.source.mark());
        let step = |traffic: Vec<Target>| {
            let manifest = Manifest {
                name: &name,
                live: self.facts.service.as_ref(),
                template: Template::New(&self.spec, &revision),
                service: Some(&self.spec),
                traffic,
                history: None,
            };
            run::replace(names, &manifest.text())
        };
        let Some(live) = &self.facts.service else {
            return Item::step(resource, State::Create, step(vec![Target::whole(&revision)]))
                .note(format!("image: {}", self.spec.image))
                .note(format!("ingress: {}", self.spec.ingress.name()))
                .note(format!("secret: {} version {}", names.secret(), self.facts.version));
        };
        let mut item = match way(&self.spec, Some(live)) {
            Way::First => Item::step(resource, State::Change, step(vec![Target::whole(&revision)]))
                .note("nothing serves yet: the new revision gets everything at once"),
            Way::NewRevision => {
                let mut traffic = live.shares();
                traffic.push(Target::tagged(&revision, crate::commands::gcp::service::CANDIDATE));
                Item::step(resource, State::Change, step(traffic))
            }
            Way::Settings if !self.changes().is_empty() => {
                Item::step(resource, State::Change, step(live.shares()))
            }
            Way::Newest | Way::Settings | Way::Nothing => Item::unchanged(resource),
        };
        item.notes.extend(self.changes().iter().map(Changed::text));
        item.notes.extend(self.spec.kept());
        item.notes.extend(live.stays());
        item.notes.extend(serving::beside(live));
        item.notes.extend(self.age.lines());
        if let Some(problem) = live.problem.as_ref().filter(|_| !live.newest_is_ready()) {
            item = item.note(format!("the newest revision did not come up: {problem}"));
        }
        let switch = |spec: &Spec| spec.env.get(ENABLED.name).is_some_and(|value| value == "false");
        if switch(&live.spec) && !switch(&self.spec) {
            item = item.note(
                "the server is switched off there; this deploy turns it on. VALIDIBOT_MCP_ENABLED=false in the stage's \
                 .build keeps it off",
            );
        }
        if self.facts.in_maintenance() {
            item = item
                .note("the stage is in maintenance and stays so: cargo xtask gcp maintenance off opens it");
        }
        if !live.serving_spec().labels.contains_key(COMMIT) {
            item = item.note("an earlier tool deployed what is there");
        }
        item
    }

    fn traffic_item(&self) -> Item {
        let names = self.names();
        let resource = "traffic".to_owned();
        let whole = |live: Option<&Live>, revision: &str| {
            let name = names.service();
            let manifest = Manifest {
                name: &name,
                live,
                template: Template::Kept,
                service: None,
                traffic: vec![Target::whole(revision)],
                history: None,
            };
            run::replace(names, &manifest.text())
        };
        let Some(live) = &self.facts.service else { return Item::pending(resource, "with the service") };
        let now = traffic(live);
        match way(&self.spec, Some(live)) {
            Way::First => Item::pending(resource, "with the service"),
            Way::NewRevision => {
                Item::pending(resource, format!("{now} -> the new revision, once it is proven"))
            }
            Way::Newest => {
                let newest = live.newest.as_deref().unwrap_or_default();
                Item::step(resource, State::Change, whole(Some(live), newest))
                    .note(format!("{now} -> {newest} 100%, once it is proven"))
            }
            Way::Settings if live.candidate().is_some() => {
                Item::step(resource, State::Change, whole(Some(live), live.serving().unwrap_or_default()))
                    .note(format!("{now} -> without the tag of a candidate that is serving or was given up"))
            }
            Way::Settings | Way::Nothing => match unrecorded(live).filter(|_| !self.facts.in_maintenance()) {
                Some(serving) => Item::step(resource, State::Change, whole(Some(live), serving))
                    .note(now)
                    .note("that it serves is written down, once it is proven: it is not known to have been"),
                None => Item::unchanged(resource).note(now),
            },
        }
    }

    fn access_item(&self) -> Item {
        let names = self.names();
        let resource = format!("everybody may call {}", names.service());
        match self.facts.access {
            Access::Everybody if self.facts.service.as_ref().is_some_and(Live::checks_nobody) => {
                Item::unchanged(resource).note("Cloud Run checks no caller (invoker-iam-disabled)")
            }
            Access::Everybody => Item::unchanged(resource),
            Access::Granted => {
                Item::step(resource, State::Change, run::open_to_everybody(names, &names.service()))
                    .note("the server itself asks who is calling")
            }
        }
    }

    /// Only where something is wrong with it, or not known: `gcp setup` makes it, not a deploy.
    fn identity_item(&self) -> Option<Item> {
        let identity = self.identity.as_ref()?;
        let (names, resource) = (self.names(), format!("identity of {}", self.names().service()));
        if !identity.problems.is_empty() {
            let mut item = Item::pending(resource, "no further instance of the server would start:");
            item.notes.extend(identity.problems.iter().cloned());
            return Some(item.note(format!("cargo xtask gcp setup {}", names.stage())));
        }
        let unknown = identity.unknown.join(", ");
        (!unknown.is_empty()).then(|| Item::unchanged(resource).note(format!("could not be read: {unknown}")))
    }

    fn invoker_item(&self) -> Item {
        let names = self.names();
        let resource = format!("{} may call {}", names.service_account(), names.web_service());
        match self.facts.invoker {
            Some(true) => Item::unchanged(resource),
            Some(false) => Item::step(resource, State::Change, gcloud::bind_invoker(names)),
            None => Item::pending(resource, "the web application is not deployed yet"),
        }
    }

    /// Both sides' values; never changed from here.
    fn web_item(&self) -> Item {
        let names = self.names();
        let resource = format!("what {} is told", names.web_service());
        let Some(comparisons) = self.comparisons() else {
            return Item::pending(resource, "the web application is not deployed yet");
        };
        let problems: Vec<String> = comparisons.iter().filter_map(Comparison::problem).collect();
        if problems.is_empty() {
            return Item::unchanged(resource);
        }
        let mut item = Item::pending(resource, "has to be set right there, or here:");
        item.notes.extend(problems);
        item
    }

    /// What the web application is told, beside what is used here; `None` where it is not there.
    pub(super) fn comparisons(&self) -> Option<Vec<Comparison>> {
        let names = self.names();
        self.facts.web.as_ref().map(|web| web.compare(names, &self.order.config))
    }

    /// For programs.
    pub(super) fn json(&self, plan: &Plan, applied: bool) -> Value {
        let mut json = plan.json(applied);
        json["commit"] = json!(self.order.source.commit);
        json["image"] = json!(self.spec.image);
        json["fields"] = json!(self.changes());
        json["kept"] = json!(self.spec.foreign.kept);
        json["web"] = json!(self.comparisons());
        json
    }

    fn file(&self) -> File {
        let names = self.names();
        File {
            schema_version: SCHEMA_VERSION,
            stage: names.stage().name().to_owned(),
            project: names.project().to_owned(),
            region: names.region().to_owned(),
            commit: self.order.source.commit.clone(),
            wanted: json!(self.spec),
            live: self.facts.document(),
        }
    }

    /// Writes the plan down.
    pub(super) fn save(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.file()).unwrap_or_default();
        std::fs::write(path, text + "\n").map_err(|error| {
            Error::failed(format!("{} cannot be written", path.display())).cause(error.to_string())
        })
    }

    /// Whether this deploy is the one that was planned; an error shows what is different.
    pub(super) fn check(&self, planned: &File) -> Result<()> {
        let now = self.file();
        let mut wrong = Vec::new();
        for (what, then, now) in [
            ("stage", &planned.stage, &now.stage),
            ("project", &planned.project, &now.project),
            ("region", &planned.region, &now.region),
            ("commit", &planned.commit, &now.commit),
        ] {
            if then != now {
                wrong.push(format!("{what}: planned for {then}, this is {now}"));
            }
        }
        for line in leaves("", &planned.wanted, &now.wanted) {
            wrong.push(format!("wanted{line}"));
        }
        let moved: Vec<String> = leaves("", &planned.live, &now.live).collect();
        if wrong.is_empty() && moved.is_empty() {
            return Ok(());
        }
        let message = if wrong.is_empty() {
            "what is there is not what was planned on"
        } else {
            "this is not what was planned"
        };
        Err(Error::failed(message)
            .causes(wrong)
            .causes(moved.into_iter().map(|line| format!("live{line}")))
            .cause("nothing was changed")
            .hint(format!("plan again: cargo xtask gcp plan {} --out FILE", now.stage)))
    }
}

impl File {
    /// Reads a plan.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let wrong = |why: String| {
            Error::usage(format!("{} is not a plan", path.display()))
                .cause(why)
                .hint("make one: cargo xtask gcp plan STAGE --out FILE")
        };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let file: Self = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if file.schema_version != SCHEMA_VERSION {
            return Err(wrong(format!(
                "its schema_version is {}, not {SCHEMA_VERSION}",
                file.schema_version
            )));
        }
        Ok(file)
    }
}

/// In a line: `a-mcp-1 100%`.
fn traffic(live: &Live) -> String {
    let shares = live.traffic.iter().map(|target| {
        let tag = target.tag.as_ref().map(|tag| format!(" (tag {tag})")).unwrap_or_default();
        format!("{} {}%{tag}", target.revision, target.percent)
    });
    let shares: Vec<_> = shares.collect();
    let floating = if live.floating { " (whatever is newest)" } else { "" };
    format!("{}{floating}", shares.join(", "))
}

/// Every leaf that differs: ` /service/ingress: "all" -> "internal"`.
fn leaves<'a>(path: &str, then: &'a Value, now: &'a Value) -> Box<dyn Iterator<Item = String> + 'a> {
    if then == now {
        return Box::new(std::iter::empty());
    }
    if let (Some(old), Some(new)) = (then.as_array(), now.as_array())
        && old.len() == new.len()
    {
        let path = path.to_owned();
        let pairs = old.iter().zip(new).enumerate();
        return Box::new(pairs.flat_map(move |(at, (old, new))| leaves(&format!("{path}/{at}"), old, new)));
    }
    let (Some(old), Some(new)) = (then.as_object(), now.as_object()) else {
        return Box::new(std::iter::once(format!(" {path}: {then} -> {now}")));
    };
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let path = path.to_owned();
    Box::new(names.into_iter().flat_map(move |name| {
        leaves(
            &format!("{path}/{name}"),
            old.get(name).unwrap_or(&Value::Null),
            new.get(name).unwrap_or(&Value::Null),
        )
    }))
}
