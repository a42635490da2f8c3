//! Reading Cloud Logging.
//!
//! Never by `gcloud run services logs read`: that one crashes on lines that are JSON, which the server's are.

use super::read;
use crate::config::stage::Names;
use crate::core::command::Command;

/// Since when entries are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// This long ago, as gcloud writes durations: `30s`, `15m`, `2h`, `1d`.
    Ago(String),
    /// This moment, in RFC 3339.
    At(String),
    /// Entries of the last hour that Cloud Logging has received at this moment (RFC 3339) or later. An entry may arrive
    /// after others that are newer; by the time of its arrival none is missed.
    Received(String),
}

/// What the server's revisions have logged, newest first, `limit` entries at most; `more` is a further condition in
/// Cloud Logging's language.
pub fn read_logs(names: &Names, since: &Since, more: Option<&str>, limit: u32) -> Command {
    let mut filter = format!(
        "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"{}\" AND resource.labels.location=\"{}\"",
        names.service(),
        names.region()
    );
    if let Some(more) = more {
        filter = format!("{filter} AND {more}");
    }
    let freshness = match since {
        Since::Ago(duration) => duration.as_str(),
        Since::At(moment) => {
            filter = format!("{filter} AND timestamp>=\"{moment}\"");
            // gcloud drops its default bound if the filter contains a time, but the flag is still required.
            "1d"
        }
        Since::Received(moment) => {
            filter = format!("{filter} AND receiveTimestamp>=\"{moment}\"");
            "1h"
        }
    };
    let (freshness, limit) = (format!("--freshness={freshness}"), format!("--limit={limit}"));
    read(names, ["logging", "read", &filter, &freshness, &limit, "--order=desc"], "json")
}
