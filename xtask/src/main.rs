//! `cargo xtask`: parses, finds its surroundings, does one thing, and ends with an exit code that means something.

use std::process::ExitCode;

use clap::Parser as _;
use xtask::cli::{BenchOther, Cli, Env, Task};
use xtask::commands::bench;
use xtask::commands::completions;
use xtask::commands::contract;
use xtask::commands::diagnose;
use xtask::commands::doctor;
use xtask::commands::e2e;
use xtask::commands::env;
use xtask::commands::fuzz;
use xtask::commands::gcp;
use xtask::commands::generate;
use xtask::commands::help;
use xtask::commands::local;
use xtask::commands::self_hosted;
use xtask::commands::soak;
use xtask::commands::test;
use xtask::commands::verify;
use xtask::config::context::Context;
use xtask::config::env::Environment;
use xtask::core::error::{Error, Result};
use xtask::core::exit::Exit;
use xtask::core::interrupt::Interrupts;
use xtask::core::output::{ColorChoice, Printer, Wishes};
use xtask::core::runner::Runner;

fn main() -> ExitCode {
    let environment = Environment::new(std::env::vars_os());
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            let color = ColorChoice::of_arguments(std::env::args().skip(1));
            let wishes = Wishes { color, ..Wishes::default() };
            return explain(&Printer::terminal(&environment, wishes), &usage).into();
        }
    };
    let wishes = Wishes { color: cli.color, verbose: cli.verbose, quiet: cli.quiet };
    let printer = Printer::terminal(&environment, wishes);
    let follows = cli.task.as_ref().is_some_and(Task::runs_until_interrupted);
    let exit = match run(cli, environment, &printer) {
        Ok(exit) => exit,
        // Ctrl-C is how one leaves: nothing is wrong.
        Err(error) if follows && error.exit() == Exit::Interrupted => Exit::Interrupted,
        Err(error) => {
            printer.error(&error);
            error.exit()
        }
    };
    exit.into()
}

fn run(cli: Cli, environment: Environment, printer: &Printer) -> Result<Exit> {
    let here = std::env::current_dir()
        .map_err(|error| Error::failed("the current folder cannot be read").cause(error.to_string()))?;
    let interrupts = Interrupts::install()?;
    let runner = Runner::real(printer.clone(), interrupts);
    let context = Context::new(environment, cli.envs, printer.clone(), runner, &here)?;
    match cli.task {
        None => printer.data(&help::overview(printer.width())),
        Some(Task::Local(task)) => local::run(&context, &task)?,
        Some(Task::SelfHosted(task)) => self_hosted::run(&context, &task)?,
        Some(Task::Env(Env::Explain(args))) => env::explain(&context, &args)?,
        Some(Task::Env(Env::Check(args))) => env::check(&context, &args)?,
        Some(Task::Env(Env::Init(args))) => env::init(&context, &args)?,
        Some(Task::Gcp(task)) => return gcp::gcp(&context, &task),
        Some(Task::Doctor(args)) => return doctor::doctor(&context, &args),
        Some(Task::Diagnose(args)) => return diagnose::diagnose(&context, &args),
        Some(Task::Contract(task)) => return contract::run(&context, &task),
        Some(Task::TestE2e(args)) => return e2e::test(&context, &args),
        Some(Task::Test) => test::test(&context)?,
        Some(Task::Bench(args)) => match &args.other {
            None => bench::server(&context, &args.server)?,
            Some(BenchOther::Gcp(args)) => bench::gcp(&context, args)?,
        },
        Some(Task::Soak(args)) => soak::soak(&context, &args)?,
        Some(Task::Fuzz(args)) => fuzz::fuzz(&context, &args)?,
        Some(Task::Verify) => verify::verify(&context)?,
        Some(Task::Generate(args)) => generate::generate(&context, &args)?,
        Some(Task::Completions(args)) => completions::completions(&context, &args),
        Some(Task::Man(args)) => help::man(&context, &args)?,
        Some(Task::Help(args)) => help::help(&context, &args)?,
    }
    Ok(Exit::Success)
}

/// Help goes to standard output and is a success; a wrong command line is a configuration error.
fn explain(printer: &Printer, usage: &clap::Error) -> Exit {
    if usage.use_stderr() {
        printer.usage_error(&usage.render().ansi().to_string(), &help::meant(usage));
        Exit::Usage
    } else {
        printer.data(&usage.render().ansi().to_string());
        Exit::Success
    }
}
