//! What was found, part by part: in the form of the deploy tool's `contract check`, which reads checkouts.

use std::fmt::Write as _;

use serde_json::json;

/// What became of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It is as the contract has it.
    AsExpected,
    /// It is not there any more.
    Gone,
    /// The address leads elsewhere.
    Moved,
    /// The contract does not have it.
    New,
    /// It is unknown.
    CouldNotTell,
}

impl State {
    const ALL: [Self; 5] = [Self::AsExpected, Self::Gone, Self::Moved, Self::New, Self::CouldNotTell];

    const fn text(self) -> &'static str {
        match self {
            Self::AsExpected => "as expected",
            Self::Gone => "gone",
            Self::Moved => "moved",
            Self::New => "new",
            Self::CouldNotTell => "could not tell",
        }
    }
}

/// A part of the contract.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) state: State,
    /// Whether this server answers less, or not at all, because of it.
    pub(super) breaking: bool,
    /// What came back, in few words; empty where there is nothing to say.
    pub(super) saw: String,
}

impl Row {
    pub(super) fn expected(name: String) -> Self {
        Self { name, state: State::AsExpected, breaking: false, saw: String::new() }
    }

    pub(super) fn gone(name: String) -> Self {
        Self { name, state: State::Gone, breaking: true, saw: String::new() }
    }

    pub(super) fn new(name: String) -> Self {
        Self { name, state: State::New, breaking: false, saw: String::new() }
    }
}

/// For people: what is not as expected, and the sums.
pub(super) fn text(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows.iter().filter(|row| row.state != State::AsExpected) {
        let saw = if row.saw.is_empty() { String::new() } else { format!(" ({})", row.saw) };
        let breaks = if row.breaking { "; this server needs it" } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}: {}{saw}{breaks}", row.state.text(), row.name);
    }
    let sums = State::ALL
        .map(|state| format!("{} {}", rows.iter().filter(|row| row.state == state).count(), state.text()));
    let breaking = rows.iter().filter(|row| row.breaking).count();
    let _ = write!(text, "{}. {breaking} of the differences break this server", sums.join(", "));
    text
}

/// For programs.
pub(super) fn json(rows: &[Row]) -> String {
    let parts: Vec<_> = rows
        .iter()
        .map(|row| {
            let place = Some(&row.saw).filter(|saw| !saw.is_empty());
            json!({ "name": row.name, "state": row.state.text(), "breaking": row.breaking, "place": place })
        })
        .collect();
    let breaking = rows.iter().filter(|row| row.breaking).count();
    json!({ "breaking": breaking, "parts": parts }).to_string()
}
