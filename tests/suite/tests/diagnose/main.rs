//! `validibot-mcp diagnose` against set-ups with one fault each, and against healthy ones.

mod contract;
mod faults;
mod fronts;
mod login;
mod terminal;

use sandbox::{Sandbox, fixtures};
use serde_json::Value;
use suite::binary;
use suite::process::run;
use suite::server::{Builder, CLIENT_SECRET, Server};
use tokio::process::Command;

/// Generous: nothing is measured with it.
const DEADLINE: std::time::Duration = std::time::Duration::from_mins(2);

/// What `diagnose` found.
#[derive(Debug)]
struct Diagnosis {
    code: Option<i32>,
    report: Value,
}

/// What `diagnose` is given besides the address.
#[derive(Debug, Default, Clone)]
struct With {
    token: Option<String>,
    api: Option<String>,
}

impl With {
    fn token(token: &str) -> Self {
        Self { token: Some(token.to_owned()), api: None }
    }

    fn api(url: &str) -> Self {
        Self { token: None, api: Some(url.to_owned()) }
    }
}

async fn diagnose(url: &str, with: With) -> Diagnosis {
    let mut command = Command::new(binary::validibot_mcp());
    command.args(["diagnose", url, "--json"]).env_clear();
    if let Some(token) = &with.token {
        command.arg("--token").env("VALIDIBOT_E2E_TOKEN", token);
    }
    if let Some(api) = &with.api {
        command.args(["--api", api]);
    }
    let output = run(&mut command, DEADLINE).await.expect("it ends");
    if let Some(token) = &with.token {
        assert!(!format!("{}{}", output.stdout, output.stderr).contains(token), "the token is shown");
    }
    let report = serde_json::from_str(&output.stdout);
    let report = report.unwrap_or_else(|error| panic!("{error}: {}{}", output.stdout, output.stderr));
    Diagnosis { code: output.code, report }
}

impl Diagnosis {
    /// The hops of one outcome.
    fn hops(&self, outcome: &str) -> Vec<&str> {
        let hops = self.report["hops"].as_array().expect("hops").iter();
        hops.filter(|hop| hop["outcome"] == outcome).filter_map(|hop| hop["hop"].as_str()).collect()
    }

    /// The first finding: its hop, its code and everything it says.
    fn first(&self) -> (&str, &str, String) {
        let failed = |hop: &&Value| hop["outcome"] == "failed";
        let hop = self.report["hops"].as_array().expect("hops").iter().find(failed);
        let hop = hop.unwrap_or_else(|| panic!("nothing was found: {:#}", self.report));
        let text = |name: &str| hop[name].as_str().expect("text");
        assert!(!hop["fix"].as_array().expect("fixes").is_empty(), "it says what to do: {hop}");
        (text("hop"), text("finding"), format!("{} {}", text("cause"), hop["fix"]))
    }

    /// The first finding has to be this one, and say these words.
    #[track_caller]
    fn expect(&self, hop: &str, finding: &str, words: &[&str]) {
        let (found_hop, found, text) = self.first();
        assert_eq!((found_hop, found), (hop, finding), "{:#}", self.report);
        assert!(words.iter().all(|word| text.contains(word)), "{words:?} are not all in: {text}");
        assert_eq!(self.code, Some(1));
        assert_eq!(self.report["ok"], false);
    }

    #[track_caller]
    fn expect_nothing(&self) {
        assert_eq!(self.hops("failed"), Vec::<&str>::new(), "{:#}", self.report);
        assert_eq!(self.code, Some(0), "{:#}", self.report);
        assert_eq!((&self.report["ok"], &self.report["schema_version"]), (&true.into(), &1.into()));
        let next = self.report["next"].to_string();
        assert!(next.contains("claude mcp remove"), "a client's own failure is left: {next}");
    }
}

/// A Validibot with an OpenID provider, and a server before it that users can sign in to.
async fn with_oauth() -> (Sandbox, Builder, String) {
    let sandbox = Sandbox::builder().oauth_client_secret(CLIENT_SECRET).start().await.expect("a sandbox");
    let base = format!("http://127.0.0.1:{}", suite::net::free_port());
    sandbox.set_mcp_base_url(&base);
    let builder = Server::with_sign_in(&sandbox).at(&base);
    (sandbox, builder, base)
}

#[tokio::test]
async fn a_healthy_server_has_no_findings() {
    let (sandbox, builder, base) = with_oauth().await;
    let server = builder.start().await;
    let anonymous = diagnose(&base, With::default()).await;
    anonymous.expect_nothing();
    let skipped = ["licence", "tls", "login", "initialize", "tools/list", "list_workflows"];
    assert_eq!(anonymous.hops("skipped"), skipped);
    assert!(anonymous.report["next"].to_string().contains("VALIDIBOT_E2E_TOKEN"));

    let with = With { token: Some(fixtures::DEMO_TOKEN.to_owned()), api: Some(sandbox.url().to_owned()) };
    let known = diagnose(&format!("{base}/mcp"), with).await;
    known.expect_nothing();
    assert_eq!(known.hops("skipped"), ["tls", "login"]);
    assert_eq!(known.hops("not reached"), Vec::<&str>::new());

    let jwt = sandbox.mint().sign();
    diagnose(&server.mcp_url(), With::token(&jwt)).await.expect_nothing();
}

#[tokio::test]
async fn a_healthy_server_with_api_tokens_only_has_no_findings() {
    let sandbox = Sandbox::builder().start().await.expect("a sandbox");
    let server = Server::for_sandbox(&sandbox).on_its_own_base_url().start().await;
    let found = diagnose(server.base(), With::token(fixtures::DEMO_TOKEN)).await;
    found.expect_nothing();
    assert!(found.hops("skipped").contains(&"sign-in"), "{:#}", found.report);
}

#[tokio::test]
async fn a_question_that_cannot_be_understood_is_refused() {
    for args in
        [&["diagnose", "mcp.acme.example"][..], &["diagnose"], &["diagnose", "http://localhost:1", "--token"]]
    {
        let mut command = Command::new(binary::validibot_mcp());
        let output = run(command.args(args).env_clear(), DEADLINE).await.expect("it ends");
        assert_eq!(output.code, Some(64), "{args:?}: {}", output.stderr);
        assert!(!output.stderr.is_empty());
    }
}
