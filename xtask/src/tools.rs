//! Programs of other people that a task starts: all that are missing are named at once, with the way to install them.

use crate::context::Context;
use crate::engine::on_path;
use crate::error::{Error, Result};

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
