//! A process's log, line by line, while it runs.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The lines so far; more arrive until the process closes its stream.
#[derive(Debug)]
pub struct Logs {
    lines: watch::Receiver<Vec<String>>,
    reader: JoinHandle<()>,
}

impl Logs {
    /// Reads lines in the background until the stream ends.
    pub fn follow(stream: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let (sender, lines) = watch::channel(Vec::new());
        let reader = tokio::spawn(async move {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while stream.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                sender.send_modify(|lines| lines.push(text));
                line.clear();
            }
        });
        Self { lines, reader }
    }

    /// Everything so far, one line after the other.
    pub fn text(&self) -> String {
        self.lines.borrow().join("\n")
    }

    /// The lines so far that are JSON objects.
    pub fn entries(&self) -> Vec<Value> {
        self.lines.borrow().iter().filter_map(|line| entry(line)).collect()
    }

    /// Waits for the first JSON line with this message.
    ///
    /// # Errors
    /// When the stream ends or the deadline passes without it.
    pub async fn wait_for_message(&self, message: &str, deadline: Duration) -> Result<Value, String> {
        let mut lines = self.lines.clone();
        let find = |lines: &Vec<String>| {
            lines.iter().filter_map(|line| entry(line)).find(|entry| entry["message"] == message)
        };
        let waited = tokio::time::timeout(deadline, lines.wait_for(|lines| find(lines).is_some())).await;
        match waited {
            Ok(Ok(lines)) => Ok(find(&lines).expect("just seen")),
            Ok(Err(_)) => Err(format!("the log ended without the message {message:?}:\n{}", self.text())),
            Err(_) => {
                Err(format!("no message {message:?} within {} s:\n{}", deadline.as_secs(), self.text()))
            }
        }
    }

    /// Waits for the first line that holds this text.
    ///
    /// # Panics
    /// When the stream ends or the deadline passes without it.
    pub async fn wait_for_text(&self, text: &str, deadline: Duration) {
        let mut lines = self.lines.clone();
        let found = lines.wait_for(|lines| lines.iter().any(|line| line.contains(text)));
        let found = tokio::time::timeout(deadline, found).await.is_ok_and(|found| found.is_ok());
        assert!(found, "no line with {text:?}:\n{}", self.text());
    }

    /// Waits until the process has closed its stream, so that [`Self::text`] is complete.
    pub async fn ended(&mut self) {
        // The reader does not panic and is not aborted.
        let _ = (&mut self.reader).await;
    }
}

fn entry(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok().filter(Value::is_object)
}
