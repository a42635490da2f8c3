//! Into maintenance, or out of it.

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands::gcp) enum Switch {
    /// Into maintenance.
    Close,
    /// Out of it.
    Open,
}
