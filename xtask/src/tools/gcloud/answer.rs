//! What gcloud's answer to a read means: the thing exists, it does not, or that is unknown.
//!
//! gcloud ends with 1 for every failure, so its text has to be read. 'Not there' is believed only in the forms that
//! gcloud 528 was seen to use for a 404 of the resource itself; everything else is 'could not tell'. Texts of a
//! refused permission say '(or it may not exist)': nothing may be matched loosely.

use super::{Trouble, plainly};
use crate::core::command::Command;
use crate::core::runner::{Outcome, last_lines};

/// What a read found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen<T> {
    /// It is there.
    Present(T),
    /// It is not there.
    Absent,
    /// Unknown.
    Unknown(Trouble),
}

/// The kinds of failure that need different help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// gcloud is not logged in, or its login has expired.
    LogIn,
    /// The API is off in this project.
    EnableApi,
    /// The project has no billing account, or a closed one.
    Billing,
    /// The project that gcloud bills for its requests is not the stage's, or may not be used by who asks.
    QuotaProject,
    /// VPC Service Controls: the request comes from outside the perimeter.
    Perimeter,
    /// The project is deleted, suspended, or has never been there.
    ProjectGone,
    /// This gcloud does not know the command or one of its flags.
    Upgrade,
    /// This docker has no buildx.
    NoBuildx,
    /// The role is missing (or the thing: Google does not say which).
    AskForRole,
    /// Too many requests.
    WaitForQuota,
    /// Google cannot be reached.
    CheckNetwork,
    /// Google failed.
    TryLater,
    /// Anything else.
    Read,
}

impl Advice {
    /// What to do next.
    pub const fn text(self) -> &'static str {
        match self {
            Self::LogIn => "log in: gcloud auth login",
            Self::EnableApi => "turn the API on: cargo xtask gcp setup, or gcloud services enable",
            Self::Billing => {
                "the project has no billing account that is open: gcloud billing projects link PROJECT --billing-account=ACCOUNT"
            }
            Self::QuotaProject => {
                "gcloud bills its requests to a project that you may not use: gcloud config unset billing/quota_project, or ask for roles/serviceusage.serviceUsageConsumer there"
            }
            Self::Perimeter => {
                "VPC Service Controls refuse requests from here: run it from inside the perimeter, or ask who administers it for an access level; the message has the identifier to name"
            }
            Self::ProjectGone => {
                "the project is deleted, suspended or was never there: is GCP_PROJECT_ID right? gcloud projects list; a project that was deleted comes back within 30 days: gcloud projects undelete"
            }
            Self::Upgrade => {
                "this gcloud and this tool do not understand each other: gcloud components update (tried with gcloud 528), or a newer version of this tool"
            }
            Self::NoBuildx => "install docker's buildx: https://docs.docker.com/build/install-buildx/",
            Self::AskForRole => "ask an owner of the project for the role that the message names",
            Self::WaitForQuota => "too many requests: wait a minute, then try again",
            Self::CheckNetwork => {
                "Google Cloud cannot be reached: check the network and gcloud's proxy settings"
            }
            Self::TryLater => "Google Cloud failed: try again later, or see https://status.cloud.google.com",
            Self::Read => "read the message; with --verbose every command is shown",
        }
    }

    /// Reads gcloud's words.
    pub fn of(said: &str) -> Self {
        let has = |word: &str| said.contains(word);
        // Each of these is told as a missing permission, too: they come first.
        if [
            "BILLING_DISABLED",
            "requires billing to be enabled",
            "Billing must be enabled",
            "billing account for project",
        ]
        .into_iter()
        .any(|words| said.to_ascii_lowercase().contains(&words.to_ascii_lowercase()))
            || has("absent billing account")
        {
            Self::Billing
        } else if has("SECURITY_POLICY_VIOLATED") || has("vpcServiceControlsUniqueIdentifier") {
            Self::Perimeter
        } else if has("USER_PROJECT_DENIED")
            || has("serviceusage.services.use")
            || has("roles/serviceusage.serviceUsageConsumer")
        {
            Self::QuotaProject
        } else if [
            "CONSUMER_INVALID",
            "CONSUMER_SUSPENDED",
            "not found or deleted",
            "has been deleted",
            "DELETE_REQUESTED",
        ]
        .into_iter()
        .any(has)
        {
            Self::ProjectGone
        } else if has("SERVICE_DISABLED") || has("has not been used in project") {
            Self::EnableApi
        } else if [
            ") UNAUTHENTICATED",
            "active account selected",
            "current auth tokens",
            "invalid authentication",
        ]
        .into_iter()
        .any(has)
        {
            Self::LogIn
        } else if has("PERMISSION_DENIED") || has("does not have permission") || has("Permission ") {
            Self::AskForRole
        } else if has("RESOURCE_EXHAUSTED") || has("Quota exceeded") {
            Self::WaitForQuota
        } else if has("(ConnectionError)") || has("(ProxyError)") || has("Failed to resolve") {
            Self::CheckNetwork
        } else if ["unrecognized arguments", "Invalid choice: ", "are not valid for this command"]
            .into_iter()
            .any(has)
        {
            Self::Upgrade
        } else if has("'buildx' is not a docker command") || has("unknown command: docker buildx") {
            Self::NoBuildx
        } else if has("HttpError accessing") || has("UNAVAILABLE") || has("INTERNAL") {
            Self::TryLater
        } else {
            Self::Read
        }
    }
}

/// Says what the answer to a read means. `what` names the thing asked for in messages.
pub fn classify(what: &str, command: &Command, outcome: &Outcome) -> Seen<String> {
    // A list of several scopes or regions ends with 0 although some of them could not be asked.
    let partial = ["Some requests did not succeed", "List results may be incomplete"]
        .into_iter()
        .any(|words| outcome.stderr.contains(words));
    if outcome.code == 0 && !partial {
        return Seen::Present(outcome.stdout.clone());
    }
    if outcome.code == 1 && is_absent(&outcome.stderr) {
        return Seen::Absent;
    }
    let said = last_lines(&outcome.stderr, 12);
    let advice = Advice::of(&said);
    let said = plainly(&said);
    Seen::Unknown(Trouble {
        what: what.to_owned(),
        advice,
        said: if said.is_empty() { format!("it ended with exit code {}", outcome.code) } else { said },
        command: command.render(),
    })
}

/// Whether these are the words of a 404 of the resource itself.
fn is_absent(stderr: &str) -> bool {
    let mut lines = stderr.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((command, message)) =
            line.strip_prefix("ERROR: (gcloud.").and_then(|rest| rest.split_once(") "))
        else {
            continue;
        };
        if !command.bytes().all(|byte| byte.is_ascii_lowercase() || b".-".contains(&byte)) {
            continue;
        }
        let detail = lines.peek().and_then(|next| next.strip_prefix(" - The resource 'projects/"));
        let compute = command.starts_with("compute.")
            && message.trim_end() == "Could not fetch resource:"
            && detail.is_some_and(|detail| detail.trim_end().ends_with("' was not found"));
        let run = command == "run.services.describe" && message.starts_with("Cannot find service [")
            || command == "run.jobs.describe" && message.starts_with("Cannot find job [");
        // A 403 is 'There was no instance found … or you are not authorized': that says nothing.
        let sql = command == "sql.instances.describe" && message.starts_with("HTTPError 404: ");
        if message.starts_with("NOT_FOUND: ") || run || sql || compute {
            return true;
        }
    }
    false
}

impl<T> Seen<T> {
    /// Of what has to be there (a list, the policy of a service that was just seen): that it is not is 'could not tell'.
    #[must_use]
    pub fn is_there(self, what: &str) -> Self {
        match self {
            Self::Absent => {
                Self::contradicts(what, "gcloud says that it is not there, and what it belongs to is")
            }
            seen => seen,
        }
    }

    /// Two answers that cannot both be right.
    pub fn contradicts(what: &str, said: &str) -> Self {
        Self::Unknown(Trouble {
            what: what.to_owned(),
            advice: Advice::TryLater,
            said: said.to_owned(),
            command: "the same command again".to_owned(),
        })
    }

    /// What exists, or `None`; what is unknown is put to the other troubles, for one error on all of them.
    pub fn take(self, troubles: &mut Vec<Trouble>) -> Option<T> {
        match self {
            Self::Present(value) => Some(value),
            Self::Absent => None,
            Self::Unknown(trouble) => {
                troubles.push(trouble);
                None
            }
        }
    }
}

impl Seen<String> {
    /// Makes more of what is there; `None` means that it could not be understood, which is 'could not tell'.
    pub fn understand<U>(self, what: &str, read: impl FnOnce(&str) -> Option<U>) -> Seen<U> {
        match self {
            Self::Absent => Seen::Absent,
            Self::Unknown(trouble) => Seen::Unknown(trouble),
            Self::Present(text) => read(&text).map_or_else(
                || {
                    Seen::Unknown(Trouble {
                        what: what.to_owned(),
                        advice: Advice::Upgrade,
                        said: "gcloud's answer is not in the form that is known here".to_owned(),
                        command: String::new(),
                    })
                },
                Seen::Present,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(code: i32, stderr: &str) -> Seen<String> {
        classify("it", &Command::new("gcloud"), &Outcome::failure(code, stderr))
    }

    #[test]
    fn what_has_to_be_there_is_not_absent() {
        let absent: Seen<String> = Seen::Absent;
        assert!(matches!(absent.is_there("the list"), Seen::Unknown(_)));
        assert_eq!(Seen::Present(1).is_there("the list"), Seen::Present(1));
    }

    #[test]
    fn absence_is_believed_only_in_the_forms_that_were_seen() {
        for stderr in [
            "ERROR: (gcloud.secrets.describe) NOT_FOUND: Secret [projects/1/secrets/x] not found.",
            "WARNING: x\nERROR: (gcloud.artifacts.repositories.describe) NOT_FOUND: Requested entity was not found.",
            "ERROR: (gcloud.run.services.describe) Cannot find service [validibot-mcp]",
            "ERROR: (gcloud.compute.network-endpoint-groups.describe) Could not fetch resource:\n \
             - The resource 'projects/p/regions/r/networkEndpointGroups/n' was not found\n",
        ] {
            assert_eq!(seen(1, stderr), Seen::Absent, "{stderr}");
            assert!(matches!(seen(2, stderr), Seen::Unknown(_)), "a usage error says nothing: {stderr}");
        }
        for stderr in [
            "",
            "ERROR: (gcloud.secrets.describe) PERMISSION_DENIED: Permission 'x' denied (or it may not exist). NOT_FOUND: ",
            "ERROR: (gcloud.run.jobs.describe) Cannot find service [x]",
            "ERROR: (gcloud.compute.url-maps.describe) Could not fetch resource:\n - Permission 'x' was not found",
            "said: ERROR: (gcloud.secrets.describe) NOT_FOUND: x",
            "ERROR: gcloud crashed (ConnectionError): NOT_FOUND: ",
            "ERROR: (gcloud.projects.get-iam-policy) Projects instance [p] not found: x",
        ] {
            assert!(matches!(seen(1, stderr), Seen::Unknown(_)), "{stderr}");
        }
    }

    #[test]
    fn a_list_that_is_not_whole_is_no_answer() {
        for stderr in [
            "WARNING: Some requests did not succeed.\n - Permission denied",
            "WARNING: The following Cloud Run regions did not respond: us-east1. List results may be incomplete.",
        ] {
            let outcome = Outcome { code: 0, stdout: "[]".into(), stderr: stderr.into() };
            assert!(
                matches!(classify("it", &Command::new("gcloud"), &outcome), Seen::Unknown(_)),
                "{stderr}"
            );
        }
        // Other warnings say nothing about what is there.
        let warned =
            Outcome { code: 0, stdout: "[]".into(), stderr: "WARNING: a newer version is available".into() };
        assert_eq!(classify("it", &Command::new("gcloud"), &warned), Seen::Present("[]".into()));
    }

    #[test]
    fn each_failure_has_its_own_advice() {
        for (said, advice) in [
            (
                "ERROR: (gcloud.x) UNAUTHENTICATED: Request had invalid authentication credentials.",
                Advice::LogIn,
            ),
            ("ERROR: (gcloud.x) You do not currently have an active account selected.", Advice::LogIn),
            (
                "ERROR: (gcloud.x) PERMISSION_DENIED: X API has not been used in project 1\n  reason: SERVICE_DISABLED",
                Advice::EnableApi,
            ),
            ("ERROR: (gcloud.x) PERMISSION_DENIED: Permission 'p' denied", Advice::AskForRole),
            (
                "ERROR: (gcloud.run.services.list) PERMISSION_DENIED: This API method requires billing to be enabled. Please \
                 enable billing on project #1\n  reason: BILLING_DISABLED",
                Advice::Billing,
            ),
            (
                "ERROR: (gcloud.services.enable) FAILED_PRECONDITION: Billing account for project '1' is not found. Billing \
                 must be enabled for activation of service(s)",
                Advice::Billing,
            ),
            (
                "ERROR: (gcloud.x) [a@example.com] does not have permission to access projects instance [p]: Caller does not \
                 have required permission to use project q. Grant the caller the \
                 roles/serviceusage.serviceUsageConsumer role\n  reason: USER_PROJECT_DENIED",
                Advice::QuotaProject,
            ),
            (
                "ERROR: (gcloud.x) PERMISSION_DENIED: Request is prohibited by organization's policy. \
                 vpcServiceControlsUniqueIdentifier: abc\n  reason: SECURITY_POLICY_VIOLATED",
                Advice::Perimeter,
            ),
            (
                "ERROR: (gcloud.x) PERMISSION_DENIED: Permission denied on resource project p.\n  reason: CONSUMER_INVALID",
                Advice::ProjectGone,
            ),
            ("ERROR: (gcloud.x) PERMISSION_DENIED: Project '1' not found or deleted.", Advice::ProjectGone),
            ("ERROR: (gcloud.x) unrecognized arguments: --flags-file=-", Advice::Upgrade),
            (
                "ERROR: (gcloud.x) [None] does not have permission to access projects instance [p]",
                Advice::AskForRole,
            ),
            ("ERROR: (gcloud.x) RESOURCE_EXHAUSTED: Quota exceeded", Advice::WaitForQuota),
            ("ERROR: gcloud crashed (ProxyError): x", Advice::CheckNetwork),
            ("docker: 'buildx' is not a docker command.\nSee 'docker --help'", Advice::NoBuildx),
            ("ERROR: (gcloud.x) HttpError accessing <https://x>: response: <{}>", Advice::TryLater),
            ("ERROR: something new", Advice::Read),
        ] {
            assert_eq!(Advice::of(said), advice, "{said}");
        }
    }
}
