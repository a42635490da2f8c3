//! What was waited for in quiet, beside what was waited for under attack.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::members::{Kind, Series};

/// So many times as long as in quiet may all but one of a hundred take beside an attack.
const AT_MOST: f64 = 3.0;
/// Failures that are shown of each kind.
const SHOWN: usize = 3;

/// The table, and whether all in it is as it should be.
pub(super) struct Verdict {
    pub(super) good: bool,
    pub(super) text: String,
}

pub(super) fn compare(quiet: &BTreeMap<Kind, Series>, attacked: &BTreeMap<Kind, Series>) -> Verdict {
    let mut text = format!(
        "| | answered in quiet | failed | p50 | p99 | answered under attack | failed | p50 | p99 | p99, at most {AT_MOST} |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
    );
    let mut good = true;
    let nothing = Series::default();
    for (kind, before) in quiet {
        let under = attacked.get(kind).unwrap_or(&nothing);
        let ratio = before.quantile(0.99).zip(under.quantile(0.99)).map(|(before, under)| under / before);
        good &= before.failed.is_empty() && under.failed.is_empty();
        good &= ratio.is_some_and(|ratio| ratio <= AT_MOST);
        let ratio = ratio.map_or_else(|| "none".to_owned(), |ratio| format!("{ratio:.2}"));
        let _ = writeln!(text, "| {} |{}{} {ratio} |", name(*kind), before.cells(), under.cells());
    }
    for (when, all) in [("in quiet", quiet), ("under attack", attacked)] {
        for (kind, series) in all {
            for reason in series.failed.iter().take(SHOWN) {
                let _ = writeln!(text, "FAULT {when}, {}: {reason}", name(*kind));
            }
        }
    }
    text.push_str(if good {
        "the members noticed nothing that matters"
    } else {
        "FAULT the members noticed it"
    });
    Verdict { good, text }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Call => "a call, on a kept connection",
        Kind::NewCall => "a call, on a new connection",
        Kind::Run => "a file that is validated",
        Kind::SignIn => "a whole sign-in and a first call",
        Kind::Probe => "a probe, on a new connection",
    }
}

impl Series {
    /// The time within which this part of the answers came, by the nearest rank.
    fn quantile(&self, part: f64) -> Option<f64> {
        let mut sorted = self.took.clone();
        sorted.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index of a list that fits into memory"
        )]
        let rank = (sorted.len() as f64 * part).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied()
    }

    fn cells(&self) -> String {
        let time =
            |part| self.quantile(part).map_or_else(|| "none".to_owned(), |time| format!("{time:.1} ms"));
        format!(" {} | {} | {} | {} |", self.took.len(), self.failed.len(), time(0.5), time(0.99))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(took: &[f64], failed: &[&str]) -> BTreeMap<Kind, Series> {
        let failed = failed.iter().map(|reason| (*reason).to_owned()).collect();
        BTreeMap::from([(Kind::Call, Series { took: took.to_vec(), failed })])
    }

    #[test]
    fn a_slow_tail_and_a_single_failure_are_faults() {
        let quiet = of(&[1.0; 100], &[]);
        let slow = |count: usize| [vec![1.0; 100 - count], vec![9.0; count]].concat();
        assert!(compare(&quiet, &of(&slow(1), &[])).good);
        let verdict = compare(&quiet, &of(&slow(2), &[]));
        assert!(!verdict.good && verdict.text.contains("| 9.0 ms | 9.00 |"), "{}", verdict.text);
        let verdict = compare(&quiet, &of(&[1.0; 100], &["HTTP 503"]));
        assert!(
            !verdict.good
                && verdict.text.contains("FAULT under attack, a call, on a kept connection: HTTP 503")
        );
        assert!(!compare(&quiet, &BTreeMap::new()).good, "nothing was answered");
    }
}
