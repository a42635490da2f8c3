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
    Switch,
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
            Self::Switch => "switch",
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
pub(super) struct Report {
    checks: Vec<(Check, Status)>,
    /// Whether the kill switch is on, where that was seen.
    switch: Option<bool>,
    /// How a sign-in goes, where one was tried.
    sign_in: Option<Outcome>,
}

impl Report {
    pub(super) fn take(&mut self, check: Check, outcome: Outcome) {
        self.checks.push((check, outcome.map_or_else(Status::Failed, Status::Passed)));
    }

    pub(super) fn skip(&mut self, check: Check, why: &'static str) {
        self.checks.push((check, Status::Skipped(why)));
    }

    /// Takes whether the kill switch is on. That it is off is no failure here: whoever asks knows what it should be.
    pub(super) fn take_switch(&mut self, on: Option<bool>) {
        self.switch = on;
        match on {
            Some(true) => self.take(Check::Switch, Ok("on".to_owned())),
            Some(false) => {
                self.take(Check::Switch, Ok("off: every tool answers SERVICE_UNAVAILABLE".to_owned()));
            }
            None => self.skip(Check::Switch, "the answer to a bearer that nobody has issued does not tell"),
        }
    }

    /// Takes how a sign-in goes. That it does not work is no failure here: it takes Validibot's client row, which no revision of
    /// this server brings along or takes away.
    pub(super) fn take_sign_in(&mut self, outcome: Option<Outcome>) {
        self.sign_in = outcome;
    }

    pub(super) fn failed(&self) -> bool {
        self.checks.iter().any(|(_, status)| matches!(status, Status::Failed(_)))
    }

    /// How far the proof goes.
    fn proven(&self) -> &'static str {
        let passed = |wanted| {
            self.checks.iter().any(|(check, status)| *check == wanted && matches!(status, Status::Passed(_)))
        };
        match (self.failed(), passed(Check::Tools)) {
            (true, _) => "no",
            (false, true) => "tools",
            (false, false) => "challenge",
        }
    }

    pub(super) fn json(&self, url: &str) -> Value {
        let checks = self.checks.iter().map(|(check, status)| {
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
            "switch": self.switch.map(|on| if on { "on" } else { "off" }),
            "sign_in": self.sign_in.as_ref().map(|outcome| {
                let (Ok(detail) | Err(detail)) = outcome;
                json!({ "works": outcome.is_ok(), "detail": detail })
            }),
            "checks": checks.collect::<Value>(),
        })
    }

    pub(super) fn text(&self, url: &str) -> String {
        let mut text = format!("{url}\n");
        for (check, status) in &self.checks {
            let (mark, detail) = match status {
                Status::Passed(detail) => ("ok", detail.as_str()),
                Status::Failed(detail) => ("FAILED", detail.as_str()),
                Status::Skipped(why) => ("skipped", *why),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {mark:<8} {:<11} {detail}", check.name());
        }
        match &self.sign_in {
            Some(Ok(seen)) => _ = writeln!(text, "  ok       sign-in     {seen}"),
            Some(Err(reason)) => _ = writeln!(text, "  WARNING  sign-in     users cannot sign in: {reason}"),
            None => {}
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
        report.take_switch(Some(true));
        report
    }

    #[test]
    fn people_read_each_check_and_how_far_the_proof_goes() {
        let mut report = report();
        expect![[r"
            https://mcp.example
              ok       version     0.1.0 at commit abc
              skipped  metadata    OAuth is off here
              ok       switch      on
            Not proven past 401: set VALIDIBOT_E2E_TOKEN to go on behind it.
        "]]
        .assert_eq(&report.text("https://mcp.example"));
        report.take(Check::Tools, Ok("5 tools".to_owned()));
        assert!(report.text("x").ends_with("Proven as far as the list of tools.\n"));
        report.take_sign_in(Some(Err("a row is missing: write it".to_owned())));
        assert!(report.text("x").contains("WARNING  sign-in     users cannot sign in: a row"));
        assert!(!report.failed(), "the client row is Validibot's");
        report.take(Check::Ready, Err("/readyz gives HTTP 503".to_owned()));
        assert!(report.text("x").ends_with("This server is not fit for traffic.\n"));
    }

    #[test]
    fn programs_read_the_same() {
        let json = report().json("https://mcp.example");
        expect![[
            r#"{"schema_version":1,"url":"https://mcp.example","ok":true,"proven":"challenge","switch":"on","sign_in":null,"checks":[{"name":"version","status":"passed","detail":"0.1.0 at commit abc"},{"name":"metadata","status":"skipped","detail":"OAuth is off here"},{"name":"switch","status":"passed","detail":"on"}]}"#
        ]]
        .assert_eq(&json.to_string());
        let mut report = report();
        report.take_sign_in(Some(Ok("the client is known".to_owned())));
        let json = report.json("https://mcp.example");
        assert_eq!(json["sign_in"], json!({ "works": true, "detail": "the client is known" }));
    }
}
