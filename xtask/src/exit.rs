//! What an exit code means. Scripts and CI rely on these numbers: they never change their meaning.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Success,
    /// Something failed; the message says what.
    Failed,
    /// `plan` only: the live state differs from the wanted one.
    ChangesPending,
    /// The command line or the configuration is wrong (`EX_USAGE` of sysexits.h): trying again cannot help.
    Usage,
    /// Somebody else is at it (`EX_TEMPFAIL` of sysexits.h): trying again later can help.
    Locked,
    /// Ended by Ctrl-C or a signal: 128 + SIGINT, as shells report it.
    Interrupted,
}

impl Exit {
    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failed => 1,
            Self::ChangesPending => 2,
            Self::Usage => 64,
            Self::Locked => 75,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
