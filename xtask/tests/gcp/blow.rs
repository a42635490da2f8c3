//! How a command is struck.

/// What happens at one of the commands that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blow {
    /// gcloud fails, and nothing was done.
    FailsBefore,
    /// gcloud fails, though it was done.
    FailsAfter,
    /// The tool is killed before it is done.
    KilledBefore,
    /// The tool is killed once it is done.
    KilledAfter,
    /// Ctrl-C, once it is done.
    Interrupted,
}

impl Blow {
    pub(crate) const ALL: [Self; 5] =
        [Self::FailsBefore, Self::FailsAfter, Self::KilledBefore, Self::KilledAfter, Self::Interrupted];

    pub(crate) fn kills(self) -> bool {
        matches!(self, Self::KilledBefore | Self::KilledAfter)
    }
}
