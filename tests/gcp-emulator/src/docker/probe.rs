//! The startup probe: whether a container has come up
//! (<https://cloud.google.com/run/docs/configuring/healthchecks>).

use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

/// A probe as declared, with Cloud Run's defaults.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Probe {
    /// The path to get; `None` is a TCP probe, which wants a listener and nothing more.
    path: Option<String>,
    initial_delay: Duration,
    period: Duration,
    timeout: Duration,
    failures: u64,
}

impl Probe {
    /// Reads `startupProbe`.
    pub(super) fn read(declared: &Value) -> Self {
        let number = |name: &str, otherwise| declared[name].as_u64().unwrap_or(otherwise);
        let seconds = |name: &str, otherwise| Duration::from_secs(number(name, otherwise));
        let http = &declared["httpGet"];
        let path = http.is_object().then(|| http["path"].as_str().unwrap_or("/").to_owned());
        if declared.is_null() {
            // One TCP probe of four minutes.
            let long = Duration::from_mins(4);
            return Self { path, initial_delay: Duration::ZERO, period: long, timeout: long, failures: 1 };
        }
        Self {
            path,
            initial_delay: seconds("initialDelaySeconds", 0),
            period: seconds("periodSeconds", 10),
            timeout: seconds("timeoutSeconds", 1),
            failures: number("failureThreshold", 3),
        }
    }

    /// Asks until it passes, or has failed as often as is allowed; then says so in Cloud Run's words.
    pub(super) async fn wait(&self, container: &str, port: u16, shown: u16) -> Result<(), String> {
        sleep(self.initial_delay).await;
        let mut last = String::new();
        for _ in 0..self.failures {
            let next = Instant::now() + self.period;
            match self.attempt(port, next).await {
                Ok(()) => return Ok(()),
                Err(why) => last = why,
            }
            sleep_until(next).await;
        }
        let (kind, path) = match &self.path {
            Some(path) => ("HTTP", format!(" path \"{path}\"")),
            None => ("TCP", String::new()),
        };
        let times = self.failures;
        Err(format!(
            "STARTUP {kind} probe failed {times} times consecutively for container \"{container}\" on port \
             {shown}{path}. The instance was not started. {last}"
        ))
    }

    /// One attempt. A container that does not listen yet is given the period to do so: the allowance as a whole is
    /// the same, and nobody waits a period for a container that was up in the middle of it.
    async fn attempt(&self, port: u16, deadline: Instant) -> Result<(), String> {
        let connected = timeout_at(deadline, async {
            loop {
                match TcpStream::connect(("127.0.0.1", port)).await {
                    Ok(stream) => break stream,
                    Err(_) => sleep(Duration::from_millis(20)).await,
                }
            }
        });
        let stream = connected.await.map_err(|_| "Nothing listens there.".to_owned())?;
        let Some(path) = &self.path else { return Ok(()) };
        let status = timeout(self.timeout, get(stream, port, path)).await;
        match status {
            Ok(Some(status)) if (200..400).contains(&status) => Ok(()),
            Ok(Some(status)) => Err(format!("It answered with status {status}.")),
            Ok(None) => Err("Its answer was no HTTP.".to_owned()),
            Err(_) => Err(format!("No answer came within {} s.", self.timeout.as_secs())),
        }
    }
}

/// The status of one GET.
async fn get(stream: TcpStream, port: u16, path: &str) -> Option<u16> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    let host = format!("127.0.0.1:{port}");
    let request = Request::get(path).header(header::HOST, host).body(Empty::<Bytes>::new()).ok()?;
    Some(sender.send_request(request).await.ok()?.status().as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_declared_has_cloud_run_s_defaults() {
        let tcp = Probe::read(&Value::Null);
        assert_eq!((tcp.path, tcp.failures, tcp.timeout), (None, 1, Duration::from_mins(4)));
        let http =
            Probe::read(&json!({"httpGet": {"path": "/readyz"}, "failureThreshold": 20, "periodSeconds": 3}));
        let second = Duration::from_secs(1);
        let expected = Probe {
            path: Some("/readyz".into()),
            initial_delay: Duration::ZERO,
            period: 3 * second,
            timeout: second,
            failures: 20,
        };
        assert_eq!(http, expected);
    }
}
