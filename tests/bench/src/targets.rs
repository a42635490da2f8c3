//! What the figures shall be.

use serde::Serialize;

use crate::calls::{RATIOS, against_bare, by_rest};
use crate::contender::Contender;
use crate::stats::Row;
use crate::{image, instructions, memory, start};

/// A limit and how the measurement stands to it.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    pub(crate) what: String,
    /// At most this.
    pub(crate) limit: f64,
    pub(crate) unit: &'static str,
    /// The median; `None` where it was not measured.
    pub(crate) measured: Option<f64>,
    pub(crate) met: bool,
}

/// All of them, in order of importance.
pub(crate) fn judge(rows: &[Row]) -> Vec<Verdict> {
    let ours = [Contender::ApiToken, Contender::Jwt];
    let to_bare = ours.map(|contender| (RATIOS, against_bare(contender), 2.4));
    let to_plain =
        ours.map(|contender| (RATIOS, format!("{} / {}", contender.name(), Contender::Plain.name()), 1.0));
    let instructions = ours.map(|contender| (instructions::GROUP, contender.name().to_owned(), 400.0));
    let others = [
        (start::GROUP, start::FIRST_ANSWER.to_owned(), 15.0),
        (memory::GROUP, memory::IDLE.to_owned(), 16.0),
        (memory::GROUP, memory::CONNECTED.to_owned(), 28.0),
        (image::GROUP, image::IMAGE.to_owned(), 14.0),
    ];
    let reads = [(RATIOS, by_rest(), 1.2)];
    let targets = to_bare.into_iter().chain(to_plain).chain(reads).chain(instructions).chain(others);
    targets.map(|(group, what, limit)| verdict(rows, group, &what, limit)).collect()
}

fn verdict(rows: &[Row], group: &str, what: &str, limit: f64) -> Verdict {
    let row = rows.iter().find(|row| row.group == group && row.what == what);
    let measured = row.and_then(Row::median);
    Verdict {
        what: format!("{group}: {what}"),
        limit,
        unit: row.map_or("", |row| row.unit),
        measured,
        met: measured.is_some_and(|measured| measured <= limit),
    }
}
