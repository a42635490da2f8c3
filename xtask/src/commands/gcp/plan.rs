//! A plan: what is there, what will change, and the commands that do it.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value, json};

use crate::core::command::Command;

/// What a command is going to do, and what it found as it should be.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// The command, such as `gcp setup`.
    pub(super) command: &'static str,
    /// Where, such as `dev in project acme, us-central1`.
    pub(super) place: String,
    /// Everything that was looked at, in the order of doing.
    pub(super) items: Vec<Item>,
}

/// One thing.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// The thing, such as `secret mcp-env-dev`.
    pub(super) resource: String,
    /// What is to happen with it.
    pub(super) state: State,
    /// More to know, each a line.
    pub(super) notes: Vec<String>,
    /// The command that does it.
    pub(super) step: Option<Command>,
    /// Steps of one wave may run side by side; a wave begins when the one before it is done.
    pub(super) wave: u8,
}

/// What is to happen with a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// It is as it should be.
    Unchanged,
    /// It is made.
    Create,
    /// It is changed.
    Change,
    /// It is taken away.
    Remove,
    /// It has to wait for something else; the notes say for what.
    Pending,
}

impl Item {
    /// A thing that is as it should be.
    pub(super) fn unchanged(resource: impl Into<String>) -> Self {
        Self { resource: resource.into(), state: State::Unchanged, notes: Vec::new(), step: None, wave: 0 }
    }

    /// A thing that waits.
    pub(super) fn pending(resource: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            resource: resource.into(),
            state: State::Pending,
            notes: vec![why.into()],
            step: None,
            wave: 0,
        }
    }

    /// A thing that a command changes.
    pub(super) fn step(resource: impl Into<String>, state: State, command: Command) -> Self {
        Self { resource: resource.into(), state, notes: Vec::new(), step: Some(command), wave: 0 }
    }

    /// Puts the step into a later wave than the first, 0.
    #[must_use]
    pub(super) fn wave(mut self, wave: u8) -> Self {
        self.wave = wave;
        self
    }

    /// Adds something to know.
    #[must_use]
    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

impl Plan {
    /// The steps, with the thing that each is about.
    pub(super) fn steps(&self) -> impl Iterator<Item = (&Item, &Command)> {
        self.items.iter().filter_map(|item| item.step.as_ref().map(|step| (item, step)))
    }

    /// Whether everything is as it should be.
    pub(super) fn is_empty(&self) -> bool {
        self.steps().next().is_none()
    }

    /// For people: a line for each thing, a sum at the end.
    pub(super) fn render(&self) -> String {
        let mut text = format!("{} {}\n", self.command, self.place);
        for item in &self.items {
            let mark = match item.state {
                State::Unchanged => ' ',
                State::Create => '+',
                State::Change => '~',
                State::Remove => '-',
                State::Pending => '?',
            };
            let _ = writeln!(text, "  {mark} {}", item.resource);
            for note in &item.notes {
                let _ = writeln!(text, "      {note}");
            }
        }
        let count = self.steps().count();
        match count {
            0 => text.push_str("nothing to do"),
            1 => text.push_str("1 change"),
            _ => {
                let _ = write!(text, "{count} changes");
            }
        }
        text
    }

    /// For programs.
    pub(super) fn json(&self, applied: bool) -> Value {
        let items: Vec<Value> = self
            .items
            .iter()
            .map(|item| {
                json!({
                    "resource": item.resource,
                    "state": item.state,
                    "notes": item.notes,
                    "command": item.step.as_ref().map(Command::render),
                })
            })
            .collect();
        json!({
            "schema_version": 1,
            "command": self.command,
            "place": self.place,
            "items": items,
            "changes": self.steps().count(),
            "applied": applied,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_reads_at_a_glance() {
        let plan = Plan {
            command: "gcp setup",
            place: "dev in project acme, us-central1".into(),
            items: vec![
                Item::unchanged("secret mcp-env-dev"),
                Item::step("service account x", State::Create, Command::new("gcloud").arg("create")),
                Item::pending("caller of validibot-web-dev", "the service is not there yet"),
            ],
        };
        expect_test::expect![[r"
            gcp setup dev in project acme, us-central1
                secret mcp-env-dev
              + service account x
              ? caller of validibot-web-dev
                  the service is not there yet
            1 change"]]
        .assert_eq(&plan.render());
        assert_eq!(plan.json(false)["items"][1]["command"], "gcloud create");
    }
}
