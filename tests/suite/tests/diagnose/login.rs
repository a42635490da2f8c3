//! `validibot-mcp diagnose --login`: a person's browser, played by this test, and what it may bring back.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::Duration;

use reqwest::Url;
use sandbox::{Fault, Route, Sandbox};
use serde_json::Value;
use suite::binary;
use suite::net::http_client;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::{CLIENT_SECRET, DEADLINE, Diagnosis};
use suite::server::Server;

/// A deployment whose provider signs everybody in, and a `diagnose` that waits for a browser.
struct Login {
    sandbox: Sandbox,
    _server: Server,
    folder: TempDir,
    child: Child,
}

impl Login {
    async fn start() -> Self {
        let sandbox = Sandbox::builder().oauth_client_secret(CLIENT_SECRET).auto_login(true).start().await;
        let sandbox = sandbox.expect("a sandbox");
        let server = Server::with_sign_in(&sandbox).on_its_own_base_url().start().await;
        sandbox.set_mcp_base_url(server.base());
        let folder = tempfile::tempdir().expect("a folder");
        // What a desktop has to open addresses: it hands this one to the test.
        let opener = folder.path().join("xdg-open");
        let script = format!(
            "#!/bin/sh\nprintf %s \"$1\" > '{0}.new'; mv '{0}.new' '{0}'\n",
            folder.path().join("url").display()
        );
        std::fs::write(&opener, script).expect("written");
        std::fs::set_permissions(&opener, std::fs::Permissions::from_mode(0o755)).expect("it can be run");
        let mut command = Command::new(binary::validibot_mcp());
        command.args(["diagnose", server.base(), "--json", "--login"]).env_clear();
        command.env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()));
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        Self { sandbox, _server: server, folder, child }
    }

    /// The address that was opened.
    async fn opened(&self) -> Url {
        let (file, started) = (self.folder.path().join("url"), Instant::now());
        loop {
            if let Ok(text) = std::fs::read_to_string(&file) {
                return Url::parse(&text).expect("a URL");
            }
            assert!(started.elapsed() < DEADLINE, "no browser was opened");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The end of it.
    async fn end(self) -> (Diagnosis, String) {
        let output = tokio::time::timeout(DEADLINE, self.child.wait_with_output()).await.expect("in time");
        let output = output.expect("it ends");
        let report = serde_json::from_slice::<Value>(&output.stdout).expect("JSON");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (Diagnosis { code: output.status.code(), report }, said)
    }
}

/// A browser with a person who says yes, up to the page that the client's own address shows.
async fn sign_in(opened: &Url) -> (Url, u16) {
    let page = http_client().get(opened.clone()).header("accept", "text/html").send().await.expect("a page");
    let cookies = page.headers().get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
    let jar: Vec<String> = cookies.filter_map(|cookie| cookie.split(';').next().map(str::to_owned)).collect();
    let text = page.text().await.expect("text");
    let ticket = text
        .split("name=\"ticket\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a ticket");
    let consent = opened.join("/consent").expect("a URL");
    let form = [("ticket", ticket), ("decision", "allow")];
    let answer = http_client()
        .post(consent)
        .header("cookie", jar.join("; "))
        .form(&form)
        .send()
        .await
        .expect("an answer");
    let mut cookies = jar;
    let mut answer = answer;
    loop {
        let more = answer.headers().get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
        cookies.extend(more.filter_map(|cookie| cookie.split(';').next().map(str::to_owned)));
        let Some(location) = answer.headers().get("location") else {
            return (answer.url().clone(), answer.status().as_u16());
        };
        let next = answer.url().join(location.to_str().expect("text")).expect("a URL");
        answer =
            http_client().get(next).header("cookie", cookies.join("; ")).send().await.expect("an answer");
    }
}

fn query(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).expect(name)
}

#[tokio::test]
async fn a_person_who_signs_in_goes_on_behind_the_sign_in() {
    let login = Login::start().await;
    let opened = login.opened().await;
    // Somebody else's answer is not what is waited for.
    let stranger = format!("{}?code=x&state=another", query(&opened, "redirect_uri"));
    assert_eq!(http_client().get(stranger).send().await.expect("an answer").status(), 400);
    let (last, status) = sign_in(&opened).await;
    assert_eq!((last.path(), status), ("/callback", 200));
    let (found, said) = login.end().await;
    found.expect_nothing();
    assert_eq!(found.hops("skipped"), ["licence", "tls"]);
    assert!(found.hops("passed").contains(&"list_workflows"), "{:#}", found.report);
    assert!(said.contains(opened.as_str()), "the address is printed too: {said}");
    let all = format!("{said}{}", found.report);
    assert!(!all.contains("eyJ") && !all.contains(&query(&last, "code")), "neither token nor code is shown");
}

#[tokio::test]
async fn a_person_who_says_no_is_named() {
    let login = Login::start().await;
    let opened = login.opened().await;
    let (redirect, state) = (query(&opened, "redirect_uri"), query(&opened, "state"));
    let denied = format!("{redirect}?error=access_denied&state={state}");
    assert_eq!(http_client().get(denied).send().await.expect("an answer").status(), 200);
    login.end().await.0.expect("login", "login-denied", &["allow it"]);
}

#[tokio::test]
async fn a_code_that_validibot_does_not_redeem_is_named() {
    let login = Login::start().await;
    login.sandbox.misbehave(Route::Token, Fault::Html(500));
    let opened = login.opened().await;
    sign_in(&opened).await;
    login.end().await.0.expect(
        "login",
        "code-not-redeemed",
        &["/token", "IDP_OIDC_MCP_SERVER_CLIENT_SECRET"],
    );
}
