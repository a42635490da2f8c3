//! Which revision is gone back to.

use super::{Fate, Revision, table};
use crate::core::error::{Error, Result};

/// What a choice is made from.
pub(super) struct Choice<'a> {
    /// The service.
    pub(super) service: &'a str,
    /// Its revisions.
    pub(super) revisions: &'a [Revision],
    /// The command that a revision's name is added to.
    pub(super) command: String,
    /// Whether one that is switched off or bad may be gone to.
    pub(super) anyway: bool,
}

impl<'a> Choice<'a> {
    /// What serves, as far as one revision does.
    pub(super) fn serving(&self) -> Option<&'a Revision> {
        self.revisions.iter().find(|revision| revision.fate == Fate::Serving)
    }

    /// The revision that is named.
    pub(super) fn named(&self, name: &str) -> Result<&'a Revision> {
        let found = self.revisions.iter().find(|revision| revision.name == name);
        let Some(revision) = found else {
            return Err(self.refused(format!("{} has no revision {name}", self.service)));
        };
        if matches!(revision.fate, Fate::NotStarted | Fate::Starting) {
            return Err(self.refused(format!("{name} did not come up: it cannot serve")));
        }
        let serves = revision.fate == Fate::Serving;
        let why = if serves || self.anyway { None } else { doubt(revision) };
        match why {
            None => Ok(revision),
            Some(why) => Err(self
                .refused(format!("{name} {why}"))
                .hint(format!("to go there all the same: {} {name} --anyway", self.command))),
        }
    }

    /// The one that served before what serves: in the order of service, so that going back twice goes back twice and not
    /// to and fro.
    pub(super) fn before(&self) -> Result<&'a Revision> {
        let serving = self.serving();
        let mut served: Vec<&Revision> = self.revisions.iter().filter(|one| one.served.is_some()).collect();
        served.sort_by_key(|revision| revision.served);
        let after = serving.and_then(|serving| serving.served).unwrap_or(0);
        let older = served.into_iter().filter(|revision| revision.served > Some(after));
        let (mut passed, mut settings) = (Vec::new(), None);
        for revision in older {
            let same =
                serving.is_some_and(|serving| serving.commit.is_some() && serving.commit == revision.commit);
            if same && settings.is_none() && revision.fate == Fate::Served && doubt(revision).is_none() {
                settings = serving.and_then(|serving| self.settings(serving, revision));
            }
            let why = match revision.fate {
                Fate::Served if same => Some("is of the commit that serves".to_owned()),
                Fate::Served => doubt(revision).map(str::to_owned),
                _ => Some("cannot serve now".to_owned()),
            };
            match why {
                None => return Ok(revision),
                Some(why) => passed.push(format!("{} {why}", revision.name)),
            }
        }
        let error = self
            .refused(
                "no earlier revision is known to have served after a proof, and to be fit for it now"
                    .to_owned(),
            )
            .causes(passed);
        // To other settings of the commit that serves only when they are named: the same release is meant by that.
        Err(settings.into_iter().fold(error, Error::hint))
    }

    /// The way back to this revision of the commit that serves, where its settings are others.
    fn settings(&self, serving: &Revision, revision: &Revision) -> Option<String> {
        let secret = |one: &Revision| one.secret_version.clone().unwrap_or_else(|| "none".to_owned());
        let (from, to) = (secret(serving), secret(revision));
        let how = format!("{} {}", self.command, revision.name);
        (from != to).then(|| format!("to undo new settings (same commit, secret {from} -> {to}): {how}"))
    }

    fn refused(&self, why: String) -> Error {
        let fit = |revision: &&Revision| {
            matches!(revision.fate, Fate::Served | Fate::NotPromoted) && doubt(revision).is_none()
        };
        let fit = self.revisions.iter().find(fit);
        let hint = fit.map(|fit| format!("name one that came up, such as {} {}", self.command, fit.name));
        let error = Error::failed(why)
            .causes(table(self.revisions).lines().map(str::to_owned))
            .cause("nothing was changed");
        hint.into_iter().fold(error, Error::hint)
    }
}

/// Why somebody has to ask for it.
fn doubt(revision: &Revision) -> Option<&'static str> {
    if !revision.enabled {
        Some("is switched off: every tool would say that it is not available")
    } else if revision.bad {
        Some("was gone back from, or is marked as bad, or its commit is")
    } else {
        None
    }
}
