//! What an exit code means. Scripts and CI rely on these numbers: they never change their meaning.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Success,
    /// Something failed; the message names it.
    Failed,
    /// `plan`: the live state differs from the wanted one. `contract check`: what this server relies on is not there.
    ChangesPending,
    /// `status --check` only: the stage is in maintenance.
    Maintenance,
    /// `status --check` only: a part of the stage does not serve, or cannot go on serving.
    Partial,
    /// `status --check` only: nothing of the stage is deployed.
    NotDeployed,
    /// The command line or the configuration is wrong (`EX_USAGE` of sysexits.h): trying again cannot help.
    Usage,
    /// Another command is in progress (`EX_TEMPFAIL` of sysexits.h): trying again later can help.
    Locked,
    /// `--require-open`: the gate is closed, or its file is missing (`EX_CONFIG` of sysexits.h).
    Closed,
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
            Self::Maintenance => 3,
            Self::Partial => 4,
            Self::NotDeployed => 5,
            Self::Usage => 64,
            Self::Locked => 75,
            Self::Closed => 78,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
