//! How the commit that is to be deployed is related to what serves, and to what was gone back from.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::gcp::mcp::label;
use crate::gcp::service::{COMMIT, Live};
use crate::git;
use crate::runner::Streams;
use crate::stage::Names;

/// What there is to know before a commit is deployed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Age {
    /// Why somebody has to ask for it by name.
    pub(super) refused: Option<String>,
    /// For the plan.
    pub(super) notes: Vec<String>,
}

impl Age {
    /// Compares. `commit` may end in `-dirty`.
    pub(super) fn of(context: &Context, live: Option<&Live>, commit: &str) -> Result<Self> {
        let Some(live) = live else { return Ok(Self::default()) };
        let mut age = Self::default();
        let (serving, here) = (live.serving_spec().labels.get(COMMIT), label(commit));
        if let Some(held) = &live.history.held {
            age.notes.push(format!("the stage is held: somebody went back from {held}"));
        }
        if serving == Some(&here) {
            return Ok(age);
        }
        let bad = live.history.bad.iter().find(|bad| bad.commit.as_ref() == Some(&here));
        if let Some(bad) = bad {
            age.refused =
                Some(format!("{} of this commit was gone back from, or is marked as bad", bad.revision));
            return Ok(age);
        }
        let Some(serving) = serving else { return Ok(age) };
        // Of changed files, the commit that they were changed from.
        let bare = |text: &str| text.trim_end_matches("-dirty").to_owned();
        let (old, new) = (bare(serving), bare(commit));
        match (is_ancestor(context, &old, &new)?, is_ancestor(context, &new, &old)?) {
            (Some(true), _) => {}
            (_, Some(true)) => {
                age.refused = Some(format!("this commit is older than {serving}, which serves"));
            }
            (Some(false), _) => age.notes.push(format!("this commit does not hold {serving}, which serves")),
            (None, _) => age.notes.push(format!(
                "whether this commit is older than {serving}, which serves, is not known: this checkout does not have that one"
            )),
        }
        Ok(age)
    }

    /// An error where it has to be asked for by name, and was not.
    pub(super) fn check(&self, names: &Names, asked_for: bool) -> Result<()> {
        match &self.refused {
            Some(why) if !asked_for => Err(Error::failed(why.clone())
                .cause("nothing was changed")
                .hint("to deploy it all the same: add --yes-older")
                .hint(format!(
                    "what has served and was gone back from: cargo xtask gcp releases {}",
                    names.stage()
                ))),
            _ => Ok(()),
        }
    }
}

/// Whether git says so; `None` where it does not have both.
fn is_ancestor(context: &Context, old: &str, new: &str) -> Result<Option<bool>> {
    let outcome = context.runner.run(&git::is_ancestor(&context.root, old, new), Streams::Captured)?;
    Ok(match outcome.code {
        0 => Some(true),
        1 => Some(false),
        _ => None,
    })
}
