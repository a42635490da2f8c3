//! What a client does, in its order: sign in, look around, validate, wait, read the findings.

use http::header::{ACCEPT, CONTENT_TYPE};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Outcome, Step};
use crate::commands::client::{File, Http, Mcp, Tools, explain};
use crate::config::BaseUrl;

/// What is sent where no file is given: something of each type, which need not pass.
const SAMPLES: [(&str, &str, &str); 4] = [
    ("json", "e2e.json", "{\"name\": \"e2e\"}\n"),
    ("text", "e2e.txt", "e2e\n"),
    ("yaml", "e2e.yaml", "name: e2e\n"),
    ("xml", "e2e.xml", "<e2e/>\n"),
];

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
        let all = Tools::new(&self.mcp).workflows().await?;
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
        let reference = json!({ "workflow_ref": self.chosen["workflow_ref"] });
        let details = Tools::new(&self.mcp).call("get_workflow_details", reference).await?;
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
            "PASS" => Ok(format!("{} passes", file.name)),
            _ if judged => {
                Err(format!("{} should pass, and the result is {result}{}", file.name, findings(&run)))
            }
            // Nobody said that it should pass: that the run came to its end is what counts.
            "FAIL" => Ok(format!("{} was judged: {result}{}", file.name, findings(&run))),
            _ => Err(format!("the run ended with {result}{}", findings(&run))),
        }
    }

    async fn bad(&self, file: &File) -> Said {
        let run = self.validate(file).await?;
        let result = run["result"].as_str().unwrap_or("?");
        let total = run["overview"]["findings"]["total"].as_u64().unwrap_or(0);
        if result != "FAIL" {
            return Err(format!("{} should fail, and the result is {result}{}", file.name, findings(&run)));
        }
        if total == 0 {
            Err("it failed without findings".to_owned())
        } else {
            Ok(format!("{} fails{}", file.name, findings(&run)))
        }
    }

    async fn validate(&self, file: &File) -> Result<Value, String> {
        Tools::new(&self.mcp).validate(&self.chosen["workflow_ref"], file).await
    }

    /// Something that the chosen workflow takes.
    fn sample(&self) -> File {
        let types = self.chosen["allowed_file_types"].as_array().cloned().unwrap_or_default();
        let fits = |(kind, _, _): &&(&str, &str, &str)| types.iter().any(|allowed| allowed == *kind);
        let (_, name, content) = SAMPLES.iter().find(fits).unwrap_or(&SAMPLES[0]);
        File { name: (*name).to_owned(), content: content.as_bytes().to_vec() }
    }
}

const ANONYMOUS: &str = "refuses who does not sign in";
const HELLO: &str = "signs in";
const TOOLS: &str = "lists the tools";
const LIST: &str = "lists the workflows";
const DETAILS: &str = "reads a workflow";
const GOOD: &str = "validates a file";
const BAD: &str = "reports the findings of a bad file";

const STEPS: [&str; 7] = [ANONYMOUS, HELLO, TOOLS, LIST, DETAILS, GOOD, BAD];

/// How many findings a run has, worst first, for a sentence.
fn findings(run: &Value) -> String {
    let total = run["overview"]["findings"]["total"].as_u64().unwrap_or(0);
    let counts = &run["overview"]["findings"]["by_severity"];
    if total == 0 { String::new() } else { format!(", {total} findings {counts}") }
}
