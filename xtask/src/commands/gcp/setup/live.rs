//! What is there, as far as `setup` is concerned.

use super::super::policy::Policy;
use super::super::state::observe::{Read, cannot_tell, observe};
use super::docker;
use crate::config::context::Context;
use crate::config::stage::Names;
use crate::core::error::Result;
use crate::tools::gcloud::apis::{APIS, ARTIFACTS, RUN, SECRETS};
use crate::tools::gcloud::{self, Seen, Trouble};

/// What was found, and what is unknown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Live {
    /// The APIs that are on.
    pub(crate) apis: Vec<String>,
    /// The service account.
    pub(crate) account: Part,
    /// The image repository.
    pub(crate) repository: Part,
    /// The secret, by its policy.
    pub(crate) secret: Guarded,
    /// The project's policy.
    pub(crate) project: Policy,
    /// The web application, by its policy.
    pub(crate) web: Guarded,
    /// Whether docker can push with gcloud's login.
    pub(crate) docker: bool,
    /// What is unknown.
    pub(crate) troubles: Vec<Trouble>,
}

/// Whether a thing is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Part {
    /// It is.
    Present,
    /// It is not.
    #[default]
    Absent,
    /// It cannot be seen until its API is on.
    Hidden,
}

/// A thing with a policy of its own.
#[derive(Debug, Clone, Default)]
pub(crate) enum Guarded {
    /// It is there.
    Present(Policy),
    /// It is not.
    #[default]
    Absent,
    /// It cannot be seen until its API is on.
    Hidden,
}

impl Guarded {
    pub(crate) fn part(&self) -> Part {
        match self {
            Self::Present(_) => Part::Present,
            Self::Absent => Part::Absent,
            Self::Hidden => Part::Hidden,
        }
    }

    pub(crate) fn grants(&self, role: &str, account: &str) -> bool {
        matches!(self, Self::Present(policy) if policy.grants(role, account))
    }

    pub(crate) fn grants_everybody(&self, role: &str) -> bool {
        matches!(self, Self::Present(policy) if policy.grants_everybody(role))
    }
}

impl Live {
    /// Asks for everything; what is unknown is in `troubles`.
    pub(crate) fn read(context: &Context, at_once: usize, names: &Names) -> Result<Self> {
        let [repository, secret, web] = behind(names);
        let reads = [
            Read::new("the APIs that are on", gcloud::list_apis(names)).lists_apis(),
            Read::new("the project's policy", gcloud::project_policy(names)),
            Read::new("the service account", gcloud::find_account(names)),
            repository,
            secret,
            web,
        ];
        let [apis, project, account, repository, secret, web] = observe(context, at_once, &reads)?;
        let mut live = Self { docker: docker::is_configured(context, names), ..Self::default() };
        // With the list in hand, a refusal by an API that is off is no riddle. Without it, it is.
        let mut listed = None;
        match apis {
            Seen::Present(text) => {
                live.apis = text.split_whitespace().map(str::to_owned).collect();
                listed = Some(live.apis.clone());
            }
            Seen::Absent => live.trouble_of_absence("the APIs that are on"),
            Seen::Unknown(trouble) => live.troubles.push(trouble),
        }
        match project.understand("the project's policy", Policy::parse) {
            Seen::Present(policy) => live.project = policy,
            Seen::Absent => live.trouble_of_absence("the project's policy"),
            Seen::Unknown(trouble) => live.troubles.push(trouble),
        }
        match account {
            Seen::Present(text) if text.lines().any(|line| line.trim() == names.service_account()) => {
                live.account = Part::Present;
            }
            // A listing that names nobody: the account is not there.
            Seen::Present(_) => {}
            Seen::Absent => live.trouble_of_absence("the service account"),
            Seen::Unknown(trouble) => live.troubles.push(trouble),
        }
        live.take(listed.as_deref(), repository, secret, web);
        Ok(live)
    }

    /// Asks again for what stood behind APIs that have been turned on since; the rest is as it was.
    pub(crate) fn again(&self, context: &Context, at_once: usize, names: &Names) -> Result<Self> {
        let [repository, secret, web] = observe(context, at_once, &behind(names))?;
        let mut live = self.clone();
        live.docker = docker::is_configured(context, names);
        live.apis = APIS.map(str::to_owned).to_vec();
        let on = live.apis.clone();
        live.take(Some(&on), repository, secret, web);
        Ok(live)
    }

    /// Takes what stands behind the APIs; `on` are those that are known to be on, `None` where that is not known.
    fn take(
        &mut self,
        on: Option<&[String]>,
        repository: Seen<String>,
        secret: Seen<String>,
        web: Seen<String>,
    ) {
        let off = |api: &str| on.is_some_and(|on| !on.iter().any(|known| known == api));
        self.repository = match repository {
            Seen::Present(_) => Part::Present,
            Seen::Absent => Part::Absent,
            Seen::Unknown(_) if off(ARTIFACTS) => Part::Hidden,
            Seen::Unknown(trouble) => {
                self.troubles.push(trouble);
                Part::Absent
            }
        };
        self.secret = self.guarded(secret.understand("the secret's policy", Policy::parse), off(SECRETS));
        self.web = self.guarded(web.understand("the web application's policy", Policy::parse), off(RUN));
    }

    /// Only if everything is certain; otherwise an error that names what is not.
    pub(crate) fn certain(self) -> Result<Self> {
        if self.troubles.is_empty() { Ok(self) } else { Err(cannot_tell(&self.troubles)) }
    }

    fn guarded(&mut self, seen: Seen<Policy>, off: bool) -> Guarded {
        match seen {
            Seen::Present(policy) => Guarded::Present(policy),
            Seen::Absent => Guarded::Absent,
            Seen::Unknown(_) if off => Guarded::Hidden,
            Seen::Unknown(trouble) => {
                self.troubles.push(trouble);
                Guarded::Absent
            }
        }
    }

    /// A listing or the project itself cannot be absent: somebody has mistyped the project.
    fn trouble_of_absence(&mut self, what: &str) {
        self.troubles.push(Trouble {
            what: what.to_owned(),
            advice: gcloud::Advice::Read,
            said: "gcloud says that it does not exist: is GCP_PROJECT_ID right?".to_owned(),
            command: "gcloud projects list".to_owned(),
        });
    }
}

/// The questions that only an API that is on can answer.
fn behind(names: &Names) -> [Read; 3] {
    let web = format!("the policy of {}", names.web_service());
    [
        Read::new("the image repository", gcloud::describe_repository(names)).needs(ARTIFACTS),
        Read::new("the secret's policy", gcloud::secret_policy(names)).needs(SECRETS),
        Read::new(web, gcloud::web_policy(names)).needs(RUN),
    ]
}
