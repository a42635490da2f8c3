//! Arguments of `gcp logs`.

use clap::{Args, ValueEnum};

use crate::config::stage::Stage;
use crate::tools::gcloud::Since;

/// Arguments of `gcp logs`.
#[derive(Debug, Args)]
pub struct GcpLogs {
    /// The stage
    pub stage: Stage,

    /// Follow the log until Ctrl-C
    #[arg(long, short)]
    pub follow: bool,

    /// How far back to start: 30s, 15m, 2h, 1d, or a moment such as 2026-11-26T05:00:00Z
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = since)]
    pub since: Since,

    /// Only entries that are at least this severe
    #[arg(long, value_enum)]
    pub severity: Option<Severity>,

    /// Maximum number of entries; the newest are shown
    #[arg(long, value_name = "COUNT", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,

    /// Output each entry as Cloud Logging's JSON, one object per line
    #[arg(long)]
    pub json: bool,
}

/// How severe a log entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Severity {
    /// For debugging
    Debug,
    /// Normal operation
    Info,
    /// Normal but significant
    Notice,
    /// May need attention
    Warning,
    /// Something failed
    Error,
    /// The service is at risk
    Critical,
}

impl Severity {
    /// As Cloud Logging writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Notice => "NOTICE",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
        }
    }
}

fn since(text: &str) -> Result<Since, String> {
    let wrong = || "write 30s, 15m, 2h or 1d, or a moment such as 2026-11-26T05:00:00Z".to_owned();
    if let Some(count) = text.strip_suffix(['s', 'm', 'h', 'd']) {
        return match count.parse::<u32>() {
            Ok(1..) => Ok(Since::Ago(text.to_owned())),
            _ => Err(wrong()),
        };
    }
    // The form of RFC 3339 in UTC; which days a month has, Cloud Logging knows.
    let (date, time) = text.strip_suffix('Z').and_then(|text| text.split_once('T')).ok_or_else(wrong)?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let time = time.split_once('.').map_or(Some(time), |(time, fraction)| digits(fraction).then_some(time));
    let form = |text: &str, mark, widths: [usize; 3]| {
        let parts: Vec<_> = text.split(mark).collect();
        parts.len() == 3 && parts.iter().zip(widths).all(|(part, width)| part.len() == width && digits(part))
    };
    if form(date, '-', [4, 2, 2]) && time.is_some_and(|time| form(time, ':', [2, 2, 2])) {
        return Ok(Since::At(text.to_owned()));
    }
    Err(wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_go_back_to_is_a_duration_or_a_moment() {
        for ago in ["30s", "15m", "2h", "1d"] {
            assert_eq!(since(ago), Ok(Since::Ago(ago.to_owned())));
        }
        for at in ["2026-11-26T05:00:00Z", "2026-11-26T05:00:00.25Z"] {
            assert_eq!(since(at), Ok(Since::At(at.to_owned())));
        }
        for wrong in [
            "",
            "1",
            "h",
            "0h",
            "-1h",
            "1w",
            "yesterday",
            "2026-11-26",
            "2026-11-26T05:00Z",
            "2026-11-26T05:00:00\" OR \"Z",
        ] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}
