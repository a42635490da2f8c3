//! A command is data: built by pure functions, shown in plans, executed by the runner, compared in tests.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::core::secret::Secret;

/// How long a command may take where its builder says nothing: long enough for a slow `gcloud` read on a bad
/// line, short enough that a hanging one is noticed while somebody is still watching.
pub const DEFAULT_DEADLINE: Duration = Duration::from_mins(2);

/// A program to start, with everything that decides what it does.
///
/// Arguments are plain text only: a secret can be given by environment or standard input, never in argv, where
/// every user of the machine can read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(String, EnvValue)>,
    stdin: Stdin,
    dir: Option<PathBuf>,
    deadline: Option<Duration>,
    effect: Effect,
}

/// The value of an environment variable that a command is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvValue {
    /// May be shown.
    Plain(String),
    /// Must not be shown.
    Secret(Secret),
    /// The variable is taken away from the child.
    Removed,
}

/// What a command reads from its standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stdin {
    /// Nothing.
    Null,
    /// Text that may be shown.
    Text(String),
    /// A secret, shown in plans as coming from `from`, a path or a description.
    Secret {
        /// What is written to the child.
        content: Secret,
        /// What a plan shows instead.
        from: String,
    },
}

/// Whether a command changes anything. A dry run executes what only reads, and shows the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It only reads.
    Reads,
    /// It changes something.
    Changes,
}

impl Command {
    /// A command that changes something, until [`Command::reads`] says otherwise: the safe assumption.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            stdin: Stdin::Null,
            dir: None,
            deadline: Some(DEFAULT_DEADLINE),
            effect: Effect::Changes,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable that may be shown.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), EnvValue::Plain(value.into())));
        self
    }

    /// Sets a variable that must not be shown.
    #[must_use]
    pub fn env_secret(mut self, name: &str, value: Secret) -> Self {
        self.env.push((name.to_owned(), EnvValue::Secret(value)));
        self
    }

    /// Keeps a variable of our own environment from the child.
    #[must_use]
    pub fn env_remove(mut self, name: &str) -> Self {
        self.env.push((name.to_owned(), EnvValue::Removed));
        self
    }

    /// Gives a text on standard input; plans show it whole.
    #[must_use]
    pub fn stdin_text(mut self, text: impl Into<String>) -> Self {
        self.stdin = Stdin::Text(text.into());
        self
    }

    /// Gives a secret on standard input; plans show `from`, such as the path of the file it was read from.
    #[must_use]
    pub fn stdin_secret(mut self, content: Secret, from: impl Into<String>) -> Self {
        self.stdin = Stdin::Secret { content, from: from.into() };
        self
    }

    /// Runs in this folder.
    #[must_use]
    pub fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.dir = Some(dir.as_ref().to_owned());
        self
    }

    /// May take this long, then it is ended with its children.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// May take as long as it likes: builds, test runs and log streams.
    #[must_use]
    pub fn no_deadline(mut self) -> Self {
        self.deadline = None;
        self
    }

    /// Declares that the command only reads.
    #[must_use]
    pub fn reads(mut self) -> Self {
        self.effect = Effect::Reads;
        self
    }

    /// The program.
    pub fn program(&self) -> &OsStr {
        &self.program
    }

    /// The program's name without its folder, for messages.
    pub fn name(&self) -> String {
        Path::new(&self.program).file_name().unwrap_or(&self.program).to_string_lossy().into_owned()
    }

    /// The arguments.
    pub fn arguments(&self) -> &[OsString] {
        &self.args
    }

    /// The variables that differ from our own environment.
    pub fn environment(&self) -> &[(String, EnvValue)] {
        &self.env
    }

    /// The standard input.
    pub fn input(&self) -> &Stdin {
        &self.stdin
    }

    /// The folder to run in; `None` for ours.
    pub fn folder(&self) -> Option<&Path> {
        self.dir.as_deref()
    }

    /// The time it may take; `None` for any.
    pub fn time_limit(&self) -> Option<Duration> {
        self.deadline
    }

    /// Whether it changes anything.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// What a POSIX shell does the same with, in one line but for a text on standard input; secrets are left to the
    /// reader's own environment.
    pub fn render(&self) -> String {
        let mut line = String::new();
        if let Some(dir) = &self.dir {
            let _ = write!(line, "cd {} && ", quote(&dir.to_string_lossy()));
        }
        let removed: Vec<_> = self.env.iter().filter(|(_, value)| *value == EnvValue::Removed).collect();
        if !removed.is_empty() {
            line.push_str("env ");
            for (name, _) in removed {
                let _ = write!(line, "-u {name} ");
            }
        }
        for (name, value) in &self.env {
            let _ = match value {
                EnvValue::Plain(value) => write!(line, "{name}={} ", quote(value)),
                EnvValue::Secret(_) => write!(line, "{name}=\"${name}\" "),
                EnvValue::Removed => Ok(()),
            };
        }
        line.push_str(&quote(&self.program.to_string_lossy()));
        for arg in &self.args {
            let _ = write!(line, " {}", quote(&arg.to_string_lossy()));
        }
        match &self.stdin {
            Stdin::Null => {}
            // Quoted, so that the shell does not interpret any character.
            Stdin::Text(text) => {
                let _ = write!(line, " <<'END'\n{}\nEND", text.trim_end());
            }
            Stdin::Secret { from, .. } => {
                let _ = write!(line, " < {}", quote(from));
            }
        }
        line
    }
}

/// Quotes a word for a POSIX shell, only where it needs it.
pub fn quote(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:,@%+=".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_renders_as_a_line_to_paste_without_its_secrets() {
        let command = Command::new("gcloud")
            .args(["secrets", "versions", "add", "mcp-env", "--data-file=-"])
            .arg("--display-name=it's ours")
            .env("CLOUDSDK_CORE_DISABLE_PROMPTS", "1")
            .env_secret("TOKEN", Secret::new("hush"))
            .env_remove("PYTHONPATH")
            .stdin_secret(Secret::new("hush"), "envs/dev/google-cloud/.mcp")
            .dir("/tmp/a b");
        assert_eq!(
            command.render(),
            "cd '/tmp/a b' && env -u PYTHONPATH CLOUDSDK_CORE_DISABLE_PROMPTS=1 TOKEN=\"$TOKEN\" gcloud secrets versions add \
             mcp-env --data-file=- '--display-name=it'\\''s ours' < envs/dev/google-cloud/.mcp"
        );
        assert!(!format!("{command:?}").contains("hush"));
    }

    #[test]
    fn the_shell_reads_back_what_was_quoted() {
        for word in ["", "a b", "$HOME", "it's", "`id`", "a\nb", "*", "~", "plain-1.2/x:y"] {
            let script = format!("printf %s {}", quote(word));
            let output = std::process::Command::new("sh").arg("-c").arg(&script).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
        }
    }
}
