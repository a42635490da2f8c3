//! Whether a stream gets colours.

use clap::ValueEnum;

use crate::core::environment::Environment;

/// What `--color` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set; elsewhere only with `CLICOLOR_FORCE`
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl ColorChoice {
    /// What a command line says that clap could not parse: its usage error has colours, too.
    pub fn of_arguments(arguments: impl IntoIterator<Item = String>) -> Self {
        let mut arguments = arguments.into_iter();
        let mut choice = Self::default();
        while let Some(argument) = arguments.next() {
            let value = match argument.strip_prefix("--color") {
                Some("") => arguments.next(),
                Some(value) => value.strip_prefix('=').map(str::to_owned),
                None if argument == "--" => return choice,
                None => None,
            };
            choice = value.and_then(|value| Self::from_str(&value, false).ok()).unwrap_or(choice);
        }
        choice
    }

    /// Whether a stream gets colours: the command line before `NO_COLOR` (no-color.org), that before `CLICOLOR_FORCE`
    /// (bixense.com/clicolors), that before what the stream is.
    pub(super) fn decide(self, environment: &Environment, terminal: bool) -> bool {
        let set = |name| environment.get(name).is_some_and(|value| !value.is_empty());
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto if set("NO_COLOR") => false,
            Self::Auto => {
                let forced = set("CLICOLOR_FORCE") && environment.get("CLICOLOR_FORCE") != Some("0");
                forced || (terminal && environment.get("TERM") != Some("dumb"))
            }
        }
    }

    /// The word for other programs, such as cargo.
    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_beats_the_environment_which_beats_the_stream() {
        use ColorChoice::{Always, Auto, Never};
        type Case = (ColorChoice, &'static [(&'static str, &'static str)], bool, bool);
        let cases: [Case; 10] = [
            (Auto, &[], true, true),
            (Auto, &[], false, false),
            (Auto, &[("TERM", "dumb")], true, false),
            (Auto, &[("NO_COLOR", "1")], true, false),
            (Auto, &[("NO_COLOR", "")], true, true),
            (Auto, &[("CLICOLOR_FORCE", "1")], false, true),
            (Auto, &[("CLICOLOR_FORCE", "0")], false, false),
            (Auto, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], true, false),
            (Always, &[("NO_COLOR", "1")], false, true),
            (Never, &[("CLICOLOR_FORCE", "1")], true, false),
        ];
        for (choice, environment, terminal, expected) in cases {
            let environment = environment.iter().copied().collect();
            assert_eq!(choice.decide(&environment, terminal), expected, "{choice:?} {terminal}");
        }
    }

    #[test]
    fn a_command_line_with_mistakes_still_says_it() {
        let of = |line: &str| ColorChoice::of_arguments(line.split(' ').map(str::to_owned));
        assert_eq!(of("lokal --color=always"), ColorChoice::Always);
        assert_eq!(of("--color never lokal"), ColorChoice::Never);
        assert_eq!(of("lokal --color"), ColorChoice::Auto);
        assert_eq!(of("lokal --color=pink --colour=never"), ColorChoice::Auto);
    }
}
