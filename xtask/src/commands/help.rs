//! `cargo xtask` alone: the tasks in groups. Also completions and man pages, which clap writes.

use std::fmt::Write as _;
use std::path::Path;

use clap::error::{ContextKind, ContextValue};
use clap::{Command as Clap, CommandFactory as _};

use crate::cli::{Cli, Completions, Man};
use crate::config::context::Context;
use crate::core::error::{Error, Result};

/// The groups of tasks, in the order in which people need them.
const GROUPS: &[(&str, &[&str])] = &[
    ("Run", &["local", "self-hosted"]),
    ("Configure", &["env"]),
    ("Deploy", &["gcp"]),
    ("Inspect", &["doctor", "diagnose", "test-e2e"]),
    ("Develop", &["test", "bench", "soak", "fuzz", "verify", "generate"]),
    ("Help", &["completions", "man"]),
];

/// Every task with its one line, in groups.
pub fn list() -> String {
    let cli = Cli::command();
    let mut text =
        String::from("Deploy and operate Validibot MCP. `cargo xtask <task> --help` explains a task.\n");
    for (title, names) in GROUPS {
        let _ = write!(text, "\n{title}:\n");
        for task in names.iter().filter_map(|name| cli.find_subcommand(name)) {
            if !task.is_subcommand_required_set() {
                // `bench` is also a task without a subcommand.
                row(&mut text, task.get_name(), task);
            }
            if task.has_subcommands() {
                for inner in task.get_subcommands() {
                    row(&mut text, &format!("{} {}", task.get_name(), inner.get_name()), inner);
                }
            }
        }
    }
    text
}

/// The commands that have a subcommand of this unknown name, such as `gcp deploy` for `deploy`.
pub fn meant(usage: &clap::Error) -> Vec<String> {
    let Some(ContextValue::String(name)) = usage.get(ContextKind::InvalidSubcommand) else {
        return Vec::new();
    };
    let cli = Cli::command();
    let holding = cli.get_subcommands().filter(|task| task.find_subcommand(name).is_some());
    holding.map(|task| format!("cargo xtask {} {name}", task.get_name())).collect()
}

/// Prints a completion script.
///
/// Shells complete a program, not a cargo alias: the script is for `alias xtask='cargo xtask'`.
pub fn completions(context: &Context, args: &Completions) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command().bin_name("xtask"), "xtask", &mut script);
    context.printer.data(&String::from_utf8_lossy(&script));
}

/// Writes one man page for each command.
pub fn man(context: &Context, args: &Man) -> Result<()> {
    let failed = |error: std::io::Error| {
        Error::failed(format!("the man pages cannot be written to {}", args.dir.display()))
            .cause(error.to_string())
    };
    std::fs::create_dir_all(&args.dir).map_err(failed)?;
    // A page's name has no blanks, so the program is called by its own name here.
    let mut cli = Cli::command().name("xtask").bin_name("xtask").display_name("xtask");
    cli.build();
    pages(&cli, &args.dir).map_err(failed)?;
    context
        .printer
        .note(&format!("wrote the man pages; read one with: man -l {}/xtask.1", args.dir.display()));
    Ok(())
}

fn row(text: &mut String, name: &str, task: &Clap) {
    let about = task.get_about().map(ToString::to_string).unwrap_or_default();
    let _ = writeln!(text, "  {name:<18} {about}");
}

fn pages(command: &Clap, folder: &Path) -> std::io::Result<()> {
    let page = clap_mangen::Man::new(command.clone());
    let mut text = Vec::new();
    page.render(&mut text)?;
    std::fs::write(folder.join(page.get_filename()), text)?;
    command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set() && inner.get_name() != "help")
        .try_for_each(|inner| pages(inner, folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_in_one_group() {
        let mut grouped: Vec<_> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        let cli = Cli::command();
        let mut tasks: Vec<_> = cli.get_subcommands().map(Clap::get_name).collect();
        grouped.sort_unstable();
        tasks.sort_unstable();
        assert_eq!(grouped, tasks, "add a new task to a group in xtask/src/commands/help.rs");
    }
}
