//! A year of heating, hour by hour: a run that takes its time.

use serde_json::Value;

use super::definition::{Ruleset, Step, Validator};
use super::outcome::{Finding, Outcome, OutputValue};
use super::{encoding, step_id};
use crate::submission::{FileType, Submission};

const READ_STEP: &str = "Read model";
const WARM_UP_STEP: &str = "Warm up";
const SIMULATE_STEP: &str = "Simulate";
const REPORT_STEP: &str = "Report";

/// When each step ends, as a share of the run. The first tenth is spent waiting for a worker.
const ENDS: [f64; 4] = [0.3, 0.45, 0.9, 1.0];

/// What a packed model (FMU) starts with: it is a ZIP archive.
const ZIP_MAGIC: &[u8] = b"PK\x03\x04";

/// Heat loss of a model that does not state its own, in W/K.
const DEFAULT_HEAT_LOSS: f64 = 150.0;

/// Indoor temperature that the heating holds, in °C.
const INDOOR: f64 = 20.0;

pub(crate) fn steps(workflow: i64) -> Vec<Step> {
    let validator = |ruleset| Validator {
        slug: "annual-simulation",
        name: "Annual simulation",
        validation_type: "SIMULATION",
        short_description: "Simulates a building over a year.",
        default_ruleset: Ruleset::empty(ruleset, "SIMULATION"),
    };
    let step = |number, name, description| {
        Step::validating(step_id(workflow, number), name, description, validator(4), None)
    };
    let report = "Writes the figures down.";
    vec![
        step(1, READ_STEP, "Unpacks the model."),
        step(2, WARM_UP_STEP, "Runs until the start does not matter any more."),
        step(3, SIMULATE_STEP, "Runs 8760 hours.").configured(r#"{ "hours": 8760, "time_step_s": 3600 }"#),
        Step::action(step_id(workflow, 4), REPORT_STEP, report, "REPORT"),
    ]
}

/// A JSON document with a `model`, or an archive, can be simulated; anything else fails when it is tried.
pub(crate) fn run(workflow: i64, submission: &Submission) -> Vec<Outcome> {
    let names = [READ_STEP, WARM_UP_STEP, SIMULATE_STEP, REPORT_STEP];
    let mut failed = false;
    names
        .into_iter()
        .zip(ENDS)
        .zip(1..)
        .map(|((name, ends), number)| {
            let id = step_id(workflow, number);
            if failed {
                return Outcome::skipped(id, name).ending_at(ends);
            }
            let (findings, output_values) = match name {
                READ_STEP => {
                    (read(submission).err().into_iter().map(|finding| *finding).collect(), Vec::new())
                }
                SIMULATE_STEP => simulate(submission),
                _ => (Vec::new(), Vec::new()),
            };
            failed = !findings.is_empty();
            Outcome { output_values, ..Outcome::judged(id, name, findings) }.ending_at(ends)
        })
        .collect()
}

/// The model, or `Null` for an archive.
fn read(submission: &Submission) -> Result<Value, Box<Finding>> {
    if submission.file_type == FileType::Binary {
        let archive = submission.bytes.starts_with(ZIP_MAGIC);
        return if archive {
            Ok(Value::Null)
        } else {
            Err(Box::new(Finding::error(
                "",
                "unreadable",
                "The file is not a packed model (FMU).".to_owned(),
            )))
        };
    }
    serde_json::from_str(encoding::utf8(&submission.bytes)?).map_err(|error| {
        Box::new(Finding::error("", "invalid_json", format!("The file is not valid JSON: {error}.")))
    })
}

fn simulate(submission: &Submission) -> (Vec<Finding>, Vec<OutputValue>) {
    let Ok(document) = read(submission) else { return Default::default() };
    if !document.is_null() && document.get("model").is_none() {
        let text = "The document has no model: there is nothing to simulate.".to_owned();
        return (vec![Finding::error("/model", "missing_model", text)], Vec::new());
    }
    let heat_loss = match document.get("heat_loss_w_per_k") {
        None => DEFAULT_HEAT_LOSS,
        Some(given) => {
            let Some(number) = given.as_f64().filter(|number| number.is_finite()) else {
                let text = "The heat loss is not a number that can be calculated with.".to_owned();
                return (vec![Finding::error("/heat_loss_w_per_k", "number_out_of_range", text)], Vec::new());
            };
            number
        }
    };
    let demand = heating_demand(heat_loss);
    let value = OutputValue {
        slug: "annual_heating_demand",
        label: "Annual heating demand",
        value: demand,
        formatted_value: format!("{demand} kWh"),
        units: "kWh",
    };
    (Vec::new(), vec![value])
}

/// kWh in a year for a heat loss in W/K, with outdoor temperatures that swing through the day and the year.
fn heating_demand(heat_loss: f64) -> f64 {
    let degree_hours: f64 = (0..8760_u16)
        .map(f64::from)
        .map(|hour| {
            let year = -10.0 * (hour / 8760.0 * std::f64::consts::TAU).cos();
            let day = -4.0 * (hour / 24.0 * std::f64::consts::TAU).cos();
            (INDOOR - (10.0 + year + day)).max(0.0)
        })
        .sum();
    (heat_loss * degree_hours / 1000.0).round()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::GOOD_ENERGY_MODEL;
    use crate::validators::outcome::Verdict::{self, Failed, Passed, Skipped};
    use bytes::Bytes;

    fn verdicts(file_type: FileType, bytes: &'static [u8]) -> Vec<Verdict> {
        let submission =
            Submission { bytes: Bytes::from_static(bytes), file_type, name: "model.json".to_owned() };
        run(3, &submission).iter().map(|outcome| outcome.verdict).collect()
    }

    #[test]
    fn the_content_decides() {
        assert_eq!(verdicts(FileType::Json, GOOD_ENERGY_MODEL), [Passed; 4]);
        assert_eq!(verdicts(FileType::Json, b"{}"), [Passed, Passed, Failed, Skipped]);
        assert_eq!(verdicts(FileType::Json, b"no"), [Failed, Skipped, Skipped, Skipped]);
        assert_eq!(verdicts(FileType::Binary, b"PK\x03\x04..."), [Passed; 4]);
        for heat_loss in
            [r#"{"model":1,"heat_loss_w_per_k":1e400}"#, r#"{"model":1,"heat_loss_w_per_k":"150"}"#]
        {
            assert_eq!(verdicts(FileType::Json, heat_loss.as_bytes()), [Passed, Passed, Failed, Skipped]);
        }
        assert_eq!(verdicts(FileType::Binary, b"no"), [Failed, Skipped, Skipped, Skipped]);
    }

    #[test]
    fn the_demand_grows_with_the_loss() {
        assert!(heating_demand(100.0) > 0.0);
        assert!((heating_demand(200.0) / heating_demand(100.0) - 2.0).abs() < 0.001);
    }
}
