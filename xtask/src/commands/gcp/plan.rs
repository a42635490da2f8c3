//! A plan: what is there, what will change, and the commands that do it.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value, json};

use super::scope::Scope;
use crate::core::command::Command;
use crate::core::output::Printer;

/// Version of the JSON. Fields may be added under the same number; anything else raises it.
const SCHEMA_VERSION: u32 = 2;

/// What a command is going to do, and what it found as it should be.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// The command, such as `gcp setup`.
    pub(super) command: &'static str,
    /// Where.
    pub(super) place: Scope,
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
    /// What follows the step, or what the thing waits for: commands that may depend on what is not there yet.
    pub(super) later: Vec<Later>,
    /// Steps of one wave may run side by side; a wave begins when the one before it is done.
    pub(super) wave: u8,
}

/// A command of which not everything is known yet, or that is run only then.
#[derive(Debug, Clone)]
pub(super) struct Later {
    /// When, such as `once it is proven`.
    pub(super) when: String,
    /// The command; what is not known yet stands in it in capital letters.
    pub(super) command: Command,
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
        Self::of(resource, State::Unchanged, None)
    }

    /// A thing that waits.
    pub(super) fn pending(resource: impl Into<String>, why: impl Into<String>) -> Self {
        Self::of(resource, State::Pending, None).note(why)
    }

    /// A thing that a command changes.
    pub(super) fn step(resource: impl Into<String>, state: State, command: Command) -> Self {
        Self::of(resource, state, Some(command))
    }

    fn of(resource: impl Into<String>, state: State, step: Option<Command>) -> Self {
        let (notes, later) = (Vec::new(), Vec::new());
        Self { resource: resource.into(), state, notes, step, later, wave: 0 }
    }

    /// Adds a command that comes after the step, or once what the thing waits for is there.
    #[must_use]
    pub(super) fn then(mut self, when: impl Into<String>, command: Command) -> Self {
        self.later.push(Later { when: when.into(), command });
        self
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
        for (index, item) in self.items.iter().enumerate() {
            let mark = match item.state {
                State::Unchanged => ' ',
                State::Create => '+',
                State::Change => '~',
                State::Remove => '-',
                State::Pending => '?',
            };
            let _ = writeln!(text, "  {mark} {}", item.resource);
            // What several things in a row wait for is told under the last of them.
            let next = self.items.get(index + 1).filter(|next| next.state == State::Pending);
            let same = item.state == State::Pending && next.is_some_and(|next| next.notes == item.notes);
            for note in item.notes.iter().filter(|_| !same) {
                let _ = writeln!(text, "      {note}");
            }
        }
        let waits = self.items.iter().any(|item| item.state == State::Pending);
        let _ = match self.steps().count() {
            0 if waits => write!(text, "nothing to do now: what is marked ? waits"),
            0 => write!(text, "nothing to do"),
            1 => write!(text, "1 change"),
            count => write!(text, "{count} changes"),
        };
        match self.waiting() {
            0 => {}
            more => {
                let _ = write!(text, ", and up to {more} more of what is marked ?");
            }
        }
        text
    }

    /// How many commands wait for what is not there yet.
    fn waiting(&self) -> usize {
        self.items.iter().filter(|item| item.step.is_none()).map(|item| item.later.len()).sum()
    }

    /// Every command, ready to paste; what is run or known only later is marked as such. Empty where there is nothing to do.
    fn script(&self) -> String {
        let mut lines = Vec::new();
        for item in &self.items {
            lines.extend(item.step.iter().map(Command::render));
            let mut said = "";
            for Later { when, command } in &item.later {
                if when != said {
                    lines.push(format!("# {}, {when}:", item.resource));
                    said = when;
                }
                lines.push(command.render());
            }
        }
        lines.join("\n")
    }

    /// Prints [`Plan::script`]: a dry run.
    pub(super) fn show(&self, printer: &Printer) {
        let script = self.script();
        if !script.is_empty() {
            printer.data(&script);
        }
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
                    "later": item.later.iter().map(Later::json).collect::<Vec<_>>(),
                })
            })
            .collect();
        json!({
            "schema_version": SCHEMA_VERSION,
            "command": self.command,
            "place": self.place,
            "items": items,
            "changes": self.steps().count(),
            "waiting": self.waiting(),
            "applied": applied,
        })
    }
}

impl Later {
    fn json(&self) -> Value {
        json!({ "when": self.when, "command": self.command.render() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::stage::{Names, Stage};

    fn place() -> Scope {
        Scope::of(&Names::new("acme", "us-central1", "validibot", "r", Stage::Dev))
    }

    #[test]
    fn a_plan_reads_at_a_glance() {
        let plan = Plan {
            command: "gcp setup",
            place: place(),
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
        let nothing = Plan { items: vec![Item::unchanged("secret mcp-env-dev")], ..plan.clone() };
        assert!(nothing.render().ends_with("\nnothing to do"), "{}", nothing.render());
        let waits = Plan { items: plan.items[2..].to_vec(), ..plan };
        assert!(
            waits.render().ends_with("\nnothing to do now: what is marked ? waits"),
            "{}",
            waits.render()
        );
    }

    #[test]
    fn what_is_known_only_later_is_shown_and_marked() {
        let command = |word: &str| Command::new("gcloud").arg(word);
        let job = |name: &str| {
            Item::pending(name, "with the worker").then("once worker is deployed", command(name))
        };
        let plan = Plan {
            command: "gcp deploy-all",
            place: place().commit("1a2b"),
            items: vec![
                Item::step("service web", State::Create, command("candidate"))
                    .then("once it is proven", command("traffic"))
                    .then("once it is proven", command("served")),
                job("one"),
            ],
        };
        expect_test::expect![[r"
            gcloud candidate
            # service web, once it is proven:
            gcloud traffic
            gcloud served
            # one, once worker is deployed:
            gcloud one"]]
        .assert_eq(&plan.script());
        assert!(
            plan.render().ends_with("\n1 change, and up to 1 more of what is marked ?"),
            "{}",
            plan.render()
        );
        let json = serde_json::to_string_pretty(&plan.json(false)).unwrap();
        expect_test::expect_file!["../../../tests/golden/plan.json"].assert_eq(&(json + "\n"));
    }
}
