//! What can be wrong with an environment's files: the kind, which programs go by, and the sentence, which people read.

use std::fmt;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The kind.
    pub fault: Fault,
    /// The file, with its line where it has one.
    pub place: String,
    /// The variable, where it is one of ours.
    pub variable: Option<&'static str>,
    /// What is wrong, beginning with the variable's name where there is one.
    pub what: String,
}

/// A kind of mistake in an environment's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A line that bash and the server would read differently, or a file that cannot be read.
    Unreadable,
    /// A name that nothing reads.
    Unknown,
    /// A variable in a file from which its readers do not read it.
    Misplaced,
    /// The same name twice in one file.
    SetTwice,
    /// A text of a template in place of a value.
    Placeholder,
    /// An address or a project of the templates, which belongs to nobody.
    Example,
    /// A value that its readers refuse.
    Malformed,
    /// A variable that has to be set, and is not.
    Missing,
    /// A value that has to be the same on both sides, and is not.
    Differs,
    /// A value that both sides need, and only one has.
    OneSided,
}

impl Problem {
    /// One about a variable, or about a name that is none.
    pub(super) fn of(fault: Fault, place: impl fmt::Display, name: &str, what: impl fmt::Display) -> Self {
        let variable = envs::find(name).map(|variable| variable.name);
        Self { fault, place: place.to_string(), variable, what: format!("{name} {what}") }
    }

    /// One about a line that cannot be read: `text` begins with its place.
    pub(super) fn unreadable(text: &str) -> Self {
        let (place, what) = text.split_once(": ").unwrap_or(("the stage's files", text));
        Self { fault: Fault::Unreadable, place: place.to_owned(), variable: None, what: what.to_owned() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl Fault {
    /// As `doctor --json` names it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable-line",
            Self::Unknown => "unknown-variable",
            Self::Misplaced => "misplaced-variable",
            Self::SetTwice => "set-twice",
            Self::Placeholder => "placeholder",
            Self::Example => "example-value",
            Self::Malformed => "malformed-value",
            Self::Missing => "value-missing",
            Self::Differs => "values-differ",
            Self::OneSided => "set-on-one-side",
        }
    }

    /// What follows from it.
    pub const fn consequence(self) -> &'static str {
        match self {
            Self::Unreadable => "bash and the server would read the line differently",
            Self::Unknown => "nothing reads it, so what it should say is not said",
            Self::Misplaced => "the program that needs it does not see it",
            Self::SetTwice => "the last one wins, and the first one misleads",
            Self::Placeholder => "the template's text is no value, and everybody knows it",
            Self::Example => "the address or project of the template belongs to nobody",
            Self::Malformed => "the program that reads it does not start with it",
            Self::Missing => "the program that reads it does not start without it",
            Self::Differs => "Validibot refuses this server, or sends users elsewhere, with the two unequal",
            Self::OneSided => {
                "Validibot and this server need the same value: with one alone, calls or sign-ins are refused"
            }
        }
    }
}
