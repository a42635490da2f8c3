//! What can be wrong with an environment's files: as a value for programs, and as a sentence for people.

use std::fmt;

use envs::file::LineError;

use crate::config::env::{Location, Origin, Unreadable};
use crate::config::stage::Target;

/// One problem: where, which variable, and of which kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, with its line where it has one.
    pub place: Origin,
    /// The variable as it is written there; `None` for a line without one.
    pub name: Option<String>,
    /// The kind, with what it depends on.
    pub fault: Fault,
}

/// A kind of mistake in an environment's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A line that bash and the server would read differently, or a file that cannot be read: the reason.
    Unreadable(String),
    /// A name that no program reads, and the one that was probably meant.
    Unknown(Option<&'static str>),
    /// A variable in a file from which its readers do not read it, and the files from which they do.
    Misplaced(Vec<&'static str>),
    /// The same name twice in one file: the number of the line that wins.
    SetTwice(usize),
    /// A template's text in place of a value.
    Placeholder,
    /// An address or a project of the templates, which belongs to nobody.
    Example,
    /// A value that its readers refuse: the reason.
    Malformed(String),
    /// A variable that has to be set, and is not: what it is for.
    Missing(&'static str),
    /// A file that is used as a whole, and does not exist: whose it is.
    NoFile(Target),
    /// A value that differs from the application's, which has it under this name at this place.
    Differs(String, Location),
    /// A value that the application also needs, under this name in this file. Without it, it uses its default.
    OnlyHere {
        /// The application's name for it.
        theirs: &'static str,
        /// The application's file.
        file: Location,
        /// What the application uses in its place.
        default: Option<&'static str>,
    },
    /// A value of the application's that this server needs, too, as this variable.
    OnlyThere(&'static str),
}

impl Problem {
    /// About a variable, or a name that no variable has.
    pub(super) fn of(fault: Fault, place: impl Into<Origin>, name: &str) -> Self {
        Self { place: place.into(), name: Some(name.to_owned()), fault }
    }

    /// Everything that makes a file unreadable.
    pub(super) fn unreadable(path: &std::path::Path, unreadable: Unreadable) -> Vec<Self> {
        let line = |error: &LineError| Self {
            place: Location::line(path, error.line).into(),
            name: error.key.clone(),
            fault: Fault::Unreadable(error.problem.to_owned()),
        };
        match unreadable {
            Unreadable::File(why) => {
                vec![Self { place: Location::file(path).into(), name: None, fault: Fault::Unreadable(why) }]
            }
            Unreadable::Lines(errors) => errors.iter().map(line).collect(),
        }
    }

    /// The variable, where it is one of ours.
    pub fn variable(&self) -> Option<&'static str> {
        self.name.as_deref().and_then(envs::find).map(|variable| variable.name)
    }

    /// What is wrong, beginning with the variable's name where there is one, without the place.
    pub fn sentence(&self) -> String {
        match (&self.name, &self.fault) {
            (Some(name), Fault::Unreadable(why)) => format!("{name}: {why}"),
            (Some(name), fault) => format!("{name} {fault}"),
            (None, fault) => fault.to_string(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.sentence())
    }
}

/// As it follows the variable's name.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) | Self::Malformed(why) => f.write_str(why),
            Self::Unknown(Some(meant)) => write!(f, "is unknown: did you mean {meant}?"),
            Self::Unknown(None) => f.write_str("is unknown: no program reads it"),
            Self::Misplaced(homes) if homes.is_empty() => {
                f.write_str("is not read from here, but from the process environment")
            }
            Self::Misplaced(homes) => write!(f, "is not read from here, but from {}", homes.join(" or ")),
            Self::SetTwice(winner) => write!(f, "is set again in line {winner}, which wins: remove one"),
            Self::Placeholder => f.write_str("still holds the template's placeholder"),
            Self::Example => f.write_str("still holds the template's example: set your own value"),
            Self::Missing(what_for) => write!(f, "is missing: {what_for}"),
            Self::NoFile(target) => {
                write!(f, "does not exist; write it from its template: cargo xtask env init {target}")
            }
            Self::Differs(theirs, place) => {
                write!(f, "differs from {theirs} in {place}; they must be equal byte for byte")
            }
            Self::OnlyHere { theirs, file, default } => {
                write!(f, "is set, and {theirs} is not in {file}, where Validibot ")?;
                match default {
                    Some(default) => write!(f, "uses {default} instead"),
                    None => f.write_str("needs the same value"),
                }
            }
            Self::OnlyThere(ours) => {
                write!(f, "is set there, and {ours} is not set here: users cannot sign in")
            }
        }
    }
}

impl Fault {
    /// As `doctor --json` names it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable-line",
            Self::Unknown(_) => "unknown-variable",
            Self::Misplaced(_) => "misplaced-variable",
            Self::SetTwice(_) => "set-twice",
            Self::Placeholder => "placeholder",
            Self::Example => "example-value",
            Self::Malformed(_) => "malformed-value",
            Self::Missing(_) => "value-missing",
            Self::NoFile(_) => "file-missing",
            Self::Differs(..) => "values-differ",
            Self::OnlyHere { .. } | Self::OnlyThere(_) => "set-on-one-side",
        }
    }

    /// What follows from it.
    pub const fn consequence(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "bash and the server would read the line differently",
            Self::Unknown(_) => "no program reads it, so it has no effect",
            Self::Misplaced(_) => "the program that needs it does not see it",
            Self::SetTwice(_) => "the last one wins, and the first one misleads",
            Self::Placeholder => "the template's text is not a value, and it is public",
            Self::Example => "the address or project of the template belongs to nobody",
            Self::Malformed(_) => "the program that reads it does not start with it",
            Self::Missing(_) => "the program that reads it does not start without it",
            Self::NoFile(_) => "its settings cannot be uploaded, so the server has none of them",
            Self::Differs(..) => {
                "while the two differ, Validibot refuses this server or sends users elsewhere"
            }
            Self::OnlyHere { .. } | Self::OnlyThere(_) => {
                "Validibot and this server need the same value: with one alone, calls or sign-ins are refused"
            }
        }
    }
}
