//! The view that hosts show in a chat, in a real Chromium: the bridge of others as its host, the real server behind it, and a
//! stand-in for the server where it has to meet what a good one never sends.

mod scripted;
mod server;

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use suite::browser::Browser;
use suite::node::Node;
use suite::process;

/// Generous: nothing is measured with it.
const DEADLINE: Duration = Duration::from_mins(4);

/// Chromium, and the packages of the bridge.
struct Host {
    browser: Browser,
    node: Node,
}

impl Host {
    async fn find() -> Result<Self, String> {
        Ok(Self { browser: Browser::find()?, node: Node::with_clients().await? })
    }

    /// Shows the view to a script, and returns what it saw.
    async fn show(&self, input: Value) -> Value {
        for module in ["chromium.mjs", "script.mjs"] {
            let _ = self.node.beside(module);
        }
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("input.json");
        std::fs::write(&file, input.to_string()).expect("written");
        let mut script = self.node.script("view.mjs");
        script.arg(self.browser.program()).arg(&file);
        let output = process::run(&mut script, DEADLINE).await.expect("it ends").expect_success("the host");
        let last = output.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|_| panic!("it printed {:?}", output.stdout))
    }
}

/// Where pictures go, for people to look at.
fn artefacts() -> std::path::PathBuf {
    let folder = suite::workspace().join("target/artefacts");
    std::fs::create_dir_all(&folder).expect("a folder for pictures");
    folder
}

#[track_caller]
fn assert_seen(text: &Value, words: &str) {
    assert!(text.as_str().is_some_and(|text| text.contains(words)), "{words} is not in {text}");
}

fn input(url: &str, token: &str, workflow_ref: &str, more: &Value) -> Value {
    let mut input = json!({ "url": url, "token": token, "workflow_ref": workflow_ref });
    for (key, value) in more.as_object().expect("an object") {
        input[key] = value.clone();
    }
    input
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> std::path::PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("written");
    path
}
