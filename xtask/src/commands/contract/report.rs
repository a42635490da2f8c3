//! What was found, part by part.

use serde::Serialize;

use crate::core::exit::Exit;
use crate::core::output::Printer;

/// What became of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum State {
    /// It is where the contract has it.
    #[serde(rename = "as expected")]
    AsExpected,
    /// It is not there any more.
    #[serde(rename = "gone")]
    Gone,
    /// It is in another file.
    #[serde(rename = "moved")]
    Moved,
    /// The contract does not have it.
    #[serde(rename = "new")]
    New,
    /// It is unknown.
    #[serde(rename = "could not tell")]
    CouldNotTell,
}

impl State {
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
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) state: State,
    /// Whether this server answers less, or not at all, because of it.
    pub(super) breaking: bool,
    /// Where it is, or should be.
    pub(super) place: Option<String>,
}

/// Prints the rows, and says how it ends: 2 where a difference breaks this server, 1 where it is unknown whether one does.
pub(super) fn print(printer: &Printer, rows: &[Row], json: bool) -> Exit {
    let count = |state| rows.iter().filter(|row| row.state == state).count();
    let breaking = rows.iter().filter(|row| row.breaking).count();
    if json {
        printer.json(&serde_json::json!({ "breaking": breaking, "parts": rows }));
    } else {
        for row in rows.iter().filter(|row| row.state != State::AsExpected) {
            let place = row.place.as_deref().map_or(String::new(), |place| format!(" ({place})"));
            let breaks = if row.breaking { "; this server needs it" } else { "" };
            printer.data(&format!("{}: {}{place}{breaks}", row.state.text(), row.name));
        }
        let sums = [State::AsExpected, State::Gone, State::Moved, State::New, State::CouldNotTell]
            .map(|state| format!("{} {}", count(state), state.text()));
        printer.data(&format!("{}. {breaking} of the differences break this server", sums.join(", ")));
    }
    if breaking > 0 {
        Exit::ChangesPending
    } else if count(State::CouldNotTell) > 0 {
        Exit::Failed
    } else {
        Exit::Success
    }
}
