//! git's command lines.

use std::path::Path;

use crate::core::command::Command;
use crate::core::error::Error;

/// Every file that differs from the commit, one a line; none when the tree is clean. Files that git does not know count,
/// whatever `status.showUntrackedFiles` says: they are copied into the image.
pub fn status(root: &Path) -> Command {
    Command::new("git").args(["status", "--porcelain", "--untracked-files=normal"]).dir(root).reads()
}

/// The commit, in full.
pub fn commit(root: &Path) -> Command {
    Command::new("git").args(["rev-parse", "HEAD"]).dir(root).reads()
}

/// When the commit was made, in RFC 3339.
pub fn committed(root: &Path) -> Command {
    Command::new("git").args(["show", "--no-patch", "--format=%cI", "HEAD"]).dir(root).reads()
}

/// The beginning of the commit, which names an image. Its length is stated: git's own short form depends on `core.abbrev` and
/// on how much of the history a clone has, so that two machines would give one commit two tags.
pub fn short_commit(root: &Path) -> Command {
    Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).dir(root).reads()
}

/// An error of git, with what to do about the usual causes.
pub fn explained(error: Error) -> Error {
    let text = error.to_string();
    if text.contains("dubious ownership") {
        error.hint("the folder is another user's: git config --global --add safe.directory <the folder>")
    } else if text.contains("not a git repository") || text.contains("unknown revision") {
        error.hint("clone the repository with git: an archive of its files has no commits, and an image is named after one")
    } else {
        error
    }
}

/// How many commits of `to` are not in `from`. It fails where either is not a commit of this repository.
pub fn count(root: &Path, from: &str, to: &str) -> Command {
    // Somebody else's label cannot become an option.
    let range = format!("{from}..{to}");
    Command::new("git").args(["rev-list", "--count", "--end-of-options", &range]).dir(root).reads()
}

/// Whether `new` holds `old`: 0 when it does, 1 when it does not, and another exit code where either is not known here.
pub fn is_ancestor(root: &Path, old: &str, new: &str) -> Command {
    // Somebody else's label cannot become an option.
    let commit = |text: &str| format!("{text}^{{commit}}");
    let words = ["merge-base", "--is-ancestor", "--end-of-options"];
    Command::new("git").args(words).args([commit(old), commit(new)]).dir(root).reads()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_causes_have_a_hint() {
        for (said, hint) in [
            ("fatal: detected dubious ownership in repository at '/src'", "safe.directory"),
            ("fatal: not a git repository (or any of the parent directories): .git", "with git"),
        ] {
            let error = explained(Error::failed("git ended with exit code 128").cause(said));
            assert!(error.to_string().contains(hint), "{error}");
        }
        let other = explained(Error::failed("git ended with exit code 1"));
        assert!(!other.to_string().contains("hint"), "{other}");
    }
}
