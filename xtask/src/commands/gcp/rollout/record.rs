//! Writing down which revisions have served: after their proof, and not before.

use std::collections::BTreeMap;

use envs::server::ENABLED;

use super::{Phase, Rollout};
use crate::commands::gcp::service::{COMMIT, History, Live, Manifest, Mount, Spec, Target, Template};
use crate::core::error::Result;

/// The revision that has all the traffic, where it is not written down as one that has served.
pub(crate) fn unrecorded(live: &Live) -> Option<&str> {
    live.serving().filter(|serving| !live.history.served.iter().any(|known| known == serving))
}

/// What a deploy decides about a revision, besides its commit: maintenance changes none of it. Images of one commit can differ.
fn settings(spec: &Spec) -> (&str, &[Mount], BTreeMap<&str, &str>) {
    let env = spec.env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    (&spec.image, &spec.secrets, env.filter(|(name, _)| *name != ENABLED.name).collect())
}

/// What a service is to remember once this revision of `spec` serves; `before` is what served until then.
pub(crate) fn history(spec: &Spec, before: Option<&Live>, revision: &str) -> History {
    let commit = spec.labels.get(COMMIT).map(String::as_str);
    let served = before.and_then(|live| live.serving_spec().labels.get(COMMIT)).map(String::as_str);
    let same = commit.is_some() && commit == served;
    let history = before.map(|live| live.history.clone()).unwrap_or_default();
    // Another revision of the same commit decides nothing about commits: not maintenance, not a new secret. New settings do
    // decide where settings were gone back from.
    let settings = || {
        let before = before.map(|live| settings(live.serving_spec()));
        history.settings_held().is_some() && before.is_some_and(|before| before != settings(spec))
    };
    let over = !same || history.held.as_deref() == Some(revision) || settings();
    let mut history = history.with_service_of(revision, commit.filter(|_| !same));
    if over {
        history.held = None;
    }
    history
}

impl Rollout<'_> {
    /// See [`history`].
    pub(super) fn history(&self, before: Option<&Live>, revision: &str) -> History {
        history(self.spec, before, revision)
    }

    /// Writes down that what has the traffic has served, where that is still to be done: it has just been proven.
    pub(super) fn record(&self, before: Option<&Live>, after: Live) -> Result<Live> {
        let Some(revision) = unrecorded(&after).filter(|_| self.remembered).map(str::to_owned) else {
            return Ok(after);
        };
        self.note_down(&after, &revision, self.history(before, &revision))
    }

    /// Nothing but what the service remembers.
    pub(super) fn note_down(&self, after: &Live, revision: &str, history: History) -> Result<Live> {
        let mut traffic = vec![Target::whole(revision)];
        traffic.extend(after.candidate().cloned().map(|candidate| Target {
            percent: 0,
            url: None,
            ..candidate
        }));
        let manifest = Manifest {
            name: self.service,
            live: Some(after),
            template: Template::Kept,
            service: None,
            traffic,
            history: Some(history),
        };
        self.write(Phase::Record, &manifest, None)
    }
}
