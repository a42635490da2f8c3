//! `validibot-bench`: measures the server in a release build, beside what it is measured against, on processors of
//! their own. `cargo xtask bench` builds the programs and runs it; Linux only, for what it reads in `/proc`.
#![expect(clippy::cast_precision_loss, reason = "counts and times of a measurement are far below 2^52")]

mod calls;
mod contender;
mod image;
mod instructions;
mod load;
mod machine;
mod memory;
mod pinned;
mod report;
mod stack;
mod start;
mod stats;
mod targets;
mod tool;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use self::report::Report;
use self::stack::Stack;

/// Measures the server; writes report.json and report.md
#[derive(Parser)]
struct Args {
    /// The server, as it is shipped
    #[arg(long)]
    server: PathBuf,
    /// The server with mimalloc, built alike
    #[arg(long)]
    other_allocator: PathBuf,
    /// The program `validibot-baseline`, built alike
    #[arg(long)]
    baseline: PathBuf,
    /// Folder of the report, and of what the measured programs write
    #[arg(long)]
    out: PathBuf,
    /// The image whose size is told; without one, that row stays empty
    #[arg(long)]
    image: Option<String>,
    /// The cargo that builds the tool
    #[arg(long, default_value = "cargo")]
    cargo: PathBuf,
    /// A page between whose marks the table is put as well
    #[arg(long)]
    keep: Option<PathBuf>,
    /// How often each figure is taken
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Calls in each round
    #[arg(long, default_value_t = 12_000)]
    calls: usize,
    /// Processor of the measured program
    #[arg(long, default_value_t = 0)]
    core: usize,
    /// Processor of everything else
    #[arg(long, default_value_t = 1)]
    other_core: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match measure(&Args::parse()).await {
        Ok(report) => {
            suite::skip::say(&report.markdown());
            ExitCode::SUCCESS
        }
        Err(reason) => {
            suite::skip::say(&format!("error: {reason}"));
            ExitCode::FAILURE
        }
    }
}

async fn measure(args: &Args) -> Result<Report, String> {
    std::fs::create_dir_all(&args.out).map_err(|error| format!("{}: {error}", args.out.display()))?;
    let stack = Stack::start(args).await?;
    let mut report = Report::new(machine::Machine::look(args.rounds));
    let step = |what: &str| suite::skip::say(&format!("measuring {what}"));
    step("CPU per call");
    report.add(calls::measure(&stack, args).await?);
    step("instructions per call, under callgrind");
    report.add(instructions::measure(&stack).await?);
    step("memory");
    report.add(memory::measure(&stack, args.rounds).await?);
    step("the start");
    report.add(start::measure(&stack, args.rounds).await?);
    step("the tool");
    report.add(tool::measure(args).await?);
    report.add(image::measure(args).await?);
    report.finish();
    report.write(&args.out, args.keep.as_deref())?;
    Ok(report)
}
