//! What a ticket carries.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::caller::Caller;
use crate::seal::Artifact;
use crate::validibot::WorkflowRef;

/// The header that a ticket travels in.
pub(crate) const HEADER: &str = "X-Validibot-Upload-Ticket";

/// Long enough to find a terminal, short enough to be worth little when it is found later.
pub(crate) const LIFETIME: Duration = Duration::from_mins(10);

/// The right to send one file to one workflow, as one user. Sealed under short names: a model has to copy the ticket without a
/// slip.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ticket {
    /// Tells tickets apart: a repeat of one is answered with the same run.
    #[serde(rename = "i")]
    pub(super) id: String,
    #[serde(rename = "u")]
    user: User,
    #[serde(rename = "w")]
    workflow: String,
    #[serde(rename = "n")]
    pub(super) name: String,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<u64>,
    /// Lower-case hexadecimal.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<String>,
}

/// Whose run it will be. An API token has to go along: Validibot knows the user by it. It is sealed with the rest.
#[derive(Serialize, Deserialize)]
enum User {
    #[serde(rename = "s")]
    Subject(String),
    #[serde(rename = "t")]
    ApiToken(String),
}

impl Artifact for Ticket {
    const PURPOSE: &'static str = "upload-ticket";
}

impl Ticket {
    /// `None` for a caller who is nobody in particular.
    pub(crate) fn new(
        id: String,
        caller: &Caller,
        workflow: &WorkflowRef,
        name: String,
        size: Option<u64>,
        sha256: Option<String>,
    ) -> Option<Self> {
        let user = match caller {
            Caller::Subject(subject) => User::Subject(subject.clone()),
            Caller::ApiToken(token) => User::ApiToken(token.expose_secret().to_owned()),
            Caller::Public | Caller::Unchecked => return None,
        };
        Some(Self { id, user, workflow: workflow.to_string(), name, size, sha256 })
    }

    pub(super) fn caller(&self) -> Caller {
        match &self.user {
            User::Subject(subject) => Caller::Subject(subject.clone()),
            User::ApiToken(token) => Caller::ApiToken(SecretString::from(token.as_str())),
        }
    }

    /// `None` only where another version of this program sealed something else.
    pub(super) fn workflow(&self) -> Option<WorkflowRef> {
        WorkflowRef::parse(&self.workflow).ok()
    }
}

/// A request extension: what an upload's head says.
pub(crate) struct Announced {
    pub(super) ticket: Ticket,
    pub(super) length: u64,
}
