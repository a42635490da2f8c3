//! Any text or XML document: what it is encoded in and how long it is.

use super::definition::{Ruleset, Step, Validator};
use super::outcome::{Finding, Outcome, OutputValue};
use super::step_id;
use crate::submission::{FileType, Submission};

const STEP: &str = "Document";

pub(crate) fn steps(workflow: i64) -> Vec<Step> {
    let validator = Validator {
        slug: "document",
        name: "Document",
        validation_type: "BASIC",
        short_description: "Reads a document and counts its lines.",
        default_ruleset: Ruleset::empty(6, "BASIC"),
    };
    vec![Step::validating(step_id(workflow, 1), STEP, "The document can be read.", validator, None)]
}

/// Every encoding that occurs is read: UTF-8 and UTF-16, each with or without what marks it, and else Latin-1.
pub(crate) fn run(workflow: i64, submission: &Submission) -> Vec<Outcome> {
    let text = decoded(&submission.bytes);
    let mut findings = Vec::new();
    if submission.file_type == FileType::Xml && !text.trim_start().starts_with('<') {
        let message = "The document does not begin with a tag: it is not XML.".to_owned();
        findings.push(Finding::error("line 1", "invalid_xml", message));
    }
    let lines = u32::try_from(text.lines().count()).unwrap_or(u32::MAX);
    let value = OutputValue {
        slug: "lines",
        label: "Lines",
        value: f64::from(lines),
        formatted_value: lines.to_string(),
        units: "",
    };
    vec![Outcome { output_values: vec![value], ..Outcome::judged(step_id(workflow, 1), STEP, findings) }]
}

fn decoded(bytes: &[u8]) -> String {
    let units = |of: fn([u8; 2]) -> u16| {
        let (pairs, _) = bytes.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().skip(1).map(|pair| of(*pair)).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, ..] => units(u16::from_le_bytes),
        [0xfe, 0xff, ..] => units(u16::from_be_bytes),
        _ => {
            let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            std::str::from_utf8(bytes)
                .map_or_else(|_| bytes.iter().copied().map(char::from).collect(), str::to_owned)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn a_degree_sign_is_one_in_every_encoding() {
        for bytes in
            [&b"20 \xb0C"[..], b"20 \xc2\xb0C", b"\xef\xbb\xbf20 \xc2\xb0C", b"\xff\xfe2\x000\0 \0\xb0\0C\0"]
        {
            assert_eq!(decoded(bytes), "20 °C");
        }
    }
}
