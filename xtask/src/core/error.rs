//! The one error type: what went wrong, why, where that comes from, and what to type next.

use std::fmt;

use crate::core::exit::Exit;

/// Shorthand for what every command returns.
pub type Result<T> = std::result::Result<T, Error>;

/// An error as an operator reads it.
///
/// Built by adding what is known: `Error::usage("…").cause("…").origin("envs/local/.build:3").hint("…")`.
/// No part of it may hold a secret; [`crate::core::secret::Secret`] cannot be formatted, so none gets in by accident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    exit: Exit,
    message: String,
    causes: Vec<String>,
    origin: Option<String>,
    hints: Vec<String>,
}

impl Error {
    /// Something failed (exit code 1).
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// The command line or the configuration is wrong (exit code 64).
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Another command holds the lock (exit code 75).
    pub fn locked(message: impl Into<String>) -> Self {
        Self::new(Exit::Locked, message)
    }

    /// The gate is closed where it has to be open (exit code 78).
    pub fn closed(message: impl Into<String>) -> Self {
        Self::new(Exit::Closed, message)
    }

    /// Ended by a signal (exit code 130).
    pub fn interrupted(message: impl Into<String>) -> Self {
        Self::new(Exit::Interrupted, message)
    }

    fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), causes: Vec::new(), origin: None, hints: Vec::new() }
    }

    /// Adds a reason; several are listed in the order in which they were added.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Adds many reasons, for checks that report everything at once.
    #[must_use]
    pub fn causes(mut self, causes: impl IntoIterator<Item = String>) -> Self {
        self.causes.extend(causes);
        self
    }

    /// Names where the wrong value comes from, such as `envs/local/.build:3`.
    #[must_use]
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }

    /// Adds what to do next, best as a command to type.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Puts before the message what was going on, such as a phase of a deploy.
    #[must_use]
    pub fn during(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// Adds something else that is wrong: its message becomes a reason, and what to do about it is kept.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        let origin = other.origin.map(|origin| format!("from: {origin}"));
        self.causes.extend(std::iter::once(other.message).chain(other.causes).chain(origin));
        self.hints.extend(other.hints);
        self
    }

    /// The reasons so far, for a report that gathers several errors.
    pub fn causes_of(&self) -> &[String] {
        &self.causes
    }

    /// How the program ends because of it.
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for cause in &self.causes {
            for (index, line) in cause.lines().enumerate() {
                write!(f, "\n  {}{line}", if index == 0 { "" } else { "  " })?;
            }
        }
        if let Some(origin) = &self.origin {
            write!(f, "\n  from: {origin}")?;
        }
        for hint in &self.hints {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_reads_from_what_to_why_to_where_to_what_next() {
        let error = Error::usage("ENABLE_MCP_SERVER is not understood")
            .cause("'maybe' is neither on nor off")
            .origin("envs/local/.build:3")
            .hint("write true or false");
        expect_test::expect![[r"
            ENABLE_MCP_SERVER is not understood
              'maybe' is neither on nor off
              from: envs/local/.build:3
            hint: write true or false"]]
        .assert_eq(&error.to_string());
        assert_eq!(error.exit().code(), 64);
    }

    #[test]
    fn two_errors_are_told_as_one() {
        let first = Error::usage("no step 'wep'").hint("write web");
        let second =
            Error::usage("no project").cause("GCP_PROJECT_ID is not set").origin(".gcp").hint("set it");
        expect_test::expect![[r"
            no step 'wep'
              no project
              GCP_PROJECT_ID is not set
              from: .gcp
            hint: write web
            hint: set it"]]
        .assert_eq(&first.and(second).to_string());
    }
}
