//! What the checks saw, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::checks::Outcome;

/// Version of the JSON report. Fields may be added under the same number; anything else raises it.
const SCHEMA_VERSION: u32 = 1;

/// A check, in the order in which they are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    Version,
    Ready,
    Challenge,
    Metadata,
    Initialize,
    Tools,
}

impl Check {
    fn name(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Ready => "ready",
            Self::Challenge => "challenge",
            Self::Metadata => "metadata",
            Self::Initialize => "initialize",
            Self::Tools => "tools",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Status {
    Passed(String),
    Failed(String),
    Skipped(&'static str),
}

/// All checks that were made.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<(Check, Status)>);

impl Report {
    pub(super) fn take(&mut self, check: Check, outcome: Outcome) {
        self.0.push((check, outcome.map_or_else(Status::Failed, Status::Passed)));
    }

    pub(super) fn skip(&mut self, check: Check, why: &'static str) {
        self.0.push((check, Status::Skipped(why)));
    }

    pub(super) fn failed(&self) -> bool {
        self.0.iter().any(|(_, status)| matches!(status, Status::Failed(_)))
    }

    /// How far the proof goes.
    fn proven(&self) -> &'static str {
        let passed = |wanted| {
            self.0.iter().any(|(check, status)| *check == wanted && matches!(status, Status::Passed(_)))
        };
        match (self.failed(), passed(Check::Tools)) {
            (true, _) => "no",
            (false, true) => "tools",
            (false, false) => "challenge",
        }
    }

    pub(super) fn json(&self, url: &str) -> Value {
        let checks = self.0.iter().map(|(check, status)| {
            let (status, detail) = match status {
                Status::Passed(detail) => ("passed", detail.as_str()),
                Status::Failed(detail) => ("failed", detail.as_str()),
                Status::Skipped(why) => ("skipped", *why),
            };
            json!({ "name": check.name(), "status": status, "detail": detail })
        });
        json!({
            "schema_version": SCHEMA_VERSION,
            "url": url,
            "ok": !self.failed(),
            "proven": self.proven(),
            "checks": checks.collect::<Value>(),
        })
    }

    pub(super) fn text(&self, url: &str) -> String {
        let mut text = format!("{url}\n");
        for (check, status) in &self.0 {
            let (mark, detail) = match status {
                Status::Passed(detail) => ("ok", detail.as_str()),
                Status::Failed(detail) => ("FAILED", detail.as_str()),
                Status::Skipped(why) => ("skipped", *why),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {mark:<8} {:<11} {detail}", check.name());
        }
        text.push_str(match self.proven() {
            "no" => "This server is not fit for traffic.\n",
            "tools" => "Proven as far as the list of tools.\n",
            _ => "Not proven past 401: set VALIDIBOT_E2E_TOKEN to go on behind it.\n",
        });
        text
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn report() -> Report {
        let mut report = Report::default();
        report.take(Check::Version, Ok("0.1.0 at commit abc".to_owned()));
        report.skip(Check::Metadata, "OAuth is off here");
        report
    }

    #[test]
    fn people_read_each_check_and_how_far_the_proof_goes() {
        let mut report = report();
        expect![[r"
            https://mcp.example
              ok       version     0.1.0 at commit abc
              skipped  metadata    OAuth is off here
            Not proven past 401: set VALIDIBOT_E2E_TOKEN to go on behind it.
        "]]
        .assert_eq(&report.text("https://mcp.example"));
        report.take(Check::Tools, Ok("5 tools".to_owned()));
        assert!(report.text("x").ends_with("Proven as far as the list of tools.\n"));
        report.take(Check::Ready, Err("/readyz gives HTTP 503".to_owned()));
        assert!(report.text("x").ends_with("This server is not fit for traffic.\n"));
    }

    #[test]
    fn programs_read_the_same() {
        let json = report().json("https://mcp.example");
        expect![[
            r#"{"schema_version":1,"url":"https://mcp.example","ok":true,"proven":"challenge","checks":[{"name":"version","status":"passed","detail":"0.1.0 at commit abc"},{"name":"metadata","status":"skipped","detail":"OAuth is off here"}]}"#
        ]]
        .assert_eq(&json.to_string());
    }
}
