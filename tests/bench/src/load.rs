//! The load generator: h2load of nghttp2, over HTTP/1.1 with connections that stay open.

use std::path::PathBuf;
use std::time::Duration;

use suite::process;
use tokio::process::Command;

use crate::contender::Contender;
use crate::stats::quantile;

/// A call under callgrind takes ten milliseconds; the slowest run has some thousands.
const DEADLINE: Duration = Duration::from_mins(10);

/// What is sent, and how much of it.
pub(crate) struct Load<'a> {
    pub(crate) contender: Contender,
    pub(crate) url: String,
    pub(crate) token: &'a str,
    /// A file with the body.
    pub(crate) body: PathBuf,
    pub(crate) calls: usize,
    pub(crate) connections: usize,
    /// Where the generator runs.
    pub(crate) core: usize,
    /// A file for its list of calls.
    pub(crate) log: PathBuf,
}

/// What came of it.
pub(crate) struct Answered {
    /// Calls in a second.
    pub(crate) rate: f64,
    /// Milliseconds, the half of the calls that was faster.
    pub(crate) p50: f64,
    /// Milliseconds, all but one of a hundred.
    pub(crate) p99: f64,
}

impl Load<'_> {
    /// Sends it all; an error unless each call was answered with 200.
    pub(crate) async fn run(&self) -> Result<Answered, String> {
        // It appends.
        let _ = std::fs::remove_file(&self.log);
        let mut command = Command::new("taskset");
        command
            .args(["--cpu-list", &self.core.to_string(), "h2load", "--h1"])
            .args(["--requests", &self.calls.to_string(), "--clients", &self.connections.to_string()])
            .arg("--data")
            .arg(&self.body)
            .arg(format!("--log-file={}", self.log.display()));
        for (name, value) in self.contender.headers() {
            command.arg("--header").arg(format!("{name}: {value}"));
        }
        if self.contender.is_ours() {
            // The sandbox's tokens are nobody's secrets.
            command.arg("--header").arg(format!("authorization: Bearer {}", self.token));
        }
        let output = process::run(command.arg(&self.url), DEADLINE).await?;
        if output.code != Some(0) {
            return Err(format!("h2load failed: {}{}", output.stdout, output.stderr));
        }
        let log =
            std::fs::read_to_string(&self.log).map_err(|error| format!("{}: {error}", self.log.display()))?;
        read(&log, self.calls)
    }
}

/// Reads h2load's log: start in microseconds since the epoch, status, duration in microseconds; one call a line.
fn read(log: &str, calls: usize) -> Result<Answered, String> {
    let mut durations = Vec::with_capacity(calls);
    let (mut first, mut last) = (f64::MAX, f64::MIN);
    for line in log.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [start, "200", duration] = fields[..] else {
            return Err(format!("a call was not answered with 200: {line}"));
        };
        let number =
            |text: &str| text.parse::<f64>().map_err(|_| format!("h2load's log is not understood: {line}"));
        let (start, duration) = (number(start)?, number(duration)?);
        first = first.min(start);
        last = last.max(start + duration);
        durations.push(duration);
    }
    if durations.len() != calls {
        return Err(format!("{} of {calls} calls were answered", durations.len()));
    }
    durations.sort_by(f64::total_cmp);
    let milliseconds = |part| quantile(&durations, part) / 1000.0;
    Ok(Answered {
        rate: calls as f64 / (last - first) * 1e6,
        p50: milliseconds(0.5),
        p99: milliseconds(0.99),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generators_log_is_read_and_a_failure_is_not_overlooked() {
        let answered = read("1000000\t200\t500000\n1500000\t200\t1500000\n", 2).expect("good");
        assert!((answered.rate - 1.0).abs() < 1e-9 && (answered.p99 - 1500.0).abs() < 1e-9);
        assert!(read("1000000\t503\t500\n", 1).is_err());
        assert!(read("1000000\t200\t500\n", 2).is_err());
    }
}
