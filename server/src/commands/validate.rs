//! `validibot-mcp validate URL --workflow WORKFLOW FILE…`: validates files as an agent does, for a person at a shell.

mod report;

use std::io::Write as _;
use std::process::ExitCode;

use serde_json::Value;

use self::report::report;
use crate::base::clean::Clean;
use crate::base::env::Env;
use crate::cli::{EXIT_USAGE, ValidateArgs};
use crate::commands::client::{Connection, File, Mcp, Tools, connect};
use crate::telemetry;

/// A file that does not pass: not a failure of this program.
const EXIT_FINDINGS: u8 = 2;

/// Exit 0 when every file passes, 2 when one does not, 1 when one could not be validated, 64 when something that it
/// needs is not given.
pub fn run(args: &ValidateArgs, env: &dyn Env) -> ExitCode {
    let (connection, files) = match prepare(args, env) {
        Ok(prepared) => prepared,
        Err(sentence) => {
            telemetry::report(&sentence);
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(validate(args, connection, &files)),
        Err(error) => Err(format!("the runtime could not start: {error}")),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(EXIT_FINDINGS),
        Err(sentence) => {
            telemetry::report(&sentence);
            ExitCode::FAILURE
        }
    }
}

/// Everything that can be wrong here is reported before the first request, and all of it at once.
fn prepare(args: &ValidateArgs, env: &dyn Env) -> Result<(Connection, Vec<File>), String> {
    let mut problems = Vec::new();
    let connection = connect(&args.url, env).map_err(|problem| problems.push(problem)).ok();
    let mut files = Vec::new();
    for path in &args.files {
        match File::read(path) {
            Ok(file) => files.push(file),
            Err(problem) => problems.push(problem),
        }
    }
    connection
        .filter(|_| problems.is_empty())
        .map(|connection| (connection, files))
        .ok_or(problems.join("\n"))
}

/// Whether every file passes.
async fn validate(args: &ValidateArgs, connection: Connection, files: &[File]) -> Result<bool, String> {
    let mcp = Mcp::new(connection.http, connection.base.join("/mcp"), connection.token);
    let tools = Tools::new(&mcp);
    let workflow_ref = choose(&tools.workflows().await?, args)?;
    let mut all_pass = true;
    for file in files {
        let run = tools.validate(&workflow_ref, file).await.map_err(|why| format!("{}: {why}", file.name))?;
        all_pass &= run["result"] == "PASS";
        write(&report(&file.name, &run));
    }
    Ok(all_pass)
}

/// The reference of the workflow that was typed.
fn choose(workflows: &[Value], args: &ValidateArgs) -> Result<Value, String> {
    let typed = args.workflow.as_str();
    let is_meant = |workflow: &&Value| {
        (workflow["workflow_ref"] == typed || workflow["slug"] == typed)
            && args.org.as_ref().is_none_or(|org| workflow["org_slug"] == org.as_str())
    };
    let meant: Vec<_> = workflows.iter().filter(is_meant).collect();
    match meant[..] {
        [one] => Ok(one["workflow_ref"].clone()),
        [] => {
            let known: Vec<_> = workflows.iter().filter_map(|workflow| workflow["slug"].as_str()).collect();
            Err(format!("no workflow {typed} can be seen; these can: {}", known.join(", ")))
        }
        _ => {
            let known: Vec<_> = meant.iter().filter_map(|workflow| workflow["org_slug"].as_str()).collect();
            Err(format!(
                "{} workflows are called {typed}: choose with --org {}",
                meant.len(),
                known.join(" or ")
            ))
        }
    }
}

fn write(text: &str) {
    // A closed pipe is the reader's choice; the exit code still says how it went.
    let _ = std::io::stdout().write_all(Clean(text).to_string().as_bytes());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn args(workflow: &str, org: Option<&str>) -> ValidateArgs {
        ValidateArgs {
            url: String::new(),
            workflow: workflow.to_owned(),
            org: org.map(str::to_owned),
            files: Vec::new(),
        }
    }

    #[test]
    fn a_workflow_is_found_by_slug_or_reference_and_never_guessed() {
        let one = json!({ "workflow_ref": "wf_a", "slug": "energy", "org_slug": "acme" });
        let other = json!({ "workflow_ref": "wf_b", "slug": "energy", "org_slug": "umbrella" });
        let third = json!({ "workflow_ref": "wf_c", "slug": "table", "org_slug": "acme" });
        let all = [one, other, third];
        assert_eq!(choose(&all, &args("table", None)).unwrap(), "wf_c");
        assert_eq!(choose(&all, &args("wf_b", None)).unwrap(), "wf_b");
        assert_eq!(choose(&all, &args("energy", Some("umbrella"))).unwrap(), "wf_b");
        assert_eq!(
            choose(&all, &args("energy", None)).unwrap_err(),
            "2 workflows are called energy: choose with --org acme or umbrella"
        );
        assert_eq!(
            choose(&all, &args("energi", None)).unwrap_err(),
            "no workflow energi can be seen; these can: energy, energy, table"
        );
    }
}
