//! What a client does, in its order: sign in, look around, validate, wait, read the findings.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, CONTENT_TYPE};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{Outcome, Step};
use crate::commands::client::{Failure, Http, Mcp};
use crate::config::BaseUrl;

/// How long a run may take on the whole: live simulations take minutes.
const RUN_DEADLINE: Duration = Duration::from_mins(10);
/// One wait, in seconds: below the minute after which some platforms cut a silent call.
const WAIT_SECONDS: u64 = 45;

/// What is sent where no file is given: something of each type, which need not pass.
const SAMPLES: [(&str, &str, &str); 4] = [
    ("json", "e2e.json", "{\"name\": \"e2e\"}\n"),
    ("text", "e2e.txt", "e2e\n"),
    ("yaml", "e2e.yaml", "name: e2e\n"),
    ("xml", "e2e.xml", "<e2e/>\n"),
];

/// A file's name and content.
type File = (String, Vec<u8>);

/// Files whose outcome is known.
pub(super) struct Files {
    /// One that passes.
    pub(super) good: Option<File>,
    /// One that fails, with findings.
    pub(super) bad: Option<File>,
}

/// The journey, and what it has found so far.
pub(super) struct Journey {
    http: Http,
    base: BaseUrl,
    mcp: Mcp,
    org: Option<String>,
    workflow: Option<String>,
    files: Files,
    /// The chosen workflow, once the catalogue is there.
    chosen: Value,
}

/// What a step says: what was seen, or what is wrong.
type Said = Result<String, String>;

impl Journey {
    pub(super) fn new(
        http: Http,
        base: BaseUrl,
        token: SecretString,
        org: Option<String>,
        workflow: Option<String>,
        files: Files,
    ) -> Self {
        let mcp = Mcp::new(http.clone(), base.join("/mcp"), token);
        Self { http, base, mcp, org, workflow, files, chosen: Value::Null }
    }

    /// Takes every step; after a failure the rest is skipped, for each needs the one before it.
    pub(super) async fn take(&mut self, say: &mut dyn FnMut(&Step)) -> Vec<Step> {
        let mut steps = Vec::new();
        for name in STEPS {
            let started = Instant::now();
            let broken = steps.iter().any(|step: &Step| matches!(step.outcome, Outcome::Failed(_)));
            let outcome = if broken {
                Outcome::Skipped("a step before it failed".to_owned())
            } else {
                self.step(name).await
            };
            let step = Step { name, outcome, took: started.elapsed() };
            say(&step);
            steps.push(step);
        }
        steps
    }

    async fn step(&mut self, name: &str) -> Outcome {
        let said = match name {
            ANONYMOUS => self.anonymous().await,
            HELLO => self.hello().await,
            TOOLS => self.tools().await,
            LIST => self.list().await,
            DETAILS => self.details().await,
            GOOD => self.good().await,
            _ => match self.files.bad.clone() {
                Some(file) => self.bad(&file).await,
                None => return Outcome::Skipped("no file is given that must fail".to_owned()),
            },
        };
        said.map_or_else(Outcome::Failed, Outcome::Passed)
    }

    async fn anonymous(&self) -> Said {
        let request = self
            .http
            .post(&self.base.join("/mcp"))
            .header(ACCEPT, "application/json, text/event-stream")
            .header(CONTENT_TYPE, "application/json")
            .body("{}");
        let answer = self.http.send(request).await.map_err(|trouble| trouble.to_string())?;
        if answer.status == 401 { Ok("401".to_owned()) } else { Err(answer.describe()) }
    }

    async fn hello(&self) -> Said {
        let hello = self.mcp.initialize().await.map_err(explain)?;
        let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
        Ok(format!("{}, protocol {}", text(&hello["serverInfo"]["name"]), text(&hello["protocolVersion"])))
    }

    async fn tools(&self) -> Said {
        let list = self.mcp.request("tools/list", &json!({})).await.map_err(explain)?;
        let tools = list["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
        for wanted in ["list_workflows", "get_workflow_details", "validate_file", "wait_for_run"] {
            if !tools.iter().any(|tool| tool["name"] == wanted) {
                return Err(format!("there is no {wanted}"));
            }
        }
        Ok(format!("{} tools", tools.len()))
    }

    async fn list(&mut self) -> Said {
        let mut all: Vec<Value> = Vec::new();
        let mut page = json!({});
        loop {
            let list = self.call("list_workflows", page).await?;
            let entries = list["result"].as_array().cloned().unwrap_or_default();
            page = list["more"]["arguments"].clone();
            let ended = entries.is_empty() || !page.is_object();
            all.extend(entries);
            if ended {
                break;
            }
        }
        let of = |key: &str, wanted: &Option<String>, workflow: &Value| {
            wanted.as_ref().is_none_or(|wanted| workflow[key] == wanted.as_str())
        };
        let mut fitting = all
            .iter()
            .filter(|workflow| of("org_slug", &self.org, workflow) && of("slug", &self.workflow, workflow));
        let Some(chosen) = fitting.next().cloned() else {
            let named = |what: &str, name: &Option<String>| {
                name.as_ref().map(|name| format!(" {what} {name}")).unwrap_or_default()
            };
            return Err(format!(
                "{} workflows, none with{}{}: publish one for MCP, or correct {} and {}",
                all.len(),
                named("organisation", &self.org),
                named("slug", &self.workflow),
                envs::tests::E2E_ORG_SLUG.name,
                envs::tests::E2E_WORKFLOW.name,
            ));
        };
        self.chosen = chosen;
        let text = |key: &str| self.chosen[key].as_str().unwrap_or("?");
        Ok(format!("{} workflows; {} of {}", all.len(), text("slug"), text("org_slug")))
    }

    async fn details(&self) -> Said {
        let details =
            self.call("get_workflow_details", json!({ "workflow_ref": self.chosen["workflow_ref"] })).await?;
        let steps = details["steps"].as_array().map_or(0, Vec::len);
        Ok(format!("{steps} steps, takes {}", details["accepted_extensions"]))
    }

    async fn good(&self) -> Said {
        let (file, judged) = match &self.files.good {
            Some(file) => (file.clone(), true),
            None => (self.sample(), false),
        };
        let run = self.validate(&file).await?;
        let result = run["result"].as_str().unwrap_or("?");
        match result {
            "PASS" => Ok(format!("{} passes", file.0)),
            _ if judged => {
                Err(format!("{} should pass, and the result is {result}{}", file.0, findings(&run)))
            }
            // Nobody said that it should pass: that the run came to its end is what counts.
            "FAIL" => Ok(format!("{} was judged: {result}{}", file.0, findings(&run))),
            _ => Err(format!("the run ended with {result}{}", findings(&run))),
        }
    }

    async fn bad(&self, file: &File) -> Said {
        let run = self.validate(file).await?;
        let result = run["result"].as_str().unwrap_or("?");
        let total = run["overview"]["findings"]["total"].as_u64().unwrap_or(0);
        if result != "FAIL" {
            return Err(format!("{} should fail, and the result is {result}{}", file.0, findings(&run)));
        }
        if total == 0 {
            Err("it failed without findings".to_owned())
        } else {
            Ok(format!("{} fails{}", file.0, findings(&run)))
        }
    }

    /// Starts a run and waits until it is finished.
    async fn validate(&self, (name, content): &File) -> Result<Value, String> {
        let arguments = json!({
            "workflow_ref": self.chosen["workflow_ref"],
            "file_name": name,
            "file_content": STANDARD.encode(content),
        });
        let started = self.call("validate_file", arguments).await?;
        let run_ref = started["run_ref"].as_str().ok_or("the started run has no run_ref")?.to_owned();
        let deadline = Instant::now() + RUN_DEADLINE;
        loop {
            let arguments = json!({ "run_ref": run_ref, "timeout_seconds": WAIT_SECONDS });
            // One wait is longer than the limit of a single request: it is asked for in shorter pieces.
            let run =
                self.call_within("wait_for_run", arguments, Duration::from_secs(WAIT_SECONDS + 15)).await?;
            if run["state"] == "COMPLETED" {
                return Ok(run);
            }
            if Instant::now() > deadline {
                return Err(format!("the run is not finished after {} minutes", RUN_DEADLINE.as_secs() / 60));
            }
        }
    }

    /// Something that the chosen workflow takes.
    fn sample(&self) -> File {
        let types = self.chosen["allowed_file_types"].as_array().cloned().unwrap_or_default();
        let fits = |(kind, _, _): &&(&str, &str, &str)| types.iter().any(|allowed| allowed == *kind);
        let (_, name, content) = SAMPLES.iter().find(fits).unwrap_or(&SAMPLES[0]);
        ((*name).to_owned(), content.as_bytes().to_vec())
    }

    async fn call(&self, tool: &str, arguments: Value) -> Result<Value, String> {
        self.call_within(tool, arguments, crate::commands::client::DEADLINE).await
    }

    async fn call_within(&self, tool: &str, arguments: Value, limit: Duration) -> Result<Value, String> {
        let call = self.mcp.call(tool, arguments, limit).await.map_err(explain)?;
        match call.error() {
            Some((code, message)) => Err(format!("{code}: {message}")),
            None if call.is_error => Err(call.text),
            None => Ok(call.structured),
        }
    }
}

const ANONYMOUS: &str = "refuses who does not sign in";
const HELLO: &str = "signs in";
const TOOLS: &str = "lists the tools";
const LIST: &str = "lists the workflows";
const DETAILS: &str = "reads a workflow";
const GOOD: &str = "validates a file";
const BAD: &str = "finds what is wrong with a bad file";

const STEPS: [&str; 7] = [ANONYMOUS, HELLO, TOOLS, LIST, DETAILS, GOOD, BAD];

/// How many findings a run has, worst first, for a sentence.
fn findings(run: &Value) -> String {
    let total = run["overview"]["findings"]["total"].as_u64().unwrap_or(0);
    let counts = &run["overview"]["findings"]["by_severity"];
    if total == 0 { String::new() } else { format!(", {total} findings {counts}") }
}

/// A failed request, with where to go on.
fn explain(failure: Failure) -> String {
    match failure {
        Failure::Trouble(trouble) => format!("{trouble}; cargo xtask diagnose finds out why"),
        Failure::Rpc(code, message) => format!("JSON-RPC error {code}: {message}"),
        Failure::Http(answer) if answer.status == 401 => format!(
            "401: the server does not accept {}; cargo xtask diagnose --token finds out why",
            envs::tests::E2E_TOKEN.name
        ),
        Failure::Http(answer) => format!("{}; cargo xtask diagnose --token finds out why", answer.describe()),
    }
}
