//! Whether the server can be who it is: its service account is there, and may read its secret.
//!
//! A service that serves goes on for a while without either, and its next instance does not start.

use super::policy::Policy;
use super::state::observe::{Read, observe};
use crate::config::context::Context;
use crate::config::stage::Names;
use crate::core::error::{Error, Result};
use crate::tools::gcloud::{self, ACCESSOR, Seen};

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    /// What is wrong.
    pub(crate) problems: Vec<String>,
    /// What could not be read: who deploys needs no role for it.
    pub(crate) unknown: Vec<String>,
}

/// Both questions.
pub(crate) fn reads(names: &Names) -> [Read; 2] {
    [
        Read::new(format!("the service account {}", names.service_account()), gcloud::find_account(names)),
        Read::new(format!("who may read the secret {}", names.secret()), gcloud::secret_policy(names)),
    ]
}

/// Asks both.
pub(crate) fn read(context: &Context, names: &Names, at_once: usize) -> Result<Identity> {
    let answers = observe(context, at_once, &reads(names))?;
    Identity::of(context, names, answers)
}

impl Identity {
    /// What the answers to [`reads`] say. An older set-up gave the role on the whole project: that is asked where the secret's
    /// own policy does not give it.
    pub(crate) fn of(context: &Context, names: &Names, [account, policy]: [Seen<String>; 2]) -> Result<Self> {
        let (mut identity, email) = (Self::default(), names.service_account());
        match account {
            Seen::Present(text) if text.lines().any(|line| line.trim() == email) => {}
            Seen::Present(_) | Seen::Absent => {
                identity.problems.push(format!("the service account {email} is not there"));
                return Ok(identity);
            }
            Seen::Unknown(trouble) => identity.unknown.push(trouble.what),
        }
        match policy.understand("who may read the secret", Policy::parse) {
            Seen::Present(policy) if policy.grants(ACCESSOR, &email) => {}
            Seen::Present(_) => {
                let what = "the project's policy";
                let [project] = observe(context, 1, &[Read::new(what, gcloud::project_policy(names))])?;
                match project.understand(what, Policy::parse) {
                    Seen::Present(policy) if policy.grants(ACCESSOR, &email) => {}
                    Seen::Present(_) => identity.problems.push(format!(
                        "{email} may not read the secret {}: it does not have {ACCESSOR} there",
                        names.secret()
                    )),
                    Seen::Absent | Seen::Unknown(_) => identity.unknown.push(what.to_owned()),
                }
            }
            Seen::Absent => identity.unknown.push("who may read the secret".to_owned()),
            Seen::Unknown(trouble) => identity.unknown.push(trouble.what),
        }
        Ok(identity)
    }

    /// An error where no further instance would start.
    pub(crate) fn check(&self, names: &Names) -> Result<()> {
        if self.problems.is_empty() {
            return Ok(());
        }
        Err(Error::failed("no further instance of the server would start, so nothing was changed")
            .causes(self.problems.clone())
            .hint(format!("cargo xtask gcp setup {}", names.stage())))
    }
}
