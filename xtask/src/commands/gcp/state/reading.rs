//! Understanding the answers: whatever is unknown, or does not exist and has to, is kept and reported together.

use std::collections::BTreeMap;

use super::answers::Answers;
use super::observe::{cannot_tell, proven};
use crate::commands::gcp::deploy::place::Place;
use crate::commands::gcp::policy::Policy;
use crate::commands::gcp::unprepared::unprepared;
use crate::core::error::{Error, Result};
use crate::tools::gcloud::{Seen, Trouble};

/// Answers that are being understood.
pub(super) struct Reading {
    answers: BTreeMap<String, Seen<String>>,
    pub(super) troubles: Vec<Trouble>,
    /// What does not exist and has to, and how to make it.
    pub(super) missing: Vec<(String, String)>,
}

impl Reading {
    pub(super) fn of(answers: Answers) -> Self {
        Self { answers: answers.0, troubles: Vec::new(), missing: Vec::new() }
    }

    /// An answer as it is; what was not asked is absent.
    pub(super) fn take(&mut self, what: &str) -> Seen<String> {
        self.answers.remove(what).unwrap_or(Seen::Absent)
    }

    /// What may exist.
    pub(super) fn may<T>(&mut self, what: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        match self.answers.remove(what)?.understand(what, read) {
            Seen::Present(value) => Some(value),
            Seen::Absent => None,
            Seen::Unknown(trouble) => {
                self.troubles.push(trouble);
                None
            }
        }
    }

    /// The policy of a service; `listed` says whether the list of the region has it, where there is one.
    pub(super) fn policy(&mut self, service: &str, listed: Option<bool>) -> Option<Policy> {
        let what = format!("the policy of {service}");
        let answer = self.answers.remove(&what)?;
        let answer = match listed {
            Some(listed) => proven(service, listed, answer),
            None => answer,
        };
        self.answers.insert(what.clone(), answer);
        self.may(&what, Policy::parse)
    }

    /// What has to exist; `make` says how to make it.
    pub(super) fn need<T>(
        &mut self,
        what: &str,
        make: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        if matches!(self.answers.get(what), Some(Seen::Absent)) {
            self.missing.push((format!("{what} is not there"), make.to_owned()));
        }
        self.may(what, read)
    }

    /// Everything that is unknown, or that does not exist and has to.
    pub(super) fn conclude(self, place: &Place<'_>) -> Result<()> {
        if !self.troubles.is_empty() {
            if let Some(error) = unprepared(place.context, place.names(), &self.troubles) {
                return Err(error.cause("nothing was changed"));
            }
            return Err(cannot_tell(&self.troubles));
        }
        if self.missing.is_empty() {
            return Ok(());
        }
        let (what, how): (Vec<String>, Vec<String>) = self.missing.into_iter().unzip();
        let error =
            Error::failed("the stage is not prepared for a deploy, so nothing was changed").causes(what);
        Err(how.into_iter().filter(|how| !how.is_empty()).fold(error, Error::hint))
    }
}
