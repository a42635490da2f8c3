//! A repeat deploy of the whole fleet with nothing to do, beside reading the same things one after another.
//!
//! The registry is played by a script: what is timed is gcloud. The MCP server's own row is `gcp deploy`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Project, Row, stage_files, write};
use crate::config::context::Context;
use crate::core::error::{Error, Result};

/// The image's digest is all that is asked of docker.
const DOCKER: &str = "#!/bin/sh\n[ \"$2\" = imagetools ] || exit 125\n\
                      printf '{\"digest\": \"sha256:%064d\"}' 1\n";

const IMAGE: &str = "us-west1-docker.pkg.dev/demo-proj/validibot/validibot-web:bench";

/// Both rows. The first deploy is not timed.
pub(super) fn rows(context: &Context, at_once: usize, folder: &Path) -> Result<Vec<Row>> {
    let files = stage_files(folder)?;
    write(&files.join("dev/google-cloud/.build"), "ENABLE_MCP_SERVER=false\n")?;
    let bin = folder.join("bin");
    let docker = bin.join("docker");
    let made = std::fs::create_dir_all(&bin)
        .and_then(|()| std::fs::write(&docker, DOCKER))
        .and_then(|()| std::fs::set_permissions(&docker, std::fs::Permissions::from_mode(0o755)));
    made.map_err(|error| {
        Error::failed(format!("{} cannot be written", docker.display())).cause(error.to_string())
    })?;
    let project = Project::start(context, folder, &["--application"])?;
    let path = format!("{}:{}", bin.display(), context.environment.get("PATH").unwrap_or_default());
    let deploy = |at_once: usize| {
        let jobs = at_once.to_string();
        let args = ["deploy-all", "dev", "--yes", "--image", IMAGE, "--at-once", &jobs];
        project.own(&files, &args).map(|command| command.env("PATH", path.clone()))
    };
    project.run(deploy(at_once)?)?;
    let name = "gcp deploy-all, repeat";
    Ok(vec![project.timed(name, 1, deploy(1)?)?, project.timed(name, at_once, deploy(at_once)?)?])
}
