//! A CSV table of sensor readings: columns, types and ranges.

use csv::StringRecord;
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::definition::{Ruleset, Step, Validator};
use super::outcome::{FailedRows, Finding, Outcome};
use super::{MAX_FINDINGS, encoding, step_id};

const COLUMNS: &str = include_str!("../../schemas/sensor-table.columns.json");

const STEP: &str = "Table";

/// Rows that a finding quotes; it counts the others.
const MAX_SAMPLE_ROWS: usize = 20;

/// Longest cell that a finding quotes, in characters.
const MAX_CELL: usize = 80;

/// What the columns file says.
#[derive(Deserialize)]
struct Table {
    columns: Vec<Column>,
}

#[derive(Deserialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    kind: Kind,
    minimum: Option<f64>,
    maximum: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// RFC 3339.
    Datetime,
    /// `S-` and four digits.
    Identifier,
    Number,
    Integer,
}

pub(crate) fn steps(workflow: i64) -> Vec<Step> {
    let validator = Validator {
        slug: "tabular",
        name: "Table",
        validation_type: "TABULAR",
        short_description: "Checks a CSV table column by column.",
        default_ruleset: Ruleset::empty(3, "TABULAR"),
    };
    let step = Step::validating(
        step_id(workflow, 1),
        STEP,
        "Each column has its type and its range.",
        validator,
        None,
    );
    vec![step.configured(COLUMNS)]
}

pub(crate) fn run(workflow: i64, bytes: &[u8]) -> Vec<Outcome> {
    let table: Table = serde_json::from_str(COLUMNS).expect("the columns file is valid");
    vec![Outcome::judged(step_id(workflow, 1), STEP, findings(&table, bytes))]
}

fn findings(table: &Table, bytes: &[u8]) -> Vec<Finding> {
    let text = match encoding::utf8(bytes) {
        Ok(text) => text,
        Err(finding) => return vec![finding],
    };
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let header = match reader.headers() {
        Ok(header) if !header.is_empty() => header.clone(),
        Ok(_) => return vec![Finding::error("", "empty_table", "The table has no header row.".to_owned())],
        Err(error) => return vec![unreadable(text, &error)],
    };
    let mut findings = Vec::new();
    let mut columns: Vec<(usize, &Column, Vec<Failure>)> = Vec::new();
    for column in &table.columns {
        let mut places = header.iter().enumerate().filter(|(_, name)| name.trim() == column.name);
        match (places.next(), places.next()) {
            (Some((at, _)), None) => columns.push((at, column, Vec::new())),
            (Some(_), Some(_)) => findings.push(repeated(column)),
            (None, _) => findings.push(missing(column)),
        }
    }
    let mut empty = true;
    for record in reader.records() {
        empty = false;
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                findings.push(unreadable(text, &error));
                break;
            }
        };
        for (at, column, failures) in &mut columns {
            failures.extend(column.failure(&record, *at, row_of(text, record.position())));
        }
    }
    if empty {
        findings.push(Finding::error(
            "row 2",
            "empty_table",
            "The table has no rows below its header.".to_owned(),
        ));
    }
    findings.extend(columns.into_iter().flat_map(|(_, column, failures)| by_rule(column, failures)));
    findings.truncate(MAX_FINDINGS);
    findings
}

/// A cell that breaks a rule. Rows are counted as a spreadsheet shows them: the header is row 1, a blank line is a row.
struct Failure {
    row: usize,
    value: String,
    rule: &'static str,
}

impl Column {
    fn failure(&self, record: &StringRecord, at: usize, row: usize) -> Option<Failure> {
        let value = record.get(at).unwrap_or_default().trim();
        let rule = self.broken_rule(value)?;
        Some(Failure { row, value: value.chars().take(MAX_CELL).collect(), rule })
    }

    fn broken_rule(&self, value: &str) -> Option<&'static str> {
        if value.is_empty() {
            return Some("required");
        }
        let number = match self.kind {
            Kind::Datetime => return OffsetDateTime::parse(value, &Rfc3339).err().map(|_| "type"),
            Kind::Identifier => return (!is_identifier(value)).then_some("type"),
            Kind::Integer => value.parse::<i64>().ok().and_then(|_| value.parse().ok()),
            Kind::Number => value.parse::<f64>().ok().filter(|number| number.is_finite()),
        };
        let Some(number) = number else { return Some("type") };
        let low = self.minimum.is_some_and(|minimum| number < minimum);
        let high = self.maximum.is_some_and(|maximum| number > maximum);
        (low || high).then_some("range")
    }

    /// What a rule asks for, as a sentence's end.
    fn demand(&self, rule: &str) -> String {
        match (rule, self.kind) {
            ("required", _) => "must not be empty".to_owned(),
            ("range", _) => {
                let bound = |bound: Option<f64>| bound.map_or_else(|| "∞".to_owned(), |b| b.to_string());
                format!("must lie between {} and {}", bound(self.minimum), bound(self.maximum))
            }
            (_, Kind::Datetime) => "must be a date and time as in 2026-01-12T08:00:00Z".to_owned(),
            (_, Kind::Identifier) => "must be a sensor number as in S-0001".to_owned(),
            (_, Kind::Number) => "must be a number".to_owned(),
            (_, Kind::Integer) => "must be a whole number".to_owned(),
        }
    }
}

/// One finding for each rule that a column breaks: it names the first place and samples the others.
fn by_rule(column: &Column, failures: Vec<Failure>) -> impl Iterator<Item = Finding> {
    let name = &column.name;
    ["required", "type", "range"].into_iter().filter_map(move |rule| {
        let broken: Vec<&Failure> = failures.iter().filter(|failure| failure.rule == rule).collect();
        let first = broken.first()?;
        let sample =
            |failure: &&Failure| json!({ "row": failure.row, "column": name, "value": failure.value });
        let more = match broken.len() {
            1 => String::new(),
            count => format!(", and {} more rows", count - 1),
        };
        let message =
            format!("Row {}, column {name}: {:?} {}{more}.", first.row, first.value, column.demand(rule));
        let mut finding = Finding::error(format!("row {}, column {name}", first.row), rule, message);
        finding.failed_rows = Some(FailedRows {
            sample_rows: broken.iter().take(MAX_SAMPLE_ROWS).map(sample).collect(),
            count: broken.len(),
            truncated: broken.len() > MAX_SAMPLE_ROWS,
        });
        Some(finding)
    })
}

/// The row that an editor shows: blank lines count. The reader passes over them after it has noted where it is.
fn row_of(text: &str, position: Option<&csv::Position>) -> usize {
    let Some(position) = position else { return 1 };
    let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let rest = text.as_bytes().get(place(position.byte())..).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n');
    place(position.line()) + blank.count()
}

fn repeated(column: &Column) -> Finding {
    let text = format!("Row 1: the column {} is there more than once: rename all but one.", column.name);
    Finding::error(format!("row 1, column {}", column.name), "repeated_column", text)
}

fn missing(column: &Column) -> Finding {
    let text = format!("Row 1: the column {} is missing.", column.name);
    Finding::error(format!("row 1, column {}", column.name), "missing_column", text)
}

fn unreadable(text: &str, error: &csv::Error) -> Finding {
    let row = row_of(text, error.position());
    Finding::error(format!("row {row}"), "unreadable", format!("Row {row} cannot be read: {error}."))
}

fn is_identifier(value: &str) -> bool {
    value
        .strip_prefix("S-")
        .is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{BAD_TABLE, GOOD_TABLE};

    fn found(table: &[u8]) -> Vec<(String, usize)> {
        let outcomes = run(2, table);
        let rows = |finding: &Finding| finding.failed_rows.as_ref().map_or(0, |rows| rows.count);
        outcomes[0].findings.iter().map(|finding| (finding.path.clone(), rows(finding))).collect()
    }

    #[test]
    fn the_samples_get_their_findings() {
        assert_eq!(found(GOOD_TABLE), []);
        let expected = [
            ("row 5, column timestamp", 1),
            ("row 4, column sensor_id", 1),
            ("row 3, column temperature_c", 1),
            ("row 5, column co2_ppm", 1),
        ];
        assert_eq!(found(BAD_TABLE), expected.map(|(path, count)| (path.to_owned(), count)));
    }

    #[test]
    fn many_bad_rows_make_one_finding_with_samples() {
        let mut table = String::from("timestamp,sensor_id,temperature_c,humidity_pct,co2_ppm\n");
        table.push_str(&"2026-01-12T08:00:00Z,S-0001,99,41,600\n".repeat(50));
        let outcomes = run(2, table.as_bytes());
        let rows = outcomes[0].findings[0].failed_rows.as_ref().expect("rows");
        assert_eq!((outcomes[0].findings.len(), rows.sample_rows.len(), rows.count), (1, 20, 50));
        assert!(rows.truncated);
        assert_eq!(rows.sample_rows[0], json!({ "row": 2, "column": "temperature_c", "value": "99" }));
    }

    #[test]
    fn broken_tables_are_findings_too() {
        assert_eq!(found(b"")[0].0, "");
        assert_eq!(found(b"timestamp\n")[0].0, "row 1, column sensor_id");
        let header = "timestamp,sensor_id,temperature_c,humidity_pct,co2_ppm\n";
        assert_eq!(found(header.as_bytes()), [("row 2".to_owned(), 0)], "no rows");
        let good = "2026-01-12T08:00:00Z,S-0001,20.5,41.0,612\n";
        let twice = format!("co2_ppm,{header}1,{good}");
        assert_eq!(found(twice.as_bytes()), [("row 1, column co2_ppm".to_owned(), 0)]);
        let marked = format!("\u{feff}{header}{good}");
        assert_eq!(found(marked.as_bytes()), []);
        let blank = format!("{header}{good}\n\n{}", good.replace("612", "x"));
        assert_eq!(found(blank.as_bytes()), [("row 5, column co2_ppm".to_owned(), 1)], "as an editor counts");
        assert_eq!(run(2, b"t\xb0\n")[0].findings[0].code, "encoding");
        let uneven = b"timestamp,sensor_id,temperature_c,humidity_pct,co2_ppm\n1,2\n";
        assert_eq!(found(uneven)[0].0, "row 2");
    }
}
