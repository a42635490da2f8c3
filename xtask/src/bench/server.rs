//! `bench`: the figures of the server. Builds what is measured as it is shipped, and leaves the measuring to
//! `validibot-bench`, which speaks HTTP.

use std::path::Path;

use crate::cli::BenchServer;
use crate::command::Command;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::image::{self, Program, Purpose};
use crate::{engine, tools};

/// What the measuring starts, and the Debian package that has it.
const NEEDED: [(&str, &str); 3] =
    [("h2load", "nghttp2-client"), ("valgrind", "valgrind"), ("taskset", "util-linux")];

/// The image whose size is told. A name of its own: what runs elsewhere is left alone.
const IMAGE: &str = "validibot-mcp-bench:latest";

/// Where the report goes.
const OUT: &str = "target/bench";

/// The page that keeps the tables.
const PAGE: &str = "docs/performance.md";

/// Measures the server. The gate is not asked: like `test` this is work on the server, and nothing that it starts goes
/// on or can be reached from elsewhere.
pub fn server(context: &Context, args: &BenchServer) -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Err(Error::usage("the server is measured on Linux only")
            .cause("CPU time and memory are read from /proc")
            .hint("run it in a Linux machine with two processors"));
    }
    tools::require(context, &NEEDED)?;
    context.printer.note("compiling what is measured, as it is shipped: the first time takes some minutes");
    let baseline = image::compile(context, "validibot-baseline", Purpose::Release)?;
    let server = image::compile(context, Program::Server.name(), Purpose::Release)?;
    let image = if engine::is_usable(context) {
        image::build(context, Program::Server, Purpose::Release, &[IMAGE.to_owned()])?;
        Some(IMAGE)
    } else {
        context.printer.warn("no docker engine here: the size of the image is not measured");
        None
    };
    context.runner.show(&measure(context, args, &server, &baseline, image))?;
    context.printer.data(&format!("wrote {OUT}/report.md and {OUT}/report.json"));
    Ok(())
}

fn measure(
    context: &Context,
    args: &BenchServer,
    server: &Path,
    baseline: &Path,
    image: Option<&str>,
) -> Command {
    let mut command = Command::new(context.cargo())
        .args(["run", "--quiet", "--locked", "--package", "validibot-bench", "--"])
        .arg("--server")
        .arg(server)
        .arg("--baseline")
        .arg(baseline)
        .args(["--cargo", &context.cargo()])
        .args(["--rounds", &args.rounds.to_string(), "--calls", &args.calls.to_string()])
        .arg("--out")
        .arg(context.root.join(OUT))
        .dir(&context.root)
        .no_deadline();
    if let Some(image) = image {
        command = command.args(["--image", image]);
    }
    if args.keep {
        command = command.arg("--keep").arg(context.root.join(PAGE));
    }
    command
}
