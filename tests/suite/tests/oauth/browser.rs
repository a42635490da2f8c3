//! What a person sees, in a real browser.

use std::time::Duration;

use sandbox::Sandbox;
use serde_json::{Value, json};
use suite::browser::Browser;
use suite::node::Node;
use suite::{net, process, require};

use crate::stack::{Stack, artefacts, last_json};

/// Generous: the first start of a browser takes seconds on a busy machine.
const DEADLINE: Duration = Duration::from_mins(2);

#[tokio::test]
async fn a_person_signs_in_with_the_keyboard_alone_and_without_scripts() {
    let browser = require!(Browser::find());
    let node = require!(Node::with_clients().await);
    let stack = Stack::before(Sandbox::builder()).await;
    let http = net::http_client();
    let port = net::free_port();
    let redirect = format!("http://127.0.0.1:{port}/callback");
    let metadata = json!({ "client_name": "Claude Code", "redirect_uris": ["http://127.0.0.1/callback"] });
    let registered = http.post(format!("{}/register", stack.base)).json(&metadata).send().await;
    let registered: Value = registered.expect("an answer").json().await.expect("JSON");
    let client_id = registered["client_id"].as_str().expect("text");
    let url = stack.authorize_url(client_id, &redirect);

    let picture = artefacts().join("consent.png");
    let mut walk = node.script("walk.mjs");
    walk.arg(browser.program()).arg(&url).arg(port.to_string()).arg(&picture);
    let output = process::run(&mut walk, DEADLINE).await.expect("it ends").expect_success("the walk");
    let seen = last_json(&output.stdout);
    assert_eq!(
        seen["headings"],
        json!(["Allow Claude Code to use Validibot on your behalf?", "It will be able to"])
    );
    assert_eq!(seen["buttons"], json!(["Allow and sign in", "Cancel"]));
    assert!(std::fs::metadata(&picture).is_ok_and(|file| file.len() > 10_000), "{}", picture.display());

    let callback = format!("http://127.0.0.1:{port}{}", seen["callback"].as_str().expect("text"));
    let callback = reqwest::Url::parse(&callback).expect("a URL");
    let answer =
        |name: &str| callback.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    assert_eq!(answer("state").as_deref(), Some("the client's state"));
    assert_eq!(answer("iss").as_deref(), Some(stack.base.as_str()));
    let code = answer("code").expect("a code");
    let tokens = stack.redeem(client_id, &code, &redirect).await;
    assert_eq!(tokens.status(), 200, "{}", tokens.text().await.expect("text"));
}
