//! `cargo xtask` alone, `cargo xtask help`, and the man pages, which clap writes.

use std::fmt::Write as _;
use std::path::Path;

use clap::error::{ContextKind, ContextValue};
use clap::{Command as Clap, CommandFactory as _};

use crate::cli::{Cli, Help, Man};
use crate::config::context::Context;
use crate::core::error::{Error, Result};
use crate::core::output::{Tone, wrap};

/// How a group is shown in the overview.
enum Shown {
    /// A line for each task, and one with the names of its commands.
    Described,
    /// The names alone: these are for people who know them.
    Named,
}

use Shown::{Described, Named};

/// The groups of tasks, in the order in which people need them.
const GROUPS: &[(&str, Shown, &[&str])] = &[
    ("Run", Described, &["local", "self-hosted"]),
    ("Configure", Described, &["env"]),
    ("Deploy", Described, &["gcp"]),
    ("Inspect", Described, &["doctor", "diagnose", "test-e2e"]),
    ("Develop", Named, &["test", "bench", "soak", "fuzz", "verify", "contract", "generate"]),
    ("Help", Named, &["help", "completions", "man"]),
];

/// Where the text behind the names begins in the overview.
const OVERVIEW_COLUMN: usize = 13;

/// The same in the list of all commands: the longest is `self-hosted restart`.
const LIST_COLUMN: usize = 21;

/// The tasks in groups, on one screen.
pub fn overview(width: usize) -> String {
    let cli = Cli::command();
    let mut text = String::from("Run and deploy Validibot MCP.\n\n");
    for (title, shown, names) in GROUPS {
        let _ = writeln!(text, "{}", Tone::Good.paint(format!("{title}:")));
        if matches!(shown, Named) {
            let _ = writeln!(text, "  {}", Tone::Hint.paint(names.join(", ")));
            continue;
        }
        for task in names.iter().filter_map(|name| cli.find_subcommand(name)) {
            row(&mut text, task.get_name(), &about(task), OVERVIEW_COLUMN, width);
            let inner: Vec<_> = task.get_subcommands().map(Clap::get_name).collect();
            if !inner.is_empty() {
                row(&mut text, "", &inner.join(", "), OVERVIEW_COLUMN, width);
            }
        }
    }
    text.push_str(
        "\nEach command in one line: cargo xtask help all\nA command's help: cargo xtask help <command>\n",
    );
    text
}

/// Every command with its one line, in groups.
pub fn all(width: usize) -> String {
    let cli = Cli::command();
    let mut text = String::from("A command's help: cargo xtask <command> --help\n");
    for (title, _, names) in GROUPS {
        let _ = write!(text, "\n{}\n", Tone::Good.paint(format!("{title}:")));
        for task in names.iter().filter_map(|name| cli.find_subcommand(name)) {
            if !task.is_subcommand_required_set() {
                // `bench` is also a task without a subcommand.
                row(&mut text, task.get_name(), &about(task), LIST_COLUMN, width);
            }
            for inner in task.get_subcommands() {
                let name = format!("{} {}", task.get_name(), inner.get_name());
                row(&mut text, &name, &about(inner), LIST_COLUMN, width);
            }
        }
    }
    text
}

/// Answers `cargo xtask help …`.
pub fn help(context: &Context, args: &Help) -> Result<()> {
    let width = context.printer.width();
    let words: Vec<&str> = args.words.iter().map(String::as_str).collect();
    let text = match words[..] {
        [] => overview(width),
        ["all"] => all(width),
        _ => of(&words, width)?,
    };
    context.printer.data(&text);
    Ok(())
}

/// A command's own help.
fn of(words: &[&str], width: usize) -> Result<String> {
    let mut cli = Cli::command().term_width(width);
    cli.build();
    let command = words.iter().try_fold(&cli, |command, word| command.find_subcommand(word));
    let command = command.ok_or_else(|| {
        Error::usage(format!("there is no command '{}'", words.join(" ")))
            .hint("each command in one line: cargo xtask help all")
    })?;
    Ok(command.clone().render_long_help().ansi().to_string())
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

fn about(task: &Clap) -> String {
    task.get_about().map(ToString::to_string).unwrap_or_default()
}

/// A name and its text, which is wrapped below itself.
fn row(text: &mut String, name: &str, about: &str, column: usize, width: usize) {
    let wrapped = wrap(about, width.saturating_sub(column + 2).max(20));
    let name = format!("{name:<column$}");
    let _ = write!(text, "  {}", if name.trim().is_empty() { name } else { Tone::Hint.paint(name) });
    for (index, line) in wrapped.lines().enumerate() {
        let indent = if index == 0 { 0 } else { column + 2 };
        let _ = writeln!(text, "{:indent$}{}", "", line.trim_start());
    }
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
    use crate::core::output::columns;

    #[test]
    fn every_task_is_in_one_group() {
        let mut grouped: Vec<_> = GROUPS.iter().flat_map(|(_, _, names)| names.iter().copied()).collect();
        let cli = Cli::command();
        let mut tasks: Vec<_> = cli.get_subcommands().map(Clap::get_name).collect();
        grouped.sort_unstable();
        tasks.sort_unstable();
        assert_eq!(grouped, tasks, "add a new task to a group in xtask/src/commands/help.rs");
    }

    #[test]
    fn the_overview_fits_on_a_terminal_of_80_columns_and_30_rows() {
        for width in [80, 100] {
            let text = overview(width);
            assert!(text.lines().count() <= 30, "{} rows\n{text}", text.lines().count());
            for line in text.lines().chain(all(width).lines()) {
                assert!(columns(line) <= width, "{} columns: {line}", columns(line));
            }
        }
    }

    #[test]
    fn no_name_reaches_the_text_behind_it() {
        let plain = all(100);
        for line in plain.lines().filter(|line| line.starts_with("  \u{1b}")) {
            let behind = line.split_once("\u{1b}[0m").map(|(_, behind)| behind).unwrap_or_default();
            assert!(behind.starts_with("  "), "{line}");
        }
    }

    #[test]
    fn a_command_s_help_is_found_by_its_words_and_by_its_other_names() {
        let up = of(&["local", "up"], 100).unwrap();
        assert!(up.contains("--mcp-port"), "{up}");
        assert_eq!(of(&["local", "start"], 100).unwrap(), up);
        let error = of(&["local", "upp"], 100).unwrap_err();
        assert_eq!(error.exit().code(), 64);
    }
}
