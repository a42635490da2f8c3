//! A repeat deploy with its proof, beside what the recipe does: the same service, by tag, all traffic at once, unproven.

use std::path::Path;

use super::{Project, Row, Spent, stage_files, write};
use crate::artifact::image::{self, Program, Purpose};
use crate::config::context::Context;
use crate::core::command::Command;
use crate::core::error::{Error, Result};
use crate::tools::docker;
use crate::tools::git;

/// What the recipe's service is called here: it must not meet ours.
const RECIPE: &str = "recipe-mcp-dev";

/// Both rows. What comes before the second deploy is not timed.
pub(super) fn rows(context: &Context, at_once: usize, folder: &Path) -> Result<Vec<Row>> {
    let project = Project::start(context, folder, &["--engine", "docker"])?;
    let said = |name: &str| {
        let found = project.environment.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).ok_or_else(|| {
            Error::failed(format!("the emulator did not say {name}"))
                .hint("a deploy is timed with docker and a registry: install docker-registry")
        })
    };
    let (api, registry) = (said("VALIDIBOT_MCP_API_BASE_URL")?, said("GCP_REGISTRY_HOST")?);
    let files = stage_files(folder)?;
    let stage = files.join("dev/google-cloud");
    let gcp = format!("GCP_PROJECT_ID=demo-proj\nGCP_REGION=us-west1\nGCP_REGISTRY_HOST={registry}\n");
    write(&stage.join(".gcp"), &gcp)?;
    let build = format!(
        "ENABLE_MCP_SERVER=true\nVALIDIBOT_MCP_API_BASE_URL={api}\nVALIDIBOT_MCP_BASE_URL=https://mcp.example.com\n"
    );
    write(&stage.join(".build"), &build)?;
    write(&stage.join(".mcp"), "VALIDIBOT_LOG_LEVEL=INFO\n")?;

    let image = format!("{registry}/demo-proj/validibot/validibot-mcp:{}", tag(context)?);
    image::build(context, Program::Server, Purpose::Local, std::slice::from_ref(&image))?;
    let rows = timed(&project, at_once, &files, &api, &image);
    // Its containers hold the image.
    drop(project);
    if let Err(error) = context.runner.read(&Command::new("docker").args(["image", "rm", &image])) {
        context.printer.warn(&format!("the image stays: {error}"));
    }
    rows
}

/// Both deploys of an image that is on this machine.
fn timed(project: &Project<'_>, at_once: usize, files: &Path, api: &str, image: &str) -> Result<Vec<Row>> {
    project.context.runner.read(&docker::push(image))?;
    let jobs = at_once.to_string();
    let deploy = ["deploy", "dev", "--yes", "--allow-dirty", "--at-once", &jobs];
    for args in [&["setup", "dev", "--yes"][..], &["secrets", "dev", "--yes"], &deploy] {
        project.run(project.own(files, args)?)?;
    }
    // Something new to deploy: another version of the secret.
    write(&files.join("dev/google-cloud/.mcp"), "VALIDIBOT_LOG_LEVEL=WARN\n")?;
    project.run(project.own(files, &["secrets", "dev", "--yes"])?)?;
    let ours = project.timed("gcp deploy, proven", at_once, project.own(files, &deploy)?)?;
    let recipe = recipe(project, api, image)?;
    Ok(vec![ours, recipe])
}

/// As `gcp build` tags it.
fn tag(context: &Context) -> Result<String> {
    let short = context.runner.read(&git::short_commit(&context.root))?.stdout.trim().to_owned();
    let dirty = !context.runner.read(&git::status(&context.root))?.stdout.trim().is_empty();
    Ok(if dirty { format!("{short}-dirty") } else { short })
}

/// The recipe's three commands, once to make the service and once timed.
fn recipe(project: &Project<'_>, api: &str, image: &str) -> Result<Row> {
    let run = |args: &[&str]| {
        project.run(Command::new("gcloud").args(args).args(["--region", "us-west1", "--quiet"]).no_deadline())
    };
    let deploy = |level: &str| {
        let env = format!(
            "VALIDIBOT_API_BASE_URL={api},VALIDIBOT_MCP_BASE_URL=https://mcp.example.com,VALIDIBOT_MCP_ENABLED=true,LEVEL={level}"
        );
        run(&[
            "run",
            "deploy",
            RECIPE,
            "--image",
            image,
            "--port=8080",
            "--service-account=validibot-mcp-dev@demo-proj.iam.gserviceaccount.com",
            "--set-secrets=/secrets/.env=mcp-env-dev:latest",
            "--set-env-vars",
            &env,
            "--max-instances=2",
            "--memory=512Mi",
            "--cpu=1",
            "--timeout=300s",
            "--execution-environment=gen2",
            "--allow-unauthenticated",
            "--ingress=all",
        ])
    };
    deploy("1")?;
    let _progress = project.context.printer.progress("the recipe's deploy");
    let spent = Spent::new()?;
    // Whether a load balancer is there: every failure means no to the recipe.
    let _ = run(&["compute", "network-endpoint-groups", "describe", "recipe-neg"]);
    deploy("2")?;
    run(&["run", "services", "describe", RECIPE, "--format=value(status.url)"])?;
    let (processor, seconds) = spent.so_far()?;
    Ok(Row { project: "the recipe's, blind", at_once: 1, programs: 3, gclouds: 3, processor, seconds })
}
