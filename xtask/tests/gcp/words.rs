//! What a played gcloud is told.

use serde_json::Value;
use xtask::command::{Command, Stdin};

/// The command's words, with the flags that `--flags-file=-` reads from its input.
pub(crate) fn words(command: &Command) -> Vec<String> {
    let mut words: Vec<String> =
        command.arguments().iter().map(|word| word.to_string_lossy().into_owned()).collect();
    if let (Stdin::Text(text), true) = (command.input(), words.iter().any(|word| word == "--flags-file=-")) {
        let flags: serde_json::Map<String, Value> = serde_json::from_str(text).unwrap();
        words.extend(flags.into_iter().map(|(name, value)| match value {
            Value::String(value) => format!("{name}={value}"),
            _ => name,
        }));
    }
    words
}
