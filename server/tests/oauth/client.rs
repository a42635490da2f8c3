//! An MCP client's side of a sign-in.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use url::Url;

use crate::stack::Stack;
use suite::person::{Page, Person};

pub(crate) const REDIRECT: &str = "http://localhost:49152/callback";
/// The example of RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A change of one parameter: `None` leaves it out.
pub(crate) type Change<'a> = (&'a str, Option<&'a str>);

impl Stack {
    /// Registers a client whose redirect is [`REDIRECT`] without its port.
    pub(crate) async fn register(&self, name: &str) -> String {
        let metadata = json!({ "client_name": name, "redirect_uris": ["http://localhost/callback"] });
        let (status, answer) = self.try_register(&metadata).await;
        assert_eq!(status, 201, "{answer}");
        answer["client_id"].as_str().expect("text").to_owned()
    }

    pub(crate) async fn try_register(&self, metadata: &Value) -> (u16, Value) {
        let response = self.http.post(self.url("/register")).json(metadata).send().await.expect("an answer");
        assert_eq!(response.headers()["cache-control"], "no-store");
        (response.status().as_u16(), response.json().await.expect("JSON"))
    }

    /// The address that the client opens, with one parameter changed.
    pub(crate) fn authorize_url(&self, client_id: &str, changes: &[Change<'_>]) -> String {
        let resource = self.url("/mcp");
        let mut params = BTreeMap::from([
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", REDIRECT),
            ("state", "the client's state"),
            ("scope", "validibot:mcp offline_access"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("resource", &resource),
        ]);
        change(&mut params, changes);
        let mut url: Url = self.url("/authorize").parse().expect("a URL");
        url.query_pairs_mut().extend_pairs(&params);
        url.into()
    }

    /// Opens the consent page and says yes, up to the redirect to the provider.
    pub(crate) async fn approve(&self, browser: &mut Person, client_id: &str) -> Page {
        let page = browser.get(&self.authorize_url(client_id, &[])).await;
        assert_eq!(page.status, 200, "{page:?}");
        let page = browser.decide(&self.base, &page.ticket(), "allow").await;
        assert_eq!(page.status, 303, "{page:?}");
        page
    }

    /// Signs in up to the code.
    pub(crate) async fn code(&self, browser: &mut Person, client_id: &str) -> String {
        let page = self.approve(browser, client_id).await;
        let page = browser.get(page.location()).await;
        let page = browser.get(page.location()).await;
        let answer = params_of(page.location());
        assert!(page.location().starts_with(REDIRECT), "{page:?}");
        assert_eq!(answer["state"], "the client's state");
        assert_eq!(answer["iss"], self.base);
        answer["code"].clone()
    }

    /// Redeems a code, with one parameter changed.
    pub(crate) async fn redeem(&self, client_id: &str, code: &str, changes: &[Change<'_>]) -> (u16, Value) {
        let resource = self.url("/mcp");
        let mut form = BTreeMap::from([
            ("grant_type", "authorization_code"),
            ("client_id", client_id),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
            ("resource", &resource),
        ]);
        change(&mut form, changes);
        self.post("/token", &form.into_iter().collect::<Vec<_>>()).await
    }

    /// The whole sign-in: client id and token answer.
    pub(crate) async fn sign_in(&self) -> (String, Value) {
        let client_id = self.register("Test").await;
        let code = self.code(&mut Person::default(), &client_id).await;
        let (status, tokens) = self.redeem(&client_id, &code, &[]).await;
        assert_eq!(status, 200, "{tokens}");
        (client_id, tokens)
    }

    pub(crate) async fn refresh(&self, client_id: &str, refresh_token: &str) -> (u16, Value) {
        let form =
            [("grant_type", "refresh_token"), ("client_id", client_id), ("refresh_token", refresh_token)];
        self.post("/token", &form).await
    }
}

fn change<'a>(params: &mut BTreeMap<&'a str, &'a str>, changes: &[Change<'a>]) {
    for (name, value) in changes {
        match value {
            Some(value) => params.insert(name, value),
            None => params.remove(name),
        };
    }
}

/// The parameters of a URL's query.
pub(crate) fn params_of(url: &str) -> BTreeMap<String, String> {
    Url::parse(url).expect("a URL").query_pairs().into_owned().collect()
}

pub(crate) fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_else(|| panic!("no {member}: {value}")).to_owned()
}
