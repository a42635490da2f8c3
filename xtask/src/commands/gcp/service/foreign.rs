//! What other hands have set on a service, in the console or with gcloud: it stays, is shown, and goes away only by name.
//!
//! Each setting of a live service is one of three. Ours: [`Spec`] has a field for it, and a deploy sets it. Another hand's: it
//! is carried over into what is written. Unknown to gcloud: it can be neither written nor left alone by a write of the whole
//! service, so that a deploy is refused before anything is written.
//!
//! Nothing is read by a list of what may be foreign: what our own fields would write is compared with what is there, and
//! whatever is left over, at any depth, is somebody else's.

mod known;

use super::value::text;
use super::{COMMIT, Live, Scaling, Spec, live, manifest};
use crate::cli::GcpHands;
use crate::core::error::{Error, Result};

/// What is to become of the settings of other hands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Hands {
    /// They stay on what this tool has deployed. Of what an earlier tool deployed, every setting was that tool's: they go.
    #[default]
    Usual,
    /// They stay.
    Keep,
    /// They go.
    TakeOver,
}

impl Hands {
    /// What the command line says.
    pub(crate) fn of(args: GcpHands) -> Self {
        match (args.keep_foreign, args.take_over) {
            (true, _) => Self::Keep,
            (false, true) => Self::TakeOver,
            (false, false) => Self::Usual,
        }
    }

    /// The wish, with what stays of what is there.
    pub(crate) fn apply(self, wanted: Spec, live: Option<&Live>) -> Spec {
        match live.filter(|live| self.keeps(live)) {
            Some(live) => wanted.keeping(live),
            None => wanted,
        }
    }

    /// Refuses a service whose settings could not be written again.
    pub(crate) fn check(self, service: &str, live: Option<&Live>) -> Result<()> {
        let unknown = live.filter(|_| self != Self::TakeOver).map(Live::unknown).unwrap_or_default();
        if unknown.is_empty() {
            return Ok(());
        }
        let error = Error::failed(format!("{service} has settings that gcloud cannot write"))
            .causes(unknown)
            .cause("a deploy writes the whole service: they would be lost, so nothing was changed");
        Err(error
            .hint(
                "where a newer gcloud knows them: gcloud components update, and a newer version of this tool",
            )
            .hint("to let them go: the same command with --take-over"))
    }

    fn keeps(self, live: &Live) -> bool {
        match self {
            Self::Usual => live.spec.labels.contains_key(COMMIT),
            Self::Keep => true,
            Self::TakeOver => false,
        }
    }
}

impl Spec {
    /// This wish, with everything that is there and that it says nothing about.
    pub(crate) fn keeping(self, live: &Live) -> Self {
        let asked = self.clone();
        let mut both = self;
        both.foreign.keeps = true;
        let template = manifest::template(&both, "", Some(live));
        let Some(mut kept) = live::template(&template) else { return both };
        kept.ingress = asked.ingress;
        kept.service_other.clone_from(&live.spec.service_other);
        let unsaid = asked.service_scaling == Scaling::default();
        kept.service_scaling = if unsaid { live.spec.service_scaling } else { asked.service_scaling };
        kept.foreign = both.foreign;
        let (asked, fields) = (asked.fields(), kept.fields());
        kept.foreign.kept = fields.into_iter().filter(|(name, _)| !asked.contains_key(name)).collect();
        kept
    }

    /// What stays, for people: a variable's value is nobody's business.
    pub(crate) fn kept(&self) -> impl Iterator<Item = String> {
        self.foreign.kept.iter().map(|(name, value)| match name.strip_prefix("env ") {
            Some(_) if value.starts_with('\'') => format!("stays, set by another hand: {name}"),
            _ => format!("stays, set by another hand: {name}: {value}"),
        })
    }
}

impl Live {
    /// The settings that gcloud cannot write, each with its path.
    pub(crate) fn unknown(&self) -> Vec<String> {
        known::unknown(&self.document)
    }

    /// Whether this tool made the newest revision. Its names end with six digits of chance, `-1a2b3c`; Cloud Run's own with a
    /// number and three letters, `-00007-abc`.
    pub(crate) fn newest_is_ours(&self) -> bool {
        let chance = self.newest.as_deref().and_then(|name| name.rsplit_once('-')).map(|(_, chance)| chance);
        chance.is_some_and(|chance| chance.len() == 6 && chance.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }

    /// What stays on the service itself whatever is deployed, for people: annotations and labels of other hands.
    pub(crate) fn stays(&self) -> impl Iterator<Item = String> {
        let metadata = &self.document["metadata"];
        let annotations = live::foreign_annotations(metadata);
        let annotations = annotations.map(|(name, value)| ("annotation", name, value));
        let labels = live::foreign_labels(metadata).map(|(name, value)| ("label", name, value));
        annotations.chain(labels).map(|(kind, name, value)| {
            format!("stays, set by another hand: {kind} {name} of the service: {}", text(value))
        })
    }
}
