//! The report: JSON for programs, Markdown for people.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

use crate::machine::Machine;
use crate::stats::Row;
use crate::targets::{self, Verdict};

/// Version of the JSON. Fields may be added under the same number; anything else raises it.
const SCHEMA_VERSION: u32 = 1;
/// Between these two lines a page holds the table.
const MARKS: (&str, &str) = ("<!-- figures:begin -->", "<!-- figures:end -->");

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    schema_version: u32,
    machine: Machine,
    rows: Vec<Row>,
    targets: Vec<Verdict>,
}

impl Report {
    pub(crate) fn new(machine: Machine) -> Self {
        Self { schema_version: SCHEMA_VERSION, machine, rows: Vec::new(), targets: Vec::new() }
    }

    pub(crate) fn add(&mut self, rows: Vec<Row>) {
        self.rows.extend(rows);
    }

    /// Everything is there: judges it.
    pub(crate) fn finish(&mut self) {
        self.machine.look_again();
        self.targets = targets::judge(&self.rows);
    }

    pub(crate) fn markdown(&self) -> String {
        let Machine { processor, processors, load, rounds } = &self.machine;
        let mut text = format!(
            "{processors} processors, {processor}; {rounds} rounds; load {} at the start, {} at the end.\n",
            load.first().map_or("", String::as_str),
            load.last().map_or("", String::as_str)
        );
        text.push_str("\n| target | at most | measured | |\n| --- | ---: | ---: | --- |\n");
        for Verdict { what, limit, unit, measured, met } in &self.targets {
            let measured = measured.map_or_else(|| "not measured".to_owned(), |value| number(value, unit));
            let verdict = if *met { "met" } else { "**not met**" };
            let _ = writeln!(text, "| {what} | {} | {measured} | {verdict} |", number(*limit, unit));
        }
        let mut group = "";
        for row in &self.rows {
            if row.group != group {
                group = row.group;
                let _ = write!(text, "\n| {group} | median | from | to |\n| --- | ---: | ---: | ---: |\n");
            }
            let _ = match (row.median(), row.spread()) {
                (Some(median), Some((from, to))) => writeln!(
                    text,
                    "| {} | {} | {} | {} |",
                    row.what,
                    number(median, row.unit),
                    number(from, row.unit),
                    number(to, row.unit)
                ),
                _ => writeln!(
                    text,
                    "| {} | {} | | |",
                    row.what,
                    row.missing.as_deref().unwrap_or("not measured")
                ),
            };
        }
        text
    }

    /// Writes both forms; and the tables between the marks of a page, where one is given.
    pub(crate) fn write(&self, folder: &Path, page: Option<&Path>) -> Result<(), String> {
        let json = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        write(&folder.join("report.json"), &json)?;
        write(&folder.join("report.md"), &self.markdown())?;
        let Some(page) = page else { return Ok(()) };
        let text = std::fs::read_to_string(page).map_err(|error| format!("{}: {error}", page.display()))?;
        let kept =
            put(&text, &self.markdown()).ok_or_else(|| format!("{} has no {}", page.display(), MARKS.0))?;
        write(page, &kept)
    }
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Replaces what is between the marks.
fn put(page: &str, tables: &str) -> Option<String> {
    let (before, rest) = page.split_once(MARKS.0)?;
    let (_, after) = rest.split_once(MARKS.1)?;
    Some(format!("{before}{}\n\n{tables}\n{}{after}", MARKS.0, MARKS.1))
}

/// As many digits as mean something.
fn number(value: f64, unit: &str) -> String {
    let digits = match value.abs() {
        large if large >= 100.0 => 0,
        medium if medium >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    if unit.is_empty() { text } else { format!("{text} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_go_between_the_marks_and_nowhere_else() {
        let page = format!("a\n{}\nold\n{}\nb\n", MARKS.0, MARKS.1);
        let kept = put(&page, "new\n").expect("it has marks");
        assert_eq!(kept, format!("a\n{}\n\nnew\n\n{}\nb\n", MARKS.0, MARKS.1));
        assert_eq!(put(&kept, "new\n").as_deref(), Some(kept.as_str()), "again changes nothing");
        assert_eq!(put("no marks", "new"), None);
    }

    #[test]
    fn numbers_have_the_digits_that_mean_something() {
        assert_eq!(
            [number(1.234, ""), number(12.34, "ms"), number(1234.5, "us")],
            ["1.23", "12.3 ms", "1234 us"]
        );
    }
}
