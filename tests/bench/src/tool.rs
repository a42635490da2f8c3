//! What a contributor waits for: the tool's first build, and `cargo xtask --help` once it is built.

use std::time::Duration;

use suite::process;
use tokio::process::Command;
use tokio::time::Instant;

use crate::Args;
use crate::stats::Row;

const GROUP: &str = "The tool";
/// A busy machine takes a minute.
const DEADLINE: Duration = Duration::from_mins(20);
/// One takes a tenth of a second.
const HELPS: usize = 10;

pub(crate) async fn measure(args: &Args) -> Result<Vec<Row>, String> {
    let target = args.out.join("xtask-cold");
    // Nobody has been here before, or it goes now.
    let _ = std::fs::remove_dir_all(&target);
    let mut build = Command::new(&args.cargo);
    build.args(["build", "--quiet", "--locked", "--package", "xtask", "--target-dir"]).arg(&target);
    let cold = time(&mut build).await?;
    let mut help = Vec::new();
    for _ in 0..=HELPS {
        let mut command = Command::new(&args.cargo);
        command
            .args(["run", "--quiet", "--package", "xtask", "--target-dir"])
            .arg(&target)
            .args(["--", "--help"]);
        help.push(time(&mut command).await?.as_secs_f64() * 1e3);
    }
    // The first one is not warm.
    help.remove(0);
    let _ = std::fs::remove_dir_all(&target);
    Ok(vec![
        Row::new(GROUP, "cold build", "s", vec![cold.as_secs_f64()]),
        Row::new(GROUP, "warm --help", "ms", help),
    ])
}

async fn time(command: &mut Command) -> Result<Duration, String> {
    let started = Instant::now();
    let output = process::run(command.current_dir(suite::workspace()), DEADLINE).await?;
    if output.code == Some(0) { Ok(started.elapsed()) } else { Err(output.stderr) }
}
