//! The service: whether it runs, who reaches it, and whether it is what the files and this checkout say.

use envs::server;

use super::super::finding::Finding;
use super::CloudChecks;
use super::unknown::known;
use crate::commands::gcp::mcp::{Comparison, Config, Web};
use crate::commands::gcp::policy::Policy;
use crate::commands::gcp::rollout::{Access, access};
use crate::commands::gcp::service::{COMMIT, Ingress, Live};
use crate::commands::gcp::state::observe::{Read, observe};
use crate::commands::gcp::state::serving;
use crate::core::command::Command;
use crate::core::error::Result;
use crate::core::runner::Streams;
use crate::tools::gcloud::{Seen, run};
use crate::tools::git;

/// What was seen; `None` where it does not exist or is unknown, which has been reported.
pub(super) struct Service {
    live: Option<Live>,
    open: Option<bool>,
    web: Option<Web>,
}

impl Service {
    /// The version of the secret that it reads: a number, `latest`, or none yet.
    pub(super) fn secret_version(&self, look: &CloudChecks<'_>) -> Option<&str> {
        let mounts = &self.live.as_ref()?.serving_spec().secrets;
        let ours = mounts.iter().find(|mount| mount.secret == look.names.secret());
        ours.map(|mount| mount.version.as_str())
    }
}

/// Asks for the service, who may call it, and what the web application knows of it.
pub(super) fn read(look: &CloudChecks<'_>, findings: &mut Vec<Finding>) -> Result<Service> {
    let (service, web) = (look.names.service(), look.names.web_service());
    let reads = [
        Read::new(format!("the service {service}"), run::describe(&look.names, &service)),
        Read::new(format!("the policy of {service}"), run::policy(&look.names, &service)),
        Read::new(format!("the service {web}"), run::describe(&look.names, &web)),
    ];
    let [live, policy, web] = observe(look.context, look.at_once, &reads)?;
    let live = match live.understand("the service", Live::parse) {
        Seen::Present(live) => serving::ask(look.context, &look.names, live)?,
        seen => seen,
    };
    let live = known(live, findings);
    if matches!(live, Ok(None)) {
        let finding = Finding::error(
            "not-deployed",
            format!("there is no service {service}"),
            "no client can connect yet",
            look.place("Cloud Run"),
            look.command("deploy"),
        );
        findings.push(finding.into_warning());
    }
    let policy = known(policy.understand("the service's policy", Policy::parse), findings);
    let web = known(web.understand("the web application", Live::parse), findings);
    Ok(Service {
        open: policy.ok().flatten().map(|policy| {
            access(live.as_ref().ok().and_then(Option::as_ref), Some(&policy)) == Access::Everybody
        }),
        live: live.ok().flatten(),
        web: web.ok().flatten().as_ref().map(Web::of),
    })
}

/// Compares it; `leads_here` says whether a load balancer leads to it, `None` where that is unknown.
pub(super) fn examine(
    look: &CloudChecks<'_>,
    service: &Service,
    leads_here: Option<bool>,
    findings: &mut Vec<Finding>,
) -> Result<()> {
    let Some(live) = &service.live else { return Ok(()) };
    let checks = Checks { look, live, place: look.place(&format!("service {}", look.names.service())) };
    findings.extend(checks.account());
    findings.extend(checks.revision());
    findings.extend(checks.ingress(leads_here));
    findings.extend(checks.public(service.open));
    // What is wrong with the settings was said with the files.
    if let Ok(config) = Config::load(look.context, look.stage) {
        findings.extend(checks.switch(&config));
        findings.extend(checks.settings(&config));
        findings.extend(service.web.as_ref().and_then(|web| checks.other_side(web, &config)));
    }
    findings.extend(checks.commit()?);
    Ok(())
}

struct Checks<'a> {
    look: &'a CloudChecks<'a>,
    live: &'a Live,
    place: String,
}

impl Checks<'_> {
    fn finding(&self, code: &'static str, what: String, why: &str, fix: String) -> Finding {
        Finding::error(code, what, why, self.place.clone(), fix)
    }

    fn revision(&self) -> Option<Finding> {
        let problem = self.live.problem.as_ref()?;
        let why = if self.live.serving().is_some() {
            "an older revision still serves; later deploys are not in use"
        } else {
            "no revision serves: Google answers 503 to clients"
        };
        let fix = format!("correct what it names, then: {}", self.look.command("deploy"));
        Some(self.finding("revision-failed", format!("Cloud Run reports: {problem}"), why, fix))
    }

    fn account(&self) -> Option<Finding> {
        let (ours, found) = (self.look.names.service_account(), &self.live.serving_spec().account);
        (*found != ours).then(|| {
            let found = if found.is_empty() { "the project's default account" } else { found };
            self.finding(
                "other-account",
                format!("the service runs as {found}, not as {ours}"),
                "Validibot answers 401 on /api/v1/mcp/* to any other account",
                self.look.command("deploy"),
            )
        })
    }

    /// Who reaches it over the network.
    fn ingress(&self, leads_here: Option<bool>) -> Option<Finding> {
        let deploy = || self.look.command("deploy");
        match (self.live.spec.ingress, leads_here) {
            _ if self.live.in_maintenance() => {
                let what =
                    "the stage is in maintenance: internal, and every tool answers SERVICE_UNAVAILABLE"
                        .to_owned();
                let why = "the server has no public access, as decided by an operator";
                let fix = format!("once the maintenance is over: {}", self.look.command("maintenance off"));
                Some(self.finding("in-maintenance", what, why, fix).into_warning())
            }
            (Ingress::Internal, _) => Some(self.finding(
                "ingress-internal",
                "the service's ingress is internal".to_owned(),
                "Google answers 404 to clients",
                deploy(),
            )),
            (Ingress::InternalAndCloudLoadBalancing, Some(false)) => Some(self.finding(
                "ingress-without-balancer",
                "the service accepts requests from a load balancer only, and none routes to it".to_owned(),
                "Google answers 404 to clients",
                deploy(),
            )),
            (Ingress::All, Some(true)) => {
                let what = "a load balancer routes to the service, and its ingress is 'all'".to_owned();
                let why = "anyone can bypass the load balancer and its protection";
                Some(self.finding("ingress-open", what, why, deploy()).into_warning())
            }
            _ => None,
        }
    }

    fn public(&self, open: Option<bool>) -> Option<Finding> {
        (open == Some(false) && !self.live.in_maintenance()).then(|| {
            self.finding(
                "not-public",
                "allUsers may not call the service".to_owned(),
                "Google answers 403 before the server can authenticate the caller",
                self.look.command("deploy"),
            )
        })
    }

    /// The kill switch of what serves, where the files want it on.
    fn switch(&self, config: &Config) -> Option<Finding> {
        let spec = self.live.serving_spec();
        let off = spec.env.get(server::ENABLED.name).is_some_and(|value| value == "false");
        (off && config.enabled && !self.live.in_maintenance()).then(|| {
            self.finding(
                "switched-off",
                format!("{} is off in the serving revision", server::ENABLED.name),
                "every tool answers SERVICE_UNAVAILABLE",
                self.look.command("maintenance off"),
            )
        })
    }

    /// What a deploy writes into the service, beside what the files say now.
    fn settings(&self, config: &Config) -> Option<Finding> {
        let env = &self.live.serving_spec().env;
        let differs = |name: &str, wanted: &str| {
            let found = env.get(name).map_or("not set", String::as_str);
            (found != wanted).then(|| format!("{name} is {found} there, and {wanted} in the files"))
        };
        let enabled = config.enabled.to_string();
        let wanted = [
            (server::API_BASE_URL.name, config.api_base_url.as_str()),
            (server::MCP_BASE_URL.name, config.base_url.as_str()),
            (server::ENABLED.name, enabled.as_str()),
        ];
        // Maintenance closes the switch on purpose, and one that is off where it should be on is a finding of its own.
        let told = self.live.in_maintenance() || config.enabled;
        let compared = wanted.iter().filter(|(name, _)| *name != server::ENABLED.name || !told);
        let what: Vec<_> = compared.filter_map(|(name, wanted)| differs(name, wanted)).collect();
        (!what.is_empty()).then(|| {
            let why = "later changes of the files are not in use";
            self.finding("settings-not-in-use", what.join("; "), why, self.look.command("deploy"))
                .into_warning()
        })
    }

    /// What the web application is told about this server. What is not in its environment stands in its secret, which
    /// is not ours to read.
    fn other_side(&self, web: &Web, config: &Config) -> Option<Finding> {
        let comparisons = web.compare(&self.look.names, config);
        let differs = comparisons.iter().filter(|comparison| comparison.found.is_some());
        let what: Vec<_> = differs.filter_map(Comparison::problem).collect();
        let web = self.look.names.web_service();
        (!what.is_empty()).then(|| {
            Finding::error(
                "web-disagrees",
                what.join("; "),
                "Validibot compares byte for byte: it answers this server 401, or every token is a 401 invalid_token",
                self.look.place(&format!("service {web}")),
                "correct it in .build or in Validibot's .django, then deploy Validibot",
            )
        })
    }

    /// The commit that what serves was built from, beside this checkout's. A deploy is advised only where it brings
    /// something newer that was not rolled back.
    fn commit(&self) -> Result<Option<Finding>> {
        let Some(deployed) = self.live.serving_spec().labels.get(COMMIT) else {
            let what = format!("the service's revision carries no label {COMMIT}");
            let why = "its commit is unknown: another tool has deployed it";
            return Ok(Some(
                self.finding("commit-unknown", what, why, self.look.command("deploy")).into_warning(),
            ));
        };
        let Some(here) = self.git(&git::commit(&self.look.context.root))? else { return Ok(None) };
        if let Some(held) = &self.live.history.held {
            return Ok(Some(self.held(held, deployed, &here)));
        }
        if let (Some(serving), Some(newest)) = (self.live.serving(), self.live.newest.as_deref())
            && serving != newest
            && self.live.problem.is_none()
        {
            let what = format!("{serving} serves, and {newest} is the newest revision");
            let why = "a deploy was interrupted, or its candidate failed verification";
            let fix = self.look.command("release drop");
            let fix = format!("{}, or give it up: {fix}", self.look.command("deploy"));
            return Ok(Some(self.finding("not-the-newest", what, why, fix).into_warning()));
        }
        if *deployed == here {
            return Ok(None);
        }
        let behind = self.git(&git::count(&self.look.context.root, deployed, &here))?;
        let deploy = self.look.command("deploy");
        let (what, why, fix) = match behind.as_deref() {
            Some("0") => (
                format!("the service runs commit {deployed}, which is ahead of this checkout"),
                "the checkout is older: deploying it would revert later changes",
                "git pull".to_owned(),
            ),
            Some("1") => (
                format!("the service runs commit {deployed}, 1 commit behind this checkout"),
                "later changes do not run there",
                deploy,
            ),
            Some(count) => (
                format!("the service runs commit {deployed}, {count} commits behind this checkout"),
                "later changes do not run there",
                deploy,
            ),
            None => (
                format!("the service runs commit {deployed}, which is not in this checkout"),
                "whether this checkout is newer or older is unknown",
                "git fetch, then run doctor again".to_owned(),
            ),
        };
        Ok(Some(self.finding("image-behind", what, why, fix).into_warning()))
    }

    /// Somebody has gone back.
    fn held(&self, held: &str, deployed: &str, here: &str) -> Finding {
        let what = format!("the stage is held at commit {deployed}: {held} was rolled back");
        let bad = self.live.history.blames("", Some(here)).is_some();
        let fix = if bad || deployed == here {
            "deploy a commit that fixes what was rolled back".to_owned()
        } else {
            format!("once this checkout fixes what was rolled back: {}", self.look.command("deploy"))
        };
        let why = "later deploys are not in use, as decided by an operator";
        self.finding("held", what, why, fix).into_warning()
    }

    /// What git says; `None` where it says nothing: that was a finding before.
    fn git(&self, command: &Command) -> Result<Option<String>> {
        let outcome = self.look.context.runner.run(command, Streams::Captured)?;
        Ok((outcome.code == 0).then(|| outcome.stdout.trim().to_owned()))
    }
}
