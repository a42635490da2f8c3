//! A whole sign-in: registration, consent, code, tokens.

use serde_json::{Value, json};

use crate::net::one_connection_each;
use crate::person::Person;

/// Where the browser is sent in the end.
const REDIRECT: &str = "http://localhost:49152/callback";
/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// What a client has in the end.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// As it registered.
    pub client_id: String,
    /// For `/mcp`.
    pub access_token: String,
    /// For another one.
    pub refresh_token: String,
}

/// Signs in at the server with this base URL, whose provider signs everybody in without asking.
pub async fn sign_in(base: &str) -> SignedIn {
    let post = |path: &str| one_connection_each().post(format!("{base}{path}"));
    let metadata = json!({ "client_name": "Suite", "redirect_uris": ["http://localhost/callback"] });
    let registered = answer(post("/register").json(&metadata)).await;
    let client_id = text(&registered, "client_id");
    let mut url = reqwest::Url::parse(&format!("{base}/authorize")).expect("a URL");
    url.query_pairs_mut().extend_pairs([
        ("response_type", "code"),
        ("client_id", client_id.as_str()),
        ("redirect_uri", REDIRECT),
        ("state", "s"),
        ("scope", "validibot:mcp offline_access"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("resource", &format!("{base}/mcp")),
    ]);
    let mut person = Person::default();
    let consent = person.get(url.as_str()).await;
    let mut page = person.decide(base, &consent.ticket(), "allow").await;
    while !page.location().starts_with(REDIRECT) {
        page = person.get(page.location()).await;
    }
    let back = reqwest::Url::parse(page.location()).expect("a URL");
    let code = back.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", &client_id),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let tokens = answer(post("/token").form(&form)).await;
    SignedIn {
        client_id,
        access_token: text(&tokens, "access_token"),
        refresh_token: text(&tokens, "refresh_token"),
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Value {
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    let body = answer.text().await.expect("a body");
    serde_json::from_str(&body).unwrap_or_else(|_| panic!("{status}: {body}"))
}

fn text(answer: &Value, member: &str) -> String {
    answer[member].as_str().unwrap_or_else(|| panic!("no {member}: {answer}")).to_owned()
}
