//! The size of the image, as the engine counts it.

use std::time::Duration;

use suite::process;
use tokio::process::Command;

use crate::Args;
use crate::stats::Row;

/// The group of these rows.
pub(crate) const GROUP: &str = "Size";
/// The image's row.
pub(crate) const IMAGE: &str = "image";

const DEADLINE: Duration = Duration::from_mins(1);

pub(crate) async fn measure(args: &Args) -> Result<Vec<Row>, String> {
    let server =
        std::fs::metadata(&args.server).map_err(|error| format!("{}: {error}", args.server.display()))?;
    let program = Row::new(GROUP, "program", "MB", vec![server.len() as f64 / 1e6]);
    let Some(image) = &args.image else {
        return Ok(vec![program, Row::missing(GROUP, IMAGE, "no docker engine here")]);
    };
    let mut command = Command::new("docker");
    command.args(["image", "inspect", "--format", "{{.Size}}", image]);
    let output = process::run(&mut command, DEADLINE).await?;
    let size: f64 =
        output.stdout.trim().parse().map_err(|_| format!("docker image inspect: {}", output.stderr))?;
    Ok(vec![program, Row::new(GROUP, IMAGE, "MB", vec![size / 1e6])])
}
