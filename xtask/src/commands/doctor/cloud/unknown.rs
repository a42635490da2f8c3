//! What is unknown: a separate finding.

use super::super::finding::Finding;
use crate::tools::gcloud::{Advice, Seen, Trouble};

/// It is unknown, and that has been reported.
pub(super) struct Blind;

/// The value, if it exists.
pub(super) fn known<T>(seen: Seen<T>, findings: &mut Vec<Finding>) -> Result<Option<T>, Blind> {
    match seen {
        Seen::Present(found) => Ok(Some(found)),
        Seen::Absent => Ok(None),
        Seen::Unknown(trouble) => {
            findings.push(finding(&trouble));
            Err(Blind)
        }
    }
}

/// All troubles, each cause once: a login that has expired is behind every one of them.
pub(super) fn findings(troubles: &[Trouble]) -> Vec<Finding> {
    let behind_all = |advice| matches!(advice, Advice::LogIn | Advice::CheckNetwork);
    if let Some(trouble) = troubles.iter().find(|trouble| behind_all(trouble.advice)) {
        return vec![finding(trouble)];
    }
    let first = |(index, trouble): &(usize, &Trouble)| {
        !troubles[..*index].iter().any(|other| trouble.shares_cause_with(other))
    };
    troubles.iter().enumerate().filter(first).map(|(_, trouble)| finding(trouble)).collect()
}

fn finding(trouble: &Trouble) -> Finding {
    let code = match trouble.advice {
        Advice::LogIn => "login-refused",
        Advice::CheckNetwork => "cloud-unreachable",
        _ => "could-not-tell",
    };
    let finding = Finding::error(
        code,
        format!("could not read {}: its state is unknown", trouble.what),
        trouble.said.lines().map(str::trim).collect::<Vec<_>>().join(" / "),
        trouble.command.clone(),
        trouble.advice_text(),
    );
    // Without the role to read, everything may still be in order.
    if trouble.advice == Advice::AskForRole { finding.into_warning() } else { finding }
}
