//! git's command lines.

use std::path::Path;

use crate::command::Command;

/// Every file that differs from the commit, one a line; none when the tree is clean.
pub fn status(root: &Path) -> Command {
    Command::new("git").args(["status", "--porcelain"]).dir(root).reads()
}

/// The commit, in full.
pub fn commit(root: &Path) -> Command {
    Command::new("git").args(["rev-parse", "HEAD"]).dir(root).reads()
}

/// The commit, as short as is unique.
pub fn short_commit(root: &Path) -> Command {
    Command::new("git").args(["rev-parse", "--short", "HEAD"]).dir(root).reads()
}

/// How many commits of `to` are not in `from`. It fails where either is not a commit of this repository.
pub fn count(root: &Path, from: &str, to: &str) -> Command {
    // Somebody else's label cannot become an option.
    let range = format!("{from}..{to}");
    Command::new("git").args(["rev-list", "--count", "--end-of-options", &range]).dir(root).reads()
}
