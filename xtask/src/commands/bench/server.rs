//! `bench`: the figures of the server. Builds what is measured as it is shipped, and leaves the measuring to
//! `validibot-bench`, which speaks HTTP.

use std::path::{Path, PathBuf};

use crate::artifact::image::{self, Program, Purpose};
use crate::cli::BenchServer;
use crate::config::context::Context;
use crate::core::command::Command;
use crate::core::error::{Error, Result};
use crate::tools;
use crate::tools::engine;

/// What the measuring starts, and the Debian package that has it.
const NEEDED: [(&str, &str); 3] =
    [("h2load", "nghttp2-client"), ("valgrind", "valgrind"), ("taskset", "util-linux")];

/// The image whose size is told. A name of its own: what runs elsewhere is left alone.
const IMAGE: &str = "validibot-mcp-bench:latest";

/// The feature with which the server has another allocator. Both are in the report, so that what is gained and what it
/// costs stand side by side.
const OTHER_ALLOCATOR: &str = "mimalloc";

/// Where the report goes.
const OUT: &str = "target/bench";

/// The page that keeps the tables.
const PAGE: &str = "docs/performance.md";

/// Measures the server. The gate is not asked: like `test` this is work on the server, and nothing that it starts goes
/// on or can be reached from elsewhere.
pub fn server(context: &Context, args: &BenchServer) -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Err(Error::usage("the benchmark needs Linux")
            .cause("CPU time and memory are read from /proc")
            .hint("run it on a Linux machine with two processors"));
    }
    tools::require(context, &NEEDED)?;
    context.printer.note("compiling the release builds to measure: the first time takes several minutes");
    let baseline = image::compile(context, "validibot-baseline", Purpose::Release)?;
    let other = other_allocator(context)?;
    let server = image::compile(context, Program::Server.name(), Purpose::Release)?;
    let image = if engine::is_usable(context) {
        image::build(context, Program::Server, Purpose::Release, &[IMAGE.to_owned()])?;
        Some(IMAGE)
    } else {
        context.printer.warn("no Docker engine is running: the size of the image is not measured");
        None
    };
    let programs = Programs { server: &server, other_allocator: &other, baseline: &baseline };
    context.runner.show(&measure(context, args, &programs, image))?;
    context.printer.data(&format!("wrote {OUT}/report.md and {OUT}/report.json"));
    Ok(())
}

/// What is measured.
struct Programs<'a> {
    server: &'a Path,
    /// The server with the allocator that is not the default.
    other_allocator: &'a Path,
    baseline: &'a Path,
}

/// Compiles the server with the other allocator, and puts it where the default one does not replace it.
fn other_allocator(context: &Context) -> Result<PathBuf> {
    let name = Program::Server.name();
    let built = image::compile_with(context, name, Purpose::Release, OTHER_ALLOCATOR)?;
    let folder = context.root.join(OUT);
    let kept = folder.join(format!("{name}-{OTHER_ALLOCATOR}"));
    std::fs::create_dir_all(&folder).and_then(|()| std::fs::copy(&built, &kept)).map_err(|error| {
        Error::failed(format!("{} cannot be written", kept.display())).cause(error.to_string())
    })?;
    Ok(kept)
}

fn measure(context: &Context, args: &BenchServer, programs: &Programs<'_>, image: Option<&str>) -> Command {
    let mut command = Command::new(context.cargo())
        .args(["run", "--quiet", "--locked", "--package", "validibot-bench", "--"])
        .arg("--server")
        .arg(programs.server)
        .arg("--other-allocator")
        .arg(programs.other_allocator)
        .arg("--baseline")
        .arg(programs.baseline)
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
