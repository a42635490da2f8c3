//! The programs of others that this tool starts, as commands, and what their answers mean.

pub mod compose;
pub mod docker;
pub mod engine;
pub mod gcloud;
pub mod git;

use self::engine::on_path;
use crate::config::context::Context;
use crate::core::error::{Error, Result};

/// Takes each program with the Debian package that has it; an error where one is not on the `PATH`.
pub fn require(context: &Context, programs: &[(&str, &str)]) -> Result<()> {
    let missing: Vec<_> =
        programs.iter().filter(|(program, _)| !on_path(&context.environment, program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<_> = missing.iter().map(|(_, package)| *package).collect();
    Err(Error::usage("programs that this task starts are not installed")
        .causes(missing.iter().map(|(program, package)| format!("{program}, of the package {package}")))
        .hint(format!("on Debian: apt-get install {}", packages.join(" "))))
}
