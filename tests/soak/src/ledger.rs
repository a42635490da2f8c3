//! The ledger: each call, what came of it, and whether that was right.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::stack::{Stack, Trouble};
use crate::watch::Readings;

/// How many faults of one sort are written out.
const SHOWN: usize = 10;

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The catalogue, with an API token.
    List,
    /// A workflow, signed in.
    Details,
    /// A workflow that does not exist.
    Unknown,
    /// A call that cannot be understood.
    BadArguments,
    /// A call with a token of nobody.
    BadToken,
    /// A workflow as a resource.
    Resource,
    /// A run from a file in the call.
    Run,
    /// A run from an uploaded file.
    Upload,
}

impl Kind {
    pub(crate) const ALL: [Self; 8] = [
        Self::List,
        Self::Run,
        Self::Details,
        Self::Unknown,
        Self::Upload,
        Self::BadArguments,
        Self::Resource,
        Self::BadToken,
    ];

    pub(crate) fn starts_a_run(self) -> bool {
        matches!(self, Self::Run | Self::Upload)
    }
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// What it shall be.
    Right,
    /// A refusal of this class.
    Refused(String),
    /// An answer that is neither.
    Wrong(String),
    /// No answer, or half of one.
    Nothing(String),
}

/// A call.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    /// The name of the file that it starts a run with: a name of its own.
    pub(crate) file: Option<String>,
    pub(crate) outcome: Outcome,
    /// What the stack was going through meanwhile.
    pub(crate) troubles: Vec<Trouble>,
}

impl Entry {
    /// Whether this outcome is one that a call may have.
    fn is_in_order(&self) -> bool {
        let troubled = |what| self.troubles.contains(&what);
        match &self.outcome {
            Outcome::Right => true,
            Outcome::Wrong(_) | Outcome::Nothing(_) => false,
            Outcome::Refused(class) => match class.as_str() {
                "no instance" => troubled(Trouble::Kill),
                "HTTP 401" => troubled(Trouble::NewKey) || troubled(Trouble::Provider),
                "HTTP 503" => troubled(Trouble::Provider) || troubled(Trouble::NewKey),
                "UPSTREAM_UNAVAILABLE" | "RATE_LIMITED" | "API_ERROR" => {
                    self.kind != Kind::BadArguments && troubled(Trouble::Backend)
                }
                _ => false,
            },
        }
    }
}

/// The end of it.
pub(crate) struct Verdict {
    pub(crate) clean: bool,
    pub(crate) text: String,
}

/// `runs`: what is wrong with the runs that were started.
pub(crate) fn settle(
    stack: &Stack,
    entries: &[Entry],
    lost: &[String],
    readings: &Readings,
    runs: Vec<String>,
) -> Verdict {
    let mut text = String::from("ledger\n");
    for kind in Kind::ALL {
        let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in entries.iter().filter(|entry| entry.kind == kind) {
            let class = match &entry.outcome {
                Outcome::Right => "right",
                Outcome::Refused(class) => class,
                Outcome::Wrong(_) => "wrong",
                Outcome::Nothing(_) => "no answer",
            };
            *outcomes.entry(class).or_default() += 1;
        }
        let outcomes: Vec<_> = outcomes.iter().map(|(class, count)| format!("{count} {class}")).collect();
        let _ = writeln!(text, "  {kind:?}: {}", outcomes.join(", "));
    }
    let windows = stack.windows();
    let count = |what| windows.iter().filter(|window| window.what == what).count();
    let _ = writeln!(
        text,
        "  {} kills, {} faults of Validibot, {} of its provider, {} new keys of it",
        count(Trouble::Kill),
        count(Trouble::Backend),
        count(Trouble::Provider),
        count(Trouble::NewKey)
    );
    let (lines, grown) = readings.judge();
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
    let mut faults = grown;
    faults.extend(some(
        "not in order",
        entries.iter().filter(|entry| !entry.is_in_order()).map(|entry| format!("{entry:?}")),
    ));
    faults.extend(some("a login is lost", lost.iter().cloned()));
    faults.extend(some("runs", runs.into_iter()));
    // Nothing is proved by traffic that hardly was.
    for kind in Kind::ALL {
        let right =
            entries.iter().filter(|entry| entry.kind == kind && entry.outcome == Outcome::Right).count();
        if right < 5 {
            faults.push(format!("only {right} calls of the kind {kind:?} came to their end"));
        }
    }
    for fault in &faults {
        let _ = writeln!(text, "FAULT {fault}");
    }
    let clean = faults.is_empty();
    let end = if clean { "clean" } else { "not clean" };
    let _ = write!(text, "{} calls; the ledger is {end}", entries.len());
    Verdict { clean, text }
}

/// The first ones, and how many there are.
fn some(what: &str, all: impl Iterator<Item = String>) -> Vec<String> {
    let all: Vec<String> = all.collect();
    let more = all.len().saturating_sub(SHOWN);
    let mut shown: Vec<String> = all.into_iter().take(SHOWN).map(|one| format!("{what}: {one}")).collect();
    if more > 0 {
        shown.push(format!("{what}: {more} more"));
    }
    shown
}

/// A call that was answered with a run started one, and no call started two: each file has a name of its own.
pub(crate) fn by_name(stack: &Stack, entries: &[Entry]) -> Vec<String> {
    let mut launches: BTreeMap<String, usize> = BTreeMap::new();
    for request in stack.sandbox.received() {
        if request.method == "POST" && request.path.ends_with("/runs/") {
            let text = request.text();
            let name = text.split("filename=\"").nth(1).and_then(|rest| rest.split('"').next());
            *launches.entry(name.unwrap_or("without a name").to_owned()).or_default() += 1;
        }
    }
    let mut faults = Vec::new();
    for entry in entries {
        let Some(file) = &entry.file else { continue };
        let count = launches.get(file).copied().unwrap_or_default();
        if count > 1 || (count == 0 && entry.outcome == Outcome::Right) {
            faults.push(format!("{count} launches for {entry:?}"));
        }
    }
    faults
}

/// As many runs as calls that were answered with one: where a launch may take several requests, and be one run.
pub(crate) fn by_number(stack: &Stack, entries: &[Entry]) -> Vec<String> {
    let answered = |entry: &&Entry| entry.kind.starts_a_run() && entry.outcome == Outcome::Right;
    let (runs, calls) = (stack.sandbox.runs(), entries.iter().filter(answered).count());
    if runs == calls {
        Vec::new()
    } else {
        vec![format!("{runs} for {calls} calls that were answered with one")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_in_order_only_where_something_explains_it() {
        let entry = |outcome, troubles: &[Trouble]| Entry {
            kind: Kind::List,
            file: None,
            outcome,
            troubles: troubles.to_vec(),
        };
        let refused = |class: &str| Outcome::Refused(class.to_owned());
        assert!(entry(Outcome::Right, &[]).is_in_order());
        assert!(!entry(Outcome::Nothing(String::new()), &[Trouble::Kill]).is_in_order());
        assert!(entry(refused("no instance"), &[Trouble::Kill]).is_in_order());
        assert!(!entry(refused("no instance"), &[Trouble::Backend]).is_in_order());
        assert!(entry(refused("UPSTREAM_UNAVAILABLE"), &[Trouble::Backend]).is_in_order());
        assert!(!entry(refused("UPSTREAM_UNAVAILABLE"), &[]).is_in_order());
        assert!(!entry(refused("FORBIDDEN"), &[Trouble::Backend]).is_in_order());
    }
}
