//! Questions to the operator.

use std::io::{BufRead as _, IsTerminal as _};

use crate::context::Context;
use crate::error::{Error, Result};

/// Asks for a yes. Without a terminal nobody can answer, so `--yes` is asked for instead.
pub fn confirm(context: &Context, question: &str) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::usage(format!("{question} Nobody is there to answer")).hint("add --yes"));
    }
    context.printer.note(&format!("{question} [y/N]"));
    let answer = context.runner.interrupts().receive(|| {
        let mut line = String::new();
        // No answer is a no.
        let _ = std::io::stdin().lock().read_line(&mut line);
        line
    })?;
    let answer = answer.unwrap_or_default();
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
