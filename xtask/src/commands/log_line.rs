//! A line of the server's log, which is JSON for machines (`server/src/telemetry/cloud.rs`), in a form for people.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::config::context::Context;
use crate::core::command::Command;
use crate::core::error::Result;
use crate::core::output::Tone;
use crate::core::runner::Said;

/// What stands at the beginning of a line already, or says nothing to a person.
const KNOWN: [&str; 3] = ["message", "severity", "time"];

/// Time, severity, message, fields; a line that is not the server's stays as it is. Compose's name of the container stays in
/// front of it.
pub fn for_people(line: &str) -> String {
    let (name, text) = match line.split_once(" | ") {
        Some((name, text)) if !name.contains(['{', '"']) => (format!("{} | ", name.trim_end()), text),
        _ => (String::new(), line),
    };
    let Ok(Value::Object(entry)) = serde_json::from_str(text) else { return line.to_owned() };
    let text = |field: &str| entry.get(field).and_then(Value::as_str);
    let Some(severity) = text("severity") else { return line.to_owned() };
    let tone = match severity {
        "ERROR" | "CRITICAL" | "ALERT" | "EMERGENCY" => Tone::Bad,
        "WARNING" => Tone::Careful,
        "DEBUG" => Tone::Faint,
        _ => Tone::Good,
    };
    // 2026-12-01T10:00:00.123456Z: the log of a stack that runs here is of today.
    let time = text("time").and_then(|time| time.split_once('T')).map_or("", |(_, time)| time);
    let time = Tone::Faint.paint(time.get(..8).unwrap_or(time));
    let name = Tone::Hint.paint(name);
    format!("{name}{time} {} {}", tone.paint(format!("{severity:<5}")), payload(&entry)).trim_end().to_owned()
}

/// The message, then every other field as `name=value`.
pub fn payload(payload: &Map<String, Value>) -> String {
    let mut line = payload.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
    for (name, value) in payload.iter().filter(|(name, _)| !KNOWN.contains(&name.as_str())) {
        let _ = match value {
            Value::String(text) if !text.is_empty() && !text.contains(char::is_whitespace) => {
                write!(line, " {name}={text}")
            }
            other => write!(line, " {name}={other}"),
        };
    }
    line.trim_start().to_owned()
}

/// Runs a command that shows logs: in a form for people on a terminal, as they are elsewhere.
pub fn show(context: &Context, command: &Command) -> Result<()> {
    if !context.printer.results_are_on_a_terminal() {
        return context.runner.show(command);
    }
    let outcome = context.runner.watch(command, &mut |said| {
        // What compose says on the side is shown where it fails.
        if let Said::Stdout(line) = said {
            context.printer.data(&for_people(&line));
        }
    })?;
    outcome.success_of(command).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::output::plain;

    #[test]
    fn the_server_s_lines_are_for_people_and_others_stay() {
        let line = r#"{"severity":"WARNING","time":"2026-12-01T10:20:30.456789Z","message":"slow","ms":12,"who":"a b"}"#;
        assert_eq!(plain(&for_people(line)), "10:20:30 WARNING slow ms=12 who=\"a b\"");
        assert_eq!(
            plain(&for_people(&format!("mcp-1  | {line}"))),
            "mcp-1 | 10:20:30 WARNING slow ms=12 who=\"a b\""
        );
        for other in ["web serves", "{\"a\":1}", "a | b", "{\"severity\":1}"] {
            assert_eq!(for_people(other), other);
        }
    }
}
