//! How the commit that is to be deployed is related to what serves, and to what was gone back from.

use std::path::Path;

use crate::commands::gcp::mcp::label;
use crate::commands::gcp::service::{COMMIT, Live};
use crate::config::context::Context;
use crate::config::stage::Names;
use crate::core::error::{Error, Result};
use crate::core::runner::Streams;
use crate::tools::git;

/// What there is to know before a commit is deployed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Age {
    /// Why somebody has to ask for it by name.
    pub(crate) refused: Option<String>,
    /// For the plan.
    pub(crate) notes: Vec<String>,
}

impl Age {
    /// Compares. `commit` may end in `-dirty`; `folder` is a checkout of its repository, where there is one.
    pub(crate) fn of(
        context: &Context,
        folder: Option<&Path>,
        live: Option<&Live>,
        commit: &str,
    ) -> Result<Self> {
        // Where nothing has traffic there is nothing to be older than.
        let Some(live) = live.filter(|live| !live.shares().is_empty()) else { return Ok(Self::default()) };
        let mut age = Self::default();
        let (serving, here) = (live.serving_spec().labels.get(COMMIT), label(commit));
        if let Some(held) = &live.history.held {
            age.notes.push(format!("the stage is held: somebody went back from {held}"));
        }
        if serving == Some(&here) {
            age.refused = live.held_settings(&here).map(|held| {
                format!("{held} of this commit was gone back from, for settings that differ from what serves")
            });
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
        let is_ancestor = |old: &str, new: &str| match folder {
            Some(folder) => is_ancestor(context, folder, old, new),
            None => Ok(None),
        };
        match (is_ancestor(&old, &new)?, is_ancestor(&new, &old)?) {
            (Some(true), _) => {}
            (_, Some(true)) => {
                age.refused = Some(format!("this commit is older than {serving}, which serves"));
            }
            (Some(false), _) => age.notes.push(format!("this commit does not hold {serving}, which serves")),
            (None, _) => {
                let why = match folder {
                    Some(_) => "this checkout does not have that one",
                    None => "there is no checkout to ask",
                };
                age.notes.push(format!(
                    "whether this commit is older than {serving}, which serves, is not known: {why}"
                ));
            }
        }
        Ok(age)
    }

    /// What a plan says of it.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        let refused = self.refused.iter().map(|why| format!("{why}: the deploy wants --yes-older"));
        self.notes.iter().cloned().chain(refused)
    }
}

/// An error that holds all of these reasons, where there are any and nobody asked for it all the same.
pub(crate) fn refuse(why: impl IntoIterator<Item = String>, names: &Names, asked_for: bool) -> Result<()> {
    let mut why = why.into_iter();
    let Some(first) = why.next().filter(|_| !asked_for) else { return Ok(()) };
    Err(Error::failed(first)
        .causes(why)
        .cause("nothing was changed")
        .hint("to deploy it all the same: add --yes-older")
        .hint(format!("what has served and was gone back from: cargo xtask gcp releases {}", names.stage())))
}

/// Whether git says so; `None` where it does not have both.
fn is_ancestor(context: &Context, folder: &Path, old: &str, new: &str) -> Result<Option<bool>> {
    let outcome = context.runner.run(&git::is_ancestor(folder, old, new), Streams::Captured)?;
    Ok(match outcome.code {
        0 => Some(true),
        1 => Some(false),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::env::Environment;
    use crate::core::output::Printer;
    use crate::core::runner::{Outcome, Runner};

    #[test]
    fn nothing_is_older_than_what_serves_where_nothing_serves() {
        let printer = Printer::captured();
        let runner = Runner::record(printer.clone(), |_| Outcome::failure(128, ""));
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let context = Context::new(Environment::default(), None, printer, runner, here).unwrap();
        let lines = |traffic: serde_json::Value| {
            let template =
                json!({"metadata": {"labels": {COMMIT: "1a2b"}}, "spec": {"containers": [{"image": "web"}]}});
            let service = json!({
                "kind": "Service", "metadata": {"name": "s"}, "spec": {"template": template},
                "status": {"latestCreatedRevisionName": "s-1", "traffic": traffic},
            });
            let live = Live::parse(&service.to_string()).unwrap();
            let age = Age::of(&context, None, Some(&live), "3c4d").unwrap();
            age.lines().collect::<Vec<_>>()
        };
        assert_eq!(lines(json!([])), [""; 0]);
        assert_eq!(lines(json!([{"revisionName": "s-1", "percent": 100}])).len(), 1);
    }
}
