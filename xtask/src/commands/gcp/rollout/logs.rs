//! What a revision wrote last, for an error.

use serde_json::Value;

use crate::config::context::Context;
use crate::config::stage::Names;
use crate::core::runner::Streams;
use crate::tools::gcloud::run;

/// Enough to see why a program ended, on one screen.
const COUNT: usize = 12;

/// The last lines, oldest first, under a heading; that there are none is said, too.
pub(super) fn last(context: &Context, names: &Names, revision: &str) -> Vec<String> {
    let command = run::last_lines(names, revision, COUNT);
    // Already on the way to an error: that the lines cannot be read is a remark on it.
    let read = context.runner.run(&command, Streams::Captured);
    let entries = match &read {
        Ok(outcome) if outcome.code == 0 => serde_json::from_str::<Vec<Value>>(&outcome.stdout).ok(),
        _ => None,
    };
    let Some(entries) = entries else {
        return vec![format!("what {revision} wrote could not be read: {}", command.render())];
    };
    let lines: Vec<String> = entries.iter().rev().map(|entry| format!("  {}", line(entry))).collect();
    if lines.is_empty() {
        return vec![format!("{revision} wrote nothing that has arrived in the log")];
    }
    let mut said = vec![format!("{revision} wrote last:")];
    said.extend(lines);
    said
}

fn line(entry: &Value) -> String {
    let json = &entry["jsonPayload"];
    let text = entry["textPayload"].as_str().or_else(|| json["message"].as_str());
    let text = text.map_or_else(|| json.to_string(), str::to_owned);
    match entry["severity"].as_str() {
        Some(severity) if severity != "DEFAULT" => format!("{severity} {text}"),
        _ => text,
    }
}
