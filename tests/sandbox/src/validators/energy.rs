//! A building-energy model: JSON Schema first, then two assertions on what the schema cannot say.

use jsonschema::ValidationError;
use serde_json::Value;
use serde_json::value::RawValue;

use super::definition::{Assertion, Constant, Ruleset, Step, Validator};
use super::outcome::{Finding, Outcome, Severity};
use super::{MAX_FINDINGS, encoding, step_id};
use crate::fixtures::{DECIMAL_NUMBER, LONG_NUMBER};
use crate::json::compact;

const SCHEMA: &str = include_str!("../../schemas/energy-model.schema.json");

const SCHEMA_STEP: &str = "Schema";
const PLAUSIBILITY_STEP: &str = "Plausibility";

/// The zones' areas may differ from the total by this share: drawings are rounded.
const AREA_TOLERANCE: f64 = 0.01;

/// Longest message, in characters: one quotes the offending value, which can be most of the file.
const MAX_MESSAGE: usize = 300;

pub(crate) fn input_schema() -> Box<RawValue> {
    compact(SCHEMA)
}

pub(crate) fn constants() -> Vec<Constant> {
    vec![
        Constant {
            name: "max_window_u_value",
            data_type: "number",
            value: compact(DECIMAL_NUMBER),
            description: "Highest thermal transmittance of a window, in W/(m²·K).",
        },
        Constant {
            name: "max_meter_id",
            data_type: "number",
            value: compact(LONG_NUMBER),
            description: "Highest meter number that the registry gives out.",
        },
    ]
}

pub(crate) fn steps(workflow: i64) -> Vec<Step> {
    let (schema, plausibility) = (step_id(workflow, 1), step_id(workflow, 2));
    let json_schema = Validator {
        slug: "json-schema",
        name: "JSON Schema",
        validation_type: "JSON_SCHEMA",
        short_description: "Checks a JSON document against a JSON Schema.",
        default_ruleset: Ruleset::empty(1, "JSON_SCHEMA"),
    };
    let basic = Validator {
        slug: "basic",
        name: "Basic assertions",
        validation_type: "BASIC",
        short_description: "Checks values of a document against each other and against constants.",
        default_ruleset: Ruleset::empty(2, "BASIC"),
    };
    vec![
        Step::validating(
            schema,
            SCHEMA_STEP,
            "The document has the fields, types and ranges of the schema.",
            json_schema,
            Some(Ruleset::schema(100 + schema, "Building-energy model", SCHEMA)),
        ),
        Step::validating(
            plausibility,
            PLAUSIBILITY_STEP,
            "The figures agree with each other.",
            basic,
            Some(Ruleset::assertions(100 + plausibility, "Plausibility", assertions(plausibility))),
        ),
    ]
}

fn assertions(step: i64) -> Vec<Assertion> {
    vec![
        Assertion {
            id: step * 10 + 1,
            order: 10,
            assertion_type: "BASIC",
            operator: "APPROX",
            severity: "ERROR",
            target_field: "total_floor_area_m2",
            when_expression: "",
            rhs: compact(r#"{ "sum_of": "zones[].floor_area_m2", "tolerance": 0.010 }"#),
            message_template: "The zones have {actual} m² in all; the model says {expected} m².",
            success_message: "The zones' areas add up to the total.",
            notes: "",
        },
        Assertion {
            id: step * 10 + 2,
            order: 20,
            assertion_type: "BASIC",
            operator: "LE",
            severity: "WARNING",
            target_field: "zones[].window_u_value",
            when_expression: "",
            rhs: compact(r#"{ "constant": "max_window_u_value" }"#),
            message_template: "The windows' U-value is {actual}; {expected} is the most that is usual.",
            success_message: "",
            notes: "A warning: older buildings have such windows.",
        },
    ]
}

pub(crate) fn run(workflow: i64, document: &[u8]) -> Vec<Outcome> {
    let (schema, plausibility) = (step_id(workflow, 1), step_id(workflow, 2));
    let (findings, document) = match read(document) {
        Ok(document) => (schema_findings(&document), document),
        Err(finding) => (vec![*finding], Value::Null),
    };
    let first = Outcome::judged(schema, SCHEMA_STEP, findings);
    let second = if first.findings.is_empty() {
        Outcome::judged(plausibility, PLAUSIBILITY_STEP, plausibility_findings(plausibility, &document))
    } else {
        Outcome::skipped(plausibility, PLAUSIBILITY_STEP)
    };
    vec![first, second]
}

fn read(document: &[u8]) -> Result<Value, Box<Finding>> {
    serde_json::from_str(encoding::utf8(document)?).map_err(|error| {
        Box::new(Finding::error("", "invalid_json", format!("The file is not valid JSON: {error}.")))
    })
}

fn schema_findings(document: &Value) -> Vec<Finding> {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is valid JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is a valid schema");
    validator.iter_errors(document).take(MAX_FINDINGS).map(|error| finding(&error)).collect()
}

/// The path is the JSON Pointer of the offending value (RFC 6901); "" is the whole document.
fn finding(error: &ValidationError<'_>) -> Finding {
    let message: String = error.to_string().chars().take(MAX_MESSAGE).collect();
    Finding::error(error.instance_path().to_string(), error.kind().keyword(), message)
}

/// A figure that can be calculated with. `1e400` is a number in JSON, and none in a machine.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().filter(|number| number.is_finite())
}

/// The figures that are there and cannot be calculated with: they count as nothing, least of all as zero.
fn unreadable_numbers(document: &Value, zones: &[Value]) -> Vec<Finding> {
    let of_zones = zones.iter().enumerate().flat_map(|(index, zone)| {
        ["floor_area_m2", "window_u_value"].map(|field| (format!("/zones/{index}/{field}"), &zone[field]))
    });
    std::iter::once(("/total_floor_area_m2".to_owned(), &document["total_floor_area_m2"]))
        .chain(of_zones)
        .filter(|(_, value)| !value.is_null() && number(value).is_none())
        .map(|(path, value)| {
            let text: String = format!("The number {value} is too large to be calculated with.")
                .chars()
                .take(MAX_MESSAGE)
                .collect();
            Finding::error(path, "number_out_of_range", text)
        })
        .take(MAX_FINDINGS)
        .collect()
}

fn plausibility_findings(step: i64, document: &Value) -> Vec<Finding> {
    let zones = document["zones"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut findings = unreadable_numbers(document, zones);
    if !findings.is_empty() {
        return findings;
    }
    let total = number(&document["total_floor_area_m2"]).unwrap_or_default();
    let sum: f64 = zones.iter().filter_map(|zone| number(&zone["floor_area_m2"])).sum();
    if (sum - total).abs() > total * AREA_TOLERANCE {
        let text = format!("The zones have {sum} m² in all; the model says {total} m².");
        findings.push(
            Finding::error("/total_floor_area_m2", "assertion_failed", text)
                .of_assertion(step * 10 + 1, Severity::Error),
        );
    }
    let limit: f64 = DECIMAL_NUMBER.parse().expect("the constant is a number");
    for (index, zone) in zones.iter().enumerate() {
        if let Some(value) = number(&zone["window_u_value"])
            && value > limit
            && findings.len() < MAX_FINDINGS
        {
            let text =
                format!("The windows' U-value is {value}; {DECIMAL_NUMBER} is the most that is usual.");
            findings.push(
                Finding::error(format!("/zones/{index}/window_u_value"), "assertion_failed", text)
                    .of_assertion(step * 10 + 2, Severity::Warning),
            );
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{BAD_ENERGY_MODEL, GOOD_ENERGY_MODEL};
    use crate::validators::outcome::Verdict;

    fn places(document: &[u8]) -> Vec<(Verdict, Vec<String>)> {
        let outcomes = run(1, document);
        let paths = |outcome: Outcome| outcome.findings.into_iter().map(|finding| finding.path).collect();
        outcomes.into_iter().map(|outcome| (outcome.verdict, paths(outcome))).collect()
    }

    #[test]
    fn the_samples_get_their_verdicts() {
        assert_eq!(places(GOOD_ENERGY_MODEL), [(Verdict::Passed, vec![]), (Verdict::Passed, vec![])]);
        let [(Verdict::Failed, mut paths), (Verdict::Skipped, _)] =
            <[_; 2]>::try_from(places(BAD_ENERGY_MODEL)).expect("two steps")
        else {
            panic!("the schema step fails and the next is skipped")
        };
        paths.sort();
        assert_eq!(
            paths,
            [
                "/building/location/latitude",
                "/zones/0/floor_area_m2",
                "/zones/1",
                "/zones/1/heating_setpoint_c"
            ]
        );
    }

    #[test]
    fn assertions_compare_figures() {
        let mut model: Value = serde_json::from_slice(GOOD_ENERGY_MODEL).expect("JSON");
        model["zones"][1]["window_u_value"] = 1.2.into();
        let paths = |model: &Value| places(model.to_string().as_bytes())[1].clone();
        assert_eq!(paths(&model), (Verdict::Passed, vec!["/zones/1/window_u_value".to_owned()]));
        model["total_floor_area_m2"] = 3000.into();
        assert_eq!(paths(&model).0, Verdict::Failed);
    }

    #[test]
    fn numbers_beyond_machine_integers_are_compared() {
        let mut model: Value = serde_json::from_slice(GOOD_ENERGY_MODEL).expect("JSON");
        for (meter_id, paths) in [
            ("0", &[][..]),
            (LONG_NUMBER, &[]),
            ("99999999999999999999999", &["/building/meter_id"]),
            ("-1", &["/building/meter_id"]),
            ("1.5", &["/building/meter_id"]),
        ] {
            model["building"]["meter_id"] = serde_json::from_str(meter_id).expect("a number");
            assert_eq!(places(model.to_string().as_bytes())[0].1, paths, "{meter_id}");
        }
    }

    #[test]
    fn a_number_that_does_not_fit_is_a_finding_and_not_zero() {
        let mut model: Value = serde_json::from_slice(GOOD_ENERGY_MODEL).expect("JSON");
        let rest = model["total_floor_area_m2"].as_f64().expect("an area")
            - model["zones"][0]["floor_area_m2"].as_f64().expect("an area");
        model["zones"][0]["floor_area_m2"] = serde_json::from_str("1e400").expect("a number");
        // Where it counted as zero, the rest added up.
        model["total_floor_area_m2"] = rest.into();
        let [(Verdict::Passed, _), second] =
            <[_; 2]>::try_from(places(model.to_string().as_bytes())).expect("two steps")
        else {
            panic!("the schema step passes")
        };
        assert_eq!(second, (Verdict::Failed, vec!["/zones/0/floor_area_m2".to_owned()]));
    }

    #[test]
    fn a_mark_is_passed_over_and_utf16_is_called_so() {
        let marked = [b"\xef\xbb\xbf", GOOD_ENERGY_MODEL].concat();
        assert_eq!(places(&marked)[1].0, Verdict::Passed);
        let utf16 = run(1, b"\xff\xfe{\0}\0");
        assert_eq!(utf16[0].findings[0].code, "encoding");
    }

    #[test]
    fn what_is_no_json_fails_the_first_step() {
        assert_eq!(places(b"<xml/>")[0].0, Verdict::Failed);
    }
}
