//! The emulated APIs, one file each; Cloud Run has its own folder.

pub(crate) mod artifacts;
pub(crate) mod compute;
pub(crate) mod iam;
pub(crate) mod logging;
pub(crate) mod projects;
pub(crate) mod scheduler;
pub(crate) mod secrets;
pub(crate) mod serviceusage;
pub(crate) mod sql;
pub(crate) mod tasks;

/// Whether `text` is a lower-case name: a letter, then letters, digits and hyphens, no hyphen at the end
/// (RFC 1035 section 2.3.1, which most of Google's names follow), of an allowed length.
pub(crate) fn is_name(text: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    lengths.contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}
