//! The service: whether it runs, who reaches it, and whether it is what the files and this checkout say.

use envs::server;

use super::super::finding::Finding;
use super::Look;
use super::unknown::known;
use crate::command::Command;
use crate::error::Result;
use crate::gcloud::run;
use crate::gcp::mcp::{Comparison, Config, Web};
use crate::gcp::observe::{Read, observe};
use crate::gcp::policy::Policy;
use crate::gcp::rollout::{Access, access};
use crate::gcp::service::{COMMIT, Ingress, Live};
use crate::git;
use crate::runner::Streams;

/// What was seen; `None` where it is not there or nobody can tell, which has been said.
pub(super) struct Service {
    live: Option<Live>,
    open: Option<bool>,
    web: Option<Web>,
}

impl Service {
    /// The version of the secret that it reads: a number, `latest`, or none yet.
    pub(super) fn secret_version(&self, look: &Look<'_>) -> Option<&str> {
        let mounts = &self.live.as_ref()?.spec.secrets;
        let ours = mounts.iter().find(|mount| mount.secret == look.names.secret());
        ours.map(|mount| mount.version.as_str())
    }
}

/// Asks for the service, who may call it, and what the web application knows of it.
pub(super) fn read(look: &Look<'_>, findings: &mut Vec<Finding>) -> Result<Service> {
    let (service, web) = (look.names.service(), look.names.web_service());
    let reads = [
        Read::new(format!("the service {service}"), run::describe(&look.names, &service)),
        Read::new(format!("the policy of {service}"), run::policy(&look.names, &service)),
        Read::new(format!("the service {web}"), run::describe(&look.names, &web)),
    ];
    let [live, policy, web] = observe(look.context, look.at_once, &reads)?;
    let live = known(live.understand("the service", Live::parse), findings);
    if matches!(live, Ok(None)) {
        let finding = Finding::error(
            "not-deployed",
            format!("there is no service {service}"),
            "nobody can connect yet",
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

/// Compares it; `leads_here` says whether a load balancer leads to it, `None` where nobody can tell.
pub(super) fn examine(
    look: &Look<'_>,
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
        findings.extend(checks.settings(&config));
        findings.extend(service.web.as_ref().and_then(|web| checks.other_side(web, &config)));
    }
    findings.extend(checks.commit()?);
    Ok(())
}

struct Checks<'a> {
    look: &'a Look<'a>,
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
            "an older revision goes on serving; what was deployed since is not in force"
        } else {
            "no revision serves: clients are answered 503 by Google"
        };
        let fix = format!("correct what it names, then: {}", self.look.command("deploy"));
        Some(self.finding("revision-failed", format!("Cloud Run says: {problem}"), why, fix))
    }

    fn account(&self) -> Option<Finding> {
        let (ours, found) = (self.look.names.service_account(), &self.live.spec.account);
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
                let what = "the stage is in maintenance: internal, and every tool says so".to_owned();
                let why = "nobody outside reaches the server, as somebody has decided";
                let fix = format!("once the maintenance is over: {}", self.look.command("maintenance off"));
                Some(self.finding("in-maintenance", what, why, fix).into_warning())
            }
            (Ingress::Internal, _) => Some(self.finding(
                "ingress-internal",
                "the service's ingress is internal".to_owned(),
                "clients are answered 404 by Google",
                deploy(),
            )),
            (Ingress::InternalAndCloudLoadBalancing, Some(false)) => Some(self.finding(
                "ingress-without-balancer",
                "the service lets in a load balancer only, and none leads to it".to_owned(),
                "clients are answered 404 by Google",
                deploy(),
            )),
            (Ingress::All, Some(true)) => {
                let what = "a load balancer leads to the service, and its ingress is all".to_owned();
                let why = "anybody can go around the load balancer and what it keeps out";
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
                "Google answers 403 before the server can ask who is calling",
                self.look.command("deploy"),
            )
        })
    }

    /// What a deploy writes into the service, beside what the files say now.
    fn settings(&self, config: &Config) -> Option<Finding> {
        let env = &self.live.spec.env;
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
        // Maintenance closes the switch on purpose.
        let compared =
            wanted.iter().filter(|(name, _)| *name != server::ENABLED.name || !self.live.in_maintenance());
        let what: Vec<_> = compared.filter_map(|(name, wanted)| differs(name, wanted)).collect();
        (!what.is_empty()).then(|| {
            let why = "what was written into the files since is not in force";
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

    /// The commit that the image was built from, beside this checkout's.
    fn commit(&self) -> Result<Option<Finding>> {
        let serving = self.live.serving();
        if let (Some(serving), Some(newest)) = (serving, self.live.newest.as_deref())
            && serving != newest
            && self.live.problem.is_none()
        {
            let what = format!("{serving} serves, and {newest} is the newest revision");
            let why = "somebody has gone back, or a deploy has stopped on its way";
            return Ok(Some(
                self.finding("not-the-newest", what, why, self.look.command("deploy")).into_warning(),
            ));
        }
        let Some(deployed) = self.live.spec.labels.get(COMMIT) else {
            let what = format!("the service's revision carries no label {COMMIT}");
            let why = "which commit runs there cannot be told: another tool has deployed it";
            return Ok(Some(
                self.finding("commit-unknown", what, why, self.look.command("deploy")).into_warning(),
            ));
        };
        let Some(here) = self.git(&git::commit(&self.look.context.root))? else { return Ok(None) };
        if *deployed == here {
            return Ok(None);
        }
        let behind = self.git(&git::count(&self.look.context.root, deployed, &here))?;
        let what = match behind.as_deref() {
            Some("0") => format!("the service runs commit {deployed}, which is ahead of this checkout"),
            Some(count) => {
                format!("the service runs commit {deployed}, {count} commits behind this checkout")
            }
            None => format!("the service runs commit {deployed}, which this checkout does not know"),
        };
        let why = "what was changed since does not run there";
        Ok(Some(self.finding("image-behind", what, why, self.look.command("deploy")).into_warning()))
    }

    /// What git says; `None` where it says nothing: that was a finding before.
    fn git(&self, command: &Command) -> Result<Option<String>> {
        let outcome = self.look.context.runner.run(command, Streams::Captured)?;
        Ok((outcome.code == 0).then(|| outcome.stdout.trim().to_owned()))
    }
}
