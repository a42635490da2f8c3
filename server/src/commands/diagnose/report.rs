//! What was found at each hop, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

/// Version of the JSON report. Fields may be added under the same number; anything else raises it.
const SCHEMA_VERSION: u32 = 1;

/// One step on the way from a client to Validibot, in the order in which they are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hop {
    /// Validibot's licence, where its address is known.
    Licence,
    /// The host's name.
    Dns,
    /// A TCP connection.
    Connect,
    /// The certificate.
    Tls,
    /// `GET /`.
    Descriptor,
    /// The 401 that tells clients where to sign in.
    Challenge,
    /// The protected resource's metadata.
    Resource,
    /// The authorization server's metadata.
    Metadata,
    /// Dynamic client registration.
    Registration,
    /// Our consent page.
    Consent,
    /// Validibot's authorization endpoint.
    SignIn,
    /// Validibot's own issuer and keys.
    Issuer,
    /// A person's own sign-in.
    Login,
    /// MCP's handshake.
    Initialize,
    /// The list of tools.
    Tools,
    /// A call that goes through to Validibot.
    Workflows,
}

/// What happened at a hop.
#[derive(Debug)]
enum Outcome {
    Passed(String),
    Skipped(String),
    Failed(Finding),
}

/// A failure: its cause, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    code: &'static str,
    cause: String,
    fix: Vec<String>,
}

/// A hop's end: what people read and what later hops need.
pub(super) type Step<T> = Result<(String, T), Finding>;

/// Every hop's outcome.
#[derive(Debug, Default)]
pub(super) struct Report {
    hops: BTreeMap<Hop, Outcome>,
    next: Vec<String>,
}

impl Hop {
    const ALL: [Self; 16] = [
        Self::Licence,
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::Descriptor,
        Self::Challenge,
        Self::Resource,
        Self::Metadata,
        Self::Registration,
        Self::Consent,
        Self::SignIn,
        Self::Issuer,
        Self::Login,
        Self::Initialize,
        Self::Tools,
        Self::Workflows,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Licence => "licence",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Descriptor => "descriptor",
            Self::Challenge => "challenge",
            Self::Resource => "resource-metadata",
            Self::Metadata => "server-metadata",
            Self::Registration => "registration",
            Self::Consent => "consent",
            Self::SignIn => "sign-in",
            Self::Issuer => "issuer",
            Self::Login => "login",
            Self::Initialize => "initialize",
            Self::Tools => "tools/list",
            Self::Workflows => "list_workflows",
        }
    }

    /// 1: from the client to the MCP server. 2: from there to Validibot's REST API.
    fn chain(self) -> u8 {
        match self {
            Self::Licence | Self::Workflows => 2,
            _ => 1,
        }
    }
}

impl Finding {
    /// `code` never changes: programs and tests know the cause by it.
    pub(super) fn new(code: &'static str, cause: impl Into<String>) -> Self {
        Self { code, cause: cause.into(), fix: Vec::new() }
    }

    /// In one sentence, for a report of another kind.
    pub(super) fn sentence(&self) -> String {
        [&self.cause].into_iter().chain(&self.fix).map(String::as_str).collect::<Vec<_>>().join("; ")
    }

    /// Adds what to do; several are alternatives or steps, in order.
    #[must_use]
    pub(super) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix.push(fix.into());
        self
    }
}

impl Report {
    /// Notes how a hop went; gives what it found for the hops behind it.
    pub(super) fn take<T>(&mut self, hop: Hop, step: Step<T>) -> Option<T> {
        match step {
            Ok((detail, value)) => {
                self.hops.insert(hop, Outcome::Passed(detail));
                Some(value)
            }
            Err(finding) => {
                self.hops.insert(hop, Outcome::Failed(finding));
                None
            }
        }
    }

    /// Notes that a hop is not on this server's way, and why.
    pub(super) fn skip(&mut self, hop: Hop, why: &str) {
        self.hops.insert(hop, Outcome::Skipped(why.to_owned()));
    }

    /// Says what is left to do.
    pub(super) fn next(&mut self, line: impl Into<String>) {
        self.next.push(line.into());
    }

    /// Whether any hop failed.
    pub(super) fn failed(&self) -> bool {
        self.hops.values().any(|outcome| matches!(outcome, Outcome::Failed(_)))
    }

    /// For programs.
    pub(super) fn json(&self, url: &str) -> Value {
        let hops: Vec<Value> = Hop::ALL
            .into_iter()
            .map(|hop| {
                let mut entry = json!({ "hop": hop.name(), "chain": hop.chain() });
                match self.hops.get(&hop) {
                    Some(Outcome::Passed(detail)) => {
                        entry["outcome"] = "passed".into();
                        entry["detail"] = detail.as_str().into();
                    }
                    Some(Outcome::Skipped(why)) => {
                        entry["outcome"] = "skipped".into();
                        entry["detail"] = why.as_str().into();
                    }
                    Some(Outcome::Failed(finding)) => {
                        entry["outcome"] = "failed".into();
                        entry["finding"] = finding.code.into();
                        entry["cause"] = finding.cause.as_str().into();
                        entry["fix"] = finding.fix.iter().map(String::as_str).collect();
                    }
                    None => entry["outcome"] = "not reached".into(),
                }
                entry
            })
            .collect();
        json!({
            "schema_version": SCHEMA_VERSION,
            "url": url,
            "ok": !self.failed(),
            "hops": hops,
            "next": self.next,
        })
    }

    /// For people.
    pub(super) fn text(&self, url: &str) -> String {
        let mut text = format!("{url}\n");
        for hop in Hop::ALL {
            let (outcome, detail) = match self.hops.get(&hop) {
                Some(Outcome::Passed(detail)) => ("passed", detail.as_str()),
                Some(Outcome::Skipped(why)) => ("skipped", why.as_str()),
                Some(Outcome::Failed(finding)) => ("FAILED", finding.cause.as_str()),
                None => ("not reached", ""),
            };
            let line = format!("  {outcome:<11}  chain {}  {:<17}  {detail}", hop.chain(), hop.name());
            let _ = writeln!(text, "{}", line.trim_end());
            if let Some(Outcome::Failed(finding)) = self.hops.get(&hop) {
                for fix in &finding.fix {
                    let _ = writeln!(text, "               fix: {fix}");
                }
            }
        }
        for line in &self.next {
            let _ = writeln!(text, "{line}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_from_top_to_bottom() {
        let mut report = Report::default();
        report.take(Hop::Dns, Ok(("mcp.acme.example is 192.0.2.1".to_owned(), ())));
        report.skip(Hop::Tls, "plain http");
        report.take::<()>(Hop::Connect, Err(Finding::new("refused", "nothing listens").fix("start it")));
        report.next("Then try again.");
        assert!(report.failed());
        expect_test::expect![[r"
            https://mcp.acme.example
              not reached  chain 2  licence
              passed       chain 1  dns                mcp.acme.example is 192.0.2.1
              FAILED       chain 1  connect            nothing listens
                           fix: start it
              skipped      chain 1  tls                plain http
              not reached  chain 1  descriptor
              not reached  chain 1  challenge
              not reached  chain 1  resource-metadata
              not reached  chain 1  server-metadata
              not reached  chain 1  registration
              not reached  chain 1  consent
              not reached  chain 1  sign-in
              not reached  chain 1  issuer
              not reached  chain 1  login
              not reached  chain 1  initialize
              not reached  chain 1  tools/list
              not reached  chain 2  list_workflows
            Then try again.
        "]]
        .assert_eq(&report.text("https://mcp.acme.example"));
        let json = report.json("https://mcp.acme.example");
        assert_eq!((&json["ok"], &json["hops"][2]["finding"]), (&json!(false), &json!("refused")));
    }
}
