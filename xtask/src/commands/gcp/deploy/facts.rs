//! What is there, as far as a deploy is concerned, and whether it is still the same.

use serde_json::{Value, json};

use crate::commands::gcp::mcp::Web;
use crate::commands::gcp::observe::{Read, cannot_tell, observe, proven};
use crate::commands::gcp::policy::Policy;
use crate::commands::gcp::rollout::{Access, access, is_not_there};
use crate::commands::gcp::secrets::version::Version;
use crate::commands::gcp::service::{Ingress, Live};
use crate::commands::gcp::serving;
use crate::config::context::Context;
use crate::config::stage::Names;
use crate::core::error::{Error, Result};
use crate::tools::gcloud::{self, Advice, INVOKER, Seen, Trouble, run};

/// What is there.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// The service.
    pub(crate) service: Option<Live>,
    /// Who may call it.
    pub(crate) access: Access,
    /// The secret's newest version that can be read; 0 where there is none.
    pub(crate) version: u64,
    /// Whether a load balancer leads to the service.
    pub(crate) balanced: bool,
    /// What the web application is told about the MCP server; `None` where it is not there.
    pub(crate) web: Option<Web>,
    /// Whether the server's account may call the web application; `None` where that is not there.
    pub(crate) invoker: Option<bool>,
    /// The project's number.
    pub(crate) project_number: String,
}

/// What is asked first: it mostly tells whether there is something to write.
#[derive(Debug, Clone)]
pub(super) struct First {
    services: Seen<String>,
    versions: Seen<String>,
}

/// What else has to be known before anything is written.
#[derive(Debug)]
pub(super) struct Rest {
    policy: Seen<String>,
    group: Seen<String>,
    web_policy: Seen<String>,
}

impl First {
    pub(super) fn read(context: &Context, names: &Names, at_once: usize) -> Result<Self> {
        let versions = Read::new("the secret's versions", gcloud::list_versions(names));
        let [services, versions] = observe(context, at_once, &[services(names), versions])?;
        Ok(Self { services, versions })
    }

    /// Looks again at what another deploy changes.
    pub(super) fn again(self, context: &Context, names: &Names) -> Result<Self> {
        let [services] = observe(context, 1, &[services(names)])?;
        Ok(Self { services, ..self })
    }

    /// The facts as far as a revision depends on them; `None` where something does not exist, or is unknown.
    pub(super) fn facts(&self, names: &Names) -> Option<Facts> {
        Facts::known(names, self.clone(), None).ok().filter(|facts| facts.service.is_some())
    }
}

impl Rest {
    /// Nothing of it is there.
    const NONE: Self = Self { policy: Seen::Absent, group: Seen::Absent, web_policy: Seen::Absent };

    pub(super) fn read(context: &Context, names: &Names, at_once: usize) -> Result<Self> {
        let (service, web) = (names.service(), names.web_service());
        let reads = [
            Read::new(format!("the policy of {service}"), run::policy(names, &service)),
            Read::new("the load balancer's way to it", gcloud::describe_endpoint_group(names)),
            Read::new(format!("the policy of {web}"), run::policy(names, &web)),
        ];
        let [policy, group, web_policy] = observe(context, at_once, &reads)?;
        Ok(Self { policy, group, web_policy })
    }
}

impl Facts {
    /// Reads the state. An unknown part is an error.
    pub(super) fn read(context: &Context, names: &Names, at_once: usize) -> Result<Self> {
        let first = First::read(context, names, at_once)?;
        Self::of(context, names, first, Rest::read(context, names, at_once)?)
    }

    /// What the answers say. An unknown part is an error.
    pub(super) fn of(context: &Context, names: &Names, first: First, rest: Rest) -> Result<Self> {
        let mut facts = Self::known(names, first, Some(rest))?;
        if let Some(live) = facts.service {
            facts.service = Some(serving::read(context, names, live)?);
        } else {
            is_not_there(context, names, &names.service())?;
        }
        if facts.project_number.is_empty() {
            facts.project_number = project_number(context, names)?;
        }
        Ok(facts)
    }

    /// As [`Facts::of`]; the project's number is empty where no service says it. Without the rest, as if nothing of it were
    /// there.
    fn known(names: &Names, first: First, rest: Option<Rest>) -> Result<Self> {
        let mut troubles = Vec::new();
        let (live, web) = understand(names, first.services, &mut troubles);
        let listed = troubles.is_empty();
        let prove = |service: String, live: &Option<Live>, policy: Seen<String>| {
            if listed { proven(&service, live.is_some(), policy) } else { policy }
        };
        let rest = rest.map_or(Rest::NONE, |rest| Rest {
            policy: prove(names.service(), &live, rest.policy),
            web_policy: prove(names.web_service(), &web, rest.web_policy),
            ..rest
        });
        let policy = rest.policy.understand("the service's policy", Policy::parse).take(&mut troubles);
        let versions =
            first.versions.understand("the secret's versions", Version::parse_list).take(&mut troubles);
        let web_policy = rest.web_policy.understand("its policy", Policy::parse).take(&mut troubles);
        let balanced = balanced(rest.group, live.as_ref(), &mut troubles);
        if !troubles.is_empty() {
            return Err(cannot_tell(&troubles));
        }
        let known = live.as_ref().or(web.as_ref()).map(|service| service.project_number.clone());
        let account = names.service_account();
        Ok(Self {
            access: access(live.as_ref(), policy.as_ref()),
            version: newest(names, versions)?,
            balanced,
            invoker: web.as_ref().map(|_| web_policy.is_some_and(|policy| policy.grants(INVOKER, &account))),
            web: web.as_ref().map(Web::of),
            service: live,
            project_number: known.unwrap_or_default(),
        })
    }

    /// Whether the stage is in maintenance: nobody reaches the service, and its tools say so.
    pub(crate) fn in_maintenance(&self) -> bool {
        self.service.as_ref().is_some_and(Live::in_maintenance)
    }

    /// All of it that a plan depends on.
    pub(crate) fn document(&self) -> Value {
        json!({
            "service": self.service.as_ref().map(Live::essence),
            "open to everybody": self.access == Access::Everybody,
            "secret version": self.version,
            "load balancer": self.balanced,
            "web": self.web,
            "may call web": self.invoker,
        })
    }
}

/// Both services at once: each start of gcloud is half a second of processor.
fn services(names: &Names) -> Read {
    Read::new("the services of the region", gcloud::fleet::services(names))
}

/// The service and the web application, where they are there.
fn understand(
    names: &Names,
    listed: Seen<String>,
    troubles: &mut Vec<Trouble>,
) -> (Option<Live>, Option<Live>) {
    let (service, web) = (names.service(), names.web_service());
    let parse = |text: &str| Live::parse_list(text, |name| name == service || name == web);
    let what = "the services of the region";
    let mut listed = listed.understand(what, parse).is_there(what).take(troubles).unwrap_or_default();
    (listed.remove(&service), listed.remove(&web))
}

/// Whether a load balancer leads to the service.
///
/// In a project whose Compute API is off there is none. Only where the service already lets nobody in but a load
/// balancer, such an answer is not believed: it may be about another project, the one that gcloud bills.
pub(crate) fn balanced(group: Seen<String>, live: Option<&Live>, troubles: &mut Vec<Trouble>) -> bool {
    match group {
        Seen::Present(_) => true,
        Seen::Absent => false,
        Seen::Unknown(trouble) => {
            let locked = live.is_some_and(|live| live.spec.ingress == Ingress::InternalAndCloudLoadBalancing);
            if trouble.advice != Advice::EnableApi || locked {
                troubles.push(trouble);
            }
            false
        }
    }
}

fn newest(names: &Names, versions: Option<Vec<Version>>) -> Result<u64> {
    let stage = names.stage();
    let Some(versions) = versions else {
        return Err(Error::failed(format!("the secret {} does not exist", names.secret()))
            .cause("nothing was changed")
            .hint(format!("cargo xtask gcp setup {stage}")));
    };
    versions.iter().filter(|version| version.enabled).map(|version| version.number).max().ok_or_else(|| {
        Error::failed(format!("the secret {} has no version that can be read", names.secret()))
            .cause("nothing was changed")
            .hint(format!("cargo xtask gcp secrets {stage}"))
    })
}

pub(in crate::commands::gcp) fn project_number(context: &Context, names: &Names) -> Result<String> {
    let read = Read::new("the project", run::project_number(names));
    let [seen] = observe(context, 1, &[read])?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = |text: &str| Some(text.trim().to_owned()).filter(|text| is_number(text));
    match seen.understand("the project's number", number) {
        Seen::Present(number) => Ok(number),
        Seen::Absent => Err(Error::failed(format!("the project {} does not exist", names.project()))
            .cause("nothing was changed")
            .hint("is GCP_PROJECT_ID right? gcloud projects list")),
        Seen::Unknown(trouble) => Err(cannot_tell(&[trouble])),
    }
}
