//! An `EnergyPlus` model, as IDF or epJSON: the file has to arrive under a name that the step's port takes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::definition::{Ruleset, Step, Validator};
use super::encoding;
use super::outcome::{Finding, Outcome};
use super::step_id;
use crate::submission::Submission;

const STEP: &str = "EnergyPlus";

/// The port that the model comes in by, and the extensions that it takes (contract, A5, stored names: an IDF that was sent as
/// plain text is stored as `.txt`, and the step fails).
const PORT: &str = "primary_model";
const EXTENSIONS: [&str; 3] = [".idf", ".epjson", ".json"];

/// Objects without which `EnergyPlus` does not start.
const REQUIRED: [&str; 2] = ["Version", "Building"];

pub(crate) fn steps(workflow: i64) -> Vec<Step> {
    let validator = Validator {
        slug: "energyplus",
        name: "EnergyPlus",
        validation_type: "ENERGYPLUS",
        short_description: "Reads an EnergyPlus model.",
        default_ruleset: Ruleset::empty(5, "ENERGYPLUS"),
    };
    vec![Step::validating(step_id(workflow, 1), STEP, "The model can be read.", validator, None)]
}

pub(crate) fn run(workflow: i64, submission: &Submission) -> Vec<Outcome> {
    vec![Outcome::judged(step_id(workflow, 1), STEP, findings(submission))]
}

fn findings(submission: &Submission) -> Vec<Finding> {
    let name = submission.name.to_ascii_lowercase();
    let Some(extension) = EXTENSIONS.into_iter().find(|extension| name.ends_with(extension)) else {
        let text = format!(
            "The step did not run: its port {PORT} takes {}, and the stored file is {}.",
            EXTENSIONS.join(", "),
            submission.name
        );
        return vec![Finding::error("", "port_mismatch", text)];
    };
    let text = match encoding::utf8(&submission.bytes) {
        Ok(text) => text,
        Err(finding) => return vec![finding],
    };
    let classes = if extension == EXTENSIONS[0] { idf(text) } else { epjson(text) };
    let classes = match classes {
        Ok(classes) => classes,
        Err(finding) => return vec![*finding],
    };
    let missing = REQUIRED.iter().filter(|class| !classes.contains(&class.to_ascii_lowercase()));
    missing
        .map(|class| Finding::error(*class, "missing_object", format!("The model has no {class} object.")))
        .collect()
}

/// The classes of an IDF's objects in lower case. An object is `Class, field, field;`, and `!` begins a comment.
fn idf(text: &str) -> Result<BTreeSet<String>, Box<Finding>> {
    let mut classes = BTreeSet::new();
    let mut object = String::new();
    let mut last = 1;
    for (line, number) in text.lines().zip(1..) {
        if object.trim().is_empty() {
            last = number;
        }
        object.push_str(line.split('!').next().unwrap_or_default());
        object.push(' ');
        while let Some((whole, rest)) = object.split_once(';') {
            classes.insert(whole.split(',').next().unwrap_or_default().trim().to_ascii_lowercase());
            object = rest.to_owned();
        }
    }
    if object.trim().is_empty() {
        return Ok(classes);
    }
    let text = format!("The object that begins in line {last} has no semicolon at its end.");
    Err(Box::new(Finding::error(format!("line {last}"), "unfinished_object", text)))
}

/// The classes of an epJSON's objects in lower case: its keys.
fn epjson(text: &str) -> Result<BTreeSet<String>, Box<Finding>> {
    match serde_json::from_str(text) {
        Ok(Value::Object(model)) => Ok(model.keys().map(|key| key.to_ascii_lowercase()).collect()),
        Ok(_) => {
            let text = "The model is not an object.".to_owned();
            Err(Box::new(Finding::error("", "invalid_model", text)))
        }
        Err(error) => {
            let text = format!("The file is not valid JSON: {error}.");
            Err(Box::new(Finding::error("", "invalid_json", text)))
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::submission::FileType;

    fn codes(name: &str, content: &'static str) -> Vec<String> {
        let bytes = Bytes::from_static(content.as_bytes());
        let submission = Submission { bytes, file_type: FileType::Text, name: name.to_owned() };
        findings(&submission).into_iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn the_port_judges_the_stored_name_and_then_the_model() {
        let idf = "Version, 24.1; ! the release\nBuilding,\n  House,\n  0;\n";
        let none: [&str; 0] = [];
        assert_eq!(codes("1Zone.idf", idf), none);
        assert_eq!(codes("1Zone.txt", idf), ["port_mismatch"]);
        assert_eq!(codes("1Zone.idf", "Version, 24.1; ! Building, x;"), ["missing_object"]);
        assert_eq!(codes("1Zone.idf", "Version, 24.1;\nBuilding, House"), ["unfinished_object"]);
        assert_eq!(codes("1Zone.json", r#"{"Version": {}, "Building": {}}"#), none);
        assert_eq!(codes("1Zone.json", r#"{"Version": {}}"#), ["missing_object"]);
        assert_eq!(codes("1Zone.json", "[]"), ["invalid_model"]);
        assert_eq!(codes("1Zone.json", "{"), ["invalid_json"]);
    }
}
