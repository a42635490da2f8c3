//! `gcp status`: one screen on what a stage is right now.

use serde::Serialize;

use super::identity::{self, Identity};
use super::lock::Holder;
use super::mcp::{Comparison, Config, Mode, Web, not_led_here};
use super::policy::Policy;
use super::releases::{Fate, Revision, hold, table};
use super::rollout::{Access, access};
use super::secrets::version::Version;
use super::service::{Live, Target};
use super::settings;
use super::state::observe::{Read, observe};
use super::state::serving;
use super::state::{self, View};
use super::unprepared::unread;
use crate::cli::GcpStatus;
use crate::config::context::Context;
use crate::config::gate::Gate;
use crate::config::stage::{Names, Target as Place};
use crate::core::error::Result;
use crate::core::exit::Exit;
use crate::core::output::Tone;
use crate::tools::gcloud::{self, Seen, lock, run};

/// Version of the JSON. Fields may be added under the same number; anything else raises it.
const SCHEMA_VERSION: u32 = 1;

/// gcloud is all processor: two at a time.
const AT_ONCE: usize = 2;

/// Of what is not there.
const NOT_DEPLOYED: &str = "NOT_DEPLOYED";

/// How many of the last deploys are shown.
const LAST: usize = 5;

/// The whole screen.
#[derive(Serialize)]
struct Report {
    schema_version: u32,
    stage: &'static str,
    project: String,
    region: String,
    service: String,
    /// Of all of it: `LIVE`, `MAINTENANCE`, `PARTIAL`, `NOT_DEPLOYED`, or `UNKNOWN` where a part could not be read.
    overall: &'static str,
    reasons: Vec<String>,
    /// Of the MCP server alone.
    server: &'static str,
    url: Option<String>,
    clients: Option<String>,
    /// What is still to do before clients reach the server there.
    clients_need: Option<String>,
    traffic: Vec<Target>,
    serving: Option<Revision>,
    ingress: Option<&'static str>,
    everybody: bool,
    problem: Option<String>,
    /// What was gone back from, while the stage is held.
    held: Option<String>,
    gate: Option<bool>,
    lock: Option<Holder>,
    /// `None` where it cannot be compared: the web application, or the stage's files, are not there.
    web: Option<Vec<Comparison>>,
    releases: Vec<Revision>,
    /// The application besides the MCP server; `None` where there is no file that describes it.
    fleet: Option<View>,
}

/// Says how the stage is.
pub(crate) fn status(context: &Context, args: &GcpStatus) -> Result<Exit> {
    let names = settings::load(context, args.look.stage)?.names;
    let report = look(context, &names)?;
    if args.look.json {
        context.printer.json(&report);
    } else {
        context.printer.data(&report.text());
    }
    Ok(if args.check { report.exit() } else { Exit::Success })
}

fn look(context: &Context, names: &Names) -> Result<Report> {
    let (service, web) = (names.service(), names.web_service());
    let reads = [
        Read::new(format!("the service {service}"), run::describe(names, &service)),
        Read::new("its revisions", run::revisions(names, &service)),
        Read::new(format!("the policy of {service}"), run::policy(names, &service)),
        Read::new(format!("the web application {web}"), run::describe(names, &web)),
        Read::new("the deploy lock", lock::describe(names)),
        Read::new("the secret's versions", gcloud::list_versions(names)),
    ];
    let [account, accessor] = identity::reads(names);
    let [first, second, third, fourth, fifth, sixth] = reads;
    let reads = [first, second, third, fourth, fifth, sixth, account, accessor];
    let [live, revisions, policy, web, holder, versions, account, accessor] =
        observe(context, AT_ONCE, &reads)?;
    let mut troubles = Vec::new();
    let live = live.understand("the service", Live::parse).take(&mut troubles);
    let live = match (live, &revisions) {
        (Some(live), Seen::Present(text)) => Some(serving::listed(text, live)),
        (live, _) => live,
    };
    let revisions = match &live {
        Some(live) => revisions.understand("its revisions", |text| Revision::parse_list(text, live)),
        None => Seen::Absent,
    };
    let revisions = revisions.take(&mut troubles).unwrap_or_default();
    let policy = policy.understand("the service's policy", Policy::parse).take(&mut troubles);
    let web = web.understand("the web application", Live::parse).take(&mut troubles);
    let holder = holder.understand("the deploy lock", Holder::parse).take(&mut troubles);
    let versions = versions.understand("the secret's versions", Version::parse_list).take(&mut troubles);
    if !troubles.is_empty() {
        return Err(unread(context, names, &troubles));
    }
    // A stage whose files are not complete can be looked at all the same.
    let config = Config::load(context, names.stage()).ok();
    let build = context.tree.read(Place::GoogleCloud(names.stage()), envs::HeldIn::Build)?;
    let access = access(live.as_ref(), policy.as_ref());
    let serving = revisions.iter().find(|revision| revision.fate == Fate::Serving).cloned();
    let enabled = serving.as_ref().is_none_or(|revision| revision.enabled);
    let used = serving.as_ref().and_then(|revision| revision.secret_version.as_deref());
    let mut at_risk: Vec<String> =
        used.and_then(|used| unreadable(names, used, &versions.unwrap_or_default())).into_iter().collect();
    let identity = match &live {
        Some(_) => Identity::of(context, names, [account, accessor])?,
        None => Identity::default(),
    };
    at_risk.extend(identity.problems.iter().map(|problem| format!("{problem}: no further instance starts")));
    let (server, mut reasons) = match &live {
        Some(live) => match Mode::of(live, access, enabled) {
            // What serves goes on for as long as its instances do.
            (Mode::Live, reasons) if !at_risk.is_empty() => (Mode::Partial.name(), reasons),
            (mode, reasons) => (mode.name(), reasons),
        },
        None => (NOT_DEPLOYED, Vec::new()),
    };
    reasons.extend(at_risk);
    let fleet = state::view(context, names.stage())?;
    let application = fleet.as_ref().map_or(NOT_DEPLOYED, |view| view.overall);
    let overall = together(server, application);
    if overall == Mode::Partial.name() && server != application {
        reasons.push(format!("the MCP server is {server}, the rest of the application {application}"));
    }
    reasons.extend(fleet.iter().flat_map(View::partial));
    Ok(Report {
        schema_version: SCHEMA_VERSION,
        stage: names.stage().name(),
        project: names.project().to_owned(),
        region: names.region().to_owned(),
        service,
        overall,
        reasons,
        server,
        url: live.as_ref().map(|live| live.url.clone()),
        clients: config.as_ref().map(|config| format!("{}/mcp", config.base_url)),
        clients_need: live
            .as_ref()
            .zip(config.as_ref())
            .and_then(|(live, config)| not_led_here(names.stage(), live, &config.base_url)),
        traffic: live.as_ref().map(|live| live.traffic.clone()).unwrap_or_default(),
        serving,
        ingress: live.as_ref().map(|live| live.spec.ingress.name()),
        everybody: access == Access::Everybody,
        problem: live.as_ref().and_then(|live| live.problem.clone()),
        held: live.as_ref().and_then(|live| live.history.held.clone()),
        gate: Gate::read(&context.environment, build.as_ref()).ok().map(|gate| gate.open),
        lock: holder,
        web: web.and_then(|web| Some(Web::of(&web).compare(names, config.as_ref()?))),
        releases: revisions.into_iter().take(LAST).collect(),
        fleet,
    })
}

/// Of a secret's version that what serves reads and nobody can read.
fn unreadable(names: &Names, used: &str, versions: &[Version]) -> Option<String> {
    let number: u64 = used.parse().ok()?;
    let version = versions.iter().find(|version| version.number == number);
    let state = match version {
        Some(version) if version.enabled => return None,
        Some(version) if !version.destroyed => "disabled",
        _ => "gone",
    };
    let secret = names.secret();
    Some(format!(
        "version {used} of secret {secret}, which the serving revision reads, is {state}: no further instance starts"
    ))
}

/// The state of the whole, of the states of the MCP server and of the rest; what is not deployed has no say.
fn together(server: &'static str, rest: &'static str) -> &'static str {
    match (server, rest) {
        (one, NOT_DEPLOYED) | (NOT_DEPLOYED, one) => one,
        (_, "UNKNOWN") => rest,
        (server, rest) if server == rest => server,
        _ => Mode::Partial.name(),
    }
}

impl Report {
    /// How the stage is, as an exit code.
    fn exit(&self) -> Exit {
        match self.overall {
            "LIVE" if self.reasons.is_empty() => Exit::Success,
            "MAINTENANCE" => Exit::Maintenance,
            NOT_DEPLOYED => Exit::NotDeployed,
            "UNKNOWN" => Exit::Failed,
            _ => Exit::Partial,
        }
    }

    /// Why there is nothing to compare with the web application.
    const fn uncompared(&self) -> &'static str {
        if self.clients.is_none() {
            "not compared: the stage's files are not complete"
        } else {
            "not compared: the web application is not deployed"
        }
    }

    fn text(&self) -> String {
        let tone = match self.exit() {
            Exit::Success => Tone::Good,
            Exit::Failed => Tone::Bad,
            _ => Tone::Careful,
        };
        let mut lines = vec![format!("{}: {}", self.stage, tone.paint(self.overall))];
        lines.extend(self.reasons.iter().map(|reason| format!("  {reason}")));
        let mut row = |name: &str, value: String| lines.push(format!("  {name:<9} {value}"));
        row("server", self.server.to_owned());
        row("service", format!("{} in project {}, {}", self.service, self.project, self.region));
        if let Some(url) = &self.url {
            row("address", url.clone());
        }
        if let Some(clients) = &self.clients {
            row("clients", clients.clone());
        }
        if let Some(need) = &self.clients_need {
            row("", need.replace('\n', "\n          "));
        }
        for target in &self.traffic {
            let tag = target.tag.as_ref().map(|tag| format!(", tag {tag}")).unwrap_or_default();
            row("traffic", format!("{} {}%{tag}", target.revision, target.percent));
        }
        if let Some(serving) = &self.serving {
            let unknown = || "unknown: an earlier tool deployed it".to_owned();
            row("commit", serving.commit.clone().unwrap_or_else(unknown));
            row("image", serving.digest.clone().unwrap_or_else(|| "by tag".to_owned()));
            row("secret", format!("version {}", serving.secret_version.as_deref().unwrap_or("none")));
            row("switch", if serving.enabled { "on" } else { "off" }.to_owned());
        }
        if let Some(ingress) = self.ingress {
            let who = match (ingress, self.everybody) {
                ("internal", _) => "nobody reaches it from outside",
                (_, true) => "open to everybody",
                (_, false) => "not open to everybody",
            };
            row("ingress", format!("{ingress}, {who}"));
        }
        if let Some(problem) = &self.problem {
            row("problem", problem.clone());
        }
        if let Some(held) = &self.held {
            row("held", hold(held).trim_start_matches("held: ").to_owned());
        }
        row(
            "gate",
            match self.gate {
                Some(true) => "open",
                Some(false) => "closed",
                None => "neither on nor off: see cargo xtask env check",
            }
            .to_owned(),
        );
        row("lock", self.lock.as_ref().map_or_else(|| "free".to_owned(), |lock| lock.lines().join("; ")));
        match &self.web {
            None => row("web", self.uncompared().to_owned()),
            Some(web) => {
                let problems: Vec<_> = web.iter().filter_map(Comparison::problem).collect();
                row(
                    "web",
                    if problems.is_empty() { "is told the same".to_owned() } else { problems.join("; ") },
                );
            }
        }
        if !self.releases.is_empty() {
            lines.push("last deploys".to_owned());
            lines.extend(table(&self.releases).lines().map(|line| format!("  {line}")));
        }
        lines.extend(self.fleet.as_ref().map(View::text));
        lines.join("\n")
    }
}
