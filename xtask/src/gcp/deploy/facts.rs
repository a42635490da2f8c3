//! What is there, as far as a deploy is concerned, and whether it is still the same.

use serde_json::{Value, json};

use crate::context::Context;
use crate::error::{Error, Result};
use crate::gcloud::{self, Advice, INVOKER, Seen, Trouble, run};
use crate::gcp::mcp::Web;
use crate::gcp::observe::{Read, cannot_tell, observe};
use crate::gcp::policy::Policy;
use crate::gcp::rollout::{Access, access};
use crate::gcp::secrets::version::Version;
use crate::gcp::service::{Ingress, Live};
use crate::stage::Names;

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

impl Facts {
    /// Looks. What nobody can tell is an error.
    pub(crate) fn read(context: &Context, names: &Names, at_once: usize) -> Result<Self> {
        let web = names.web_service();
        let reads = [
            services(names),
            policy(names),
            Read::new("the secret's versions", gcloud::list_versions(names)),
            Read::new("the load balancer's way to it", gcloud::describe_endpoint_group(names)),
            Read::new(format!("the policy of {web}"), run::policy(names, &web)),
        ];
        let [services, policy, versions, group, web_policy] = observe(context, at_once, &reads)?;
        let mut troubles = Vec::new();
        let (live, web) = understand(names, services, &mut troubles);
        let policy = policy.understand("the service's policy", Policy::parse).take(&mut troubles);
        let versions = versions.understand("the secret's versions", Version::parse_list).take(&mut troubles);
        let web_policy = web_policy.understand("its policy", Policy::parse).take(&mut troubles);
        let balanced = balanced(group, live.as_ref(), &mut troubles);
        if !troubles.is_empty() {
            return Err(cannot_tell(&troubles));
        }
        let known = live.as_ref().or(web.as_ref()).map(|service| service.project_number.clone());
        let project_number = match known.filter(|number| !number.is_empty()) {
            Some(number) => number,
            None => project_number(context, names)?,
        };
        let account = names.service_account();
        Ok(Self {
            access: policy.as_ref().map_or(Access::Granted, access),
            version: newest(names, versions)?,
            balanced,
            invoker: web.as_ref().map(|_| web_policy.is_some_and(|policy| policy.grants(INVOKER, &account))),
            web: web.as_ref().map(Web::of),
            service: live,
            project_number,
        })
    }

    /// Looks again, a moment later, at what another deploy changes: the services, and who may call ours where that was
    /// not yet as a deploy leaves it.
    pub(crate) fn again(&self, context: &Context, names: &Names) -> Result<Self> {
        let (services, policy) = if self.access == Access::Everybody {
            let [services] = observe(context, 1, &[services(names)])?;
            (services, None)
        } else {
            let [services, policy] = observe(context, 2, &[services(names), policy(names)])?;
            (services, Some(policy))
        };
        let mut troubles = Vec::new();
        let (service, web) = understand(names, services, &mut troubles);
        let policy =
            policy.map(|policy| policy.understand("the service's policy", Policy::parse).take(&mut troubles));
        if !troubles.is_empty() {
            return Err(cannot_tell(&troubles));
        }
        Ok(Self {
            access: policy.map_or(self.access, |policy| policy.as_ref().map_or(Access::Granted, access)),
            invoker: web.as_ref().and(self.invoker),
            web: web.as_ref().map(Web::of),
            service,
            ..self.clone()
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

fn policy(names: &Names) -> Read {
    let service = names.service();
    Read::new(format!("the policy of {service}"), run::policy(names, &service))
}

/// The service and the web application, where they are there.
fn understand(
    names: &Names,
    listed: Seen<String>,
    troubles: &mut Vec<Trouble>,
) -> (Option<Live>, Option<Live>) {
    let (service, web) = (names.service(), names.web_service());
    let parse = |text: &str| Live::parse_list(text, |name| name == service || name == web);
    // A listing cannot be absent: what says so is not understood.
    let listed = match listed.understand("the services of the region", parse) {
        Seen::Absent => Seen::Unknown(Trouble {
            what: "the services of the region".to_owned(),
            advice: Advice::Read,
            said: "gcloud says that there is no such list".to_owned(),
            command: gcloud::fleet::services(names).render(),
        }),
        seen => seen,
    };
    let mut listed = listed.take(troubles).unwrap_or_default();
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

pub(in crate::gcp) fn project_number(context: &Context, names: &Names) -> Result<String> {
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
