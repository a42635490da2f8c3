//! Questions to the operator.

use std::io::{BufRead as _, IsTerminal as _};

use crate::context::Context;
use crate::error::{Error, Result};

/// Asks for a yes. Without a terminal nobody can answer, so `--yes` is asked for instead.
pub fn confirm(context: &Context, question: &str) -> Result<bool> {
    let answer = answer(context, question, "[y/N]")?;
    Ok(matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Asks to type a name: for what a quick yes must not start.
pub fn confirm_by_name(context: &Context, question: &str, name: &str) -> Result<bool> {
    Ok(answer(context, question, &format!("[type '{name}' to go on]"))? == name)
}

fn answer(context: &Context, question: &str, choices: &str) -> Result<String> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::usage(format!("{question} Nobody is there to answer")).hint("add --yes"));
    }
    context.printer.note(&format!("{question} {choices}"));
    let answer = context.runner.interrupts().receive(|| {
        let mut line = String::new();
        // No answer is a no.
        let _ = std::io::stdin().lock().read_line(&mut line);
        line
    })?;
    Ok(answer.unwrap_or_default().trim().to_owned())
}
