//! Questions to the operator.

use std::io::{BufRead as _, IsTerminal as _};
use std::os::fd::AsFd;

use nix::sys::termios::{FlushArg, tcflush};

use crate::core::error::{Error, Result};
use crate::core::output::Printer;
use crate::core::runner::Runner;

/// Asks for confirmation. Without a terminal there is no answer: an error asks for `--yes`.
pub fn confirm(printer: &Printer, runner: &Runner, question: &str) -> Result<bool> {
    let answer = answer(printer, runner, question, "[y/N]")?;
    Ok(matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Asks to type a name: for actions that a quick yes must not start.
pub fn confirm_by_name(printer: &Printer, runner: &Runner, question: &str, name: &str) -> Result<bool> {
    Ok(answer(printer, runner, question, &format!("[type '{name}' to continue]"))? == name)
}

/// Whether there is somebody to ask.
pub fn is_possible(printer: &Printer) -> bool {
    std::io::stdin().is_terminal() && printer.messages_are_on_a_terminal()
}

/// Asks for a value; no answer is an empty one.
pub fn value(printer: &Printer, runner: &Runner, question: &str) -> Result<String> {
    answer(printer, runner, question, "")
}

fn answer(printer: &Printer, runner: &Runner, question: &str, choices: &str) -> Result<String> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::usage(format!("{question} There is no terminal to answer it")).hint("add --yes"));
    }
    // A key that was hit before the plan was shown confirms nothing.
    discard_typed_ahead(std::io::stdin());
    printer.question(format!("{question} {choices}").trim_end());
    let answer = runner.interrupts().receive(|| {
        let mut line = String::new();
        // No answer is a no.
        let _ = std::io::stdin().lock().read_line(&mut line);
        line
    })?;
    Ok(answer.unwrap_or_default().trim().to_owned())
}

/// Throws away what was typed on a terminal and not read yet. What is no terminal stays as it is.
fn discard_typed_ahead(terminal: impl AsFd) {
    let _ = tcflush(terminal, FlushArg::TCIFLUSH);
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{BufReader, Write as _};

    use super::*;

    #[test]
    fn what_was_typed_before_the_question_is_no_answer() {
        let pair = nix::pty::openpty(None, None).unwrap();
        let (mut keyboard, terminal) = (File::from(pair.master), File::from(pair.slave));
        keyboard.write_all(b"y\n").unwrap();
        discard_typed_ahead(&terminal);
        keyboard.write_all(b"n\n").unwrap();
        let mut line = String::new();
        BufReader::new(terminal).read_line(&mut line).unwrap();
        assert_eq!(line, "n\n");
    }
}
