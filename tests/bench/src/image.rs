//! The size of the image, as the engine counts it.

use std::path::Path;
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
    let size = |path: &Path| {
        std::fs::metadata(path)
            .map(|file| file.len() as f64 / 1e6)
            .map_err(|error| format!("{}: {error}", path.display()))
    };
    let mut rows = vec![
        Row::new(GROUP, "program", "MB", vec![size(&args.server)?]),
        Row::new(GROUP, "program, with mimalloc", "MB", vec![size(&args.other_allocator)?]),
    ];
    let Some(image) = &args.image else {
        rows.push(Row::missing(GROUP, IMAGE, "no docker engine here"));
        return Ok(rows);
    };
    let mut command = Command::new("docker");
    command.args(["image", "inspect", "--format", "{{.Size}}", image]);
    let output = process::run(&mut command, DEADLINE).await?;
    let size: f64 =
        output.stdout.trim().parse().map_err(|_| format!("docker image inspect: {}", output.stderr))?;
    rows.push(Row::new(GROUP, IMAGE, "MB", vec![size / 1e6]));
    Ok(rows)
}
