//! A user who has signed in with OAuth, and whose client keeps the login alive.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use serde_json::{Value, json};
use suite::net::http_client;
use suite::person::Person;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use crate::stack::Stack;

const REDIRECT: &str = "http://localhost:49152/callback";
/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// How long a client tries: an outage of the provider lasts seconds.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two tries, where the answer does not say.
const PAUSE: Duration = Duration::from_millis(500);

/// What a client keeps.
pub(crate) struct Login {
    http: reqwest::Client,
    base: String,
    client_id: String,
    tokens: Mutex<Tokens>,
}

struct Tokens {
    access: String,
    refresh: String,
}

impl Login {
    /// Registers, consents, and redeems the code, through whichever instances answer.
    pub(crate) async fn sign_in(stack: &Stack) -> Self {
        let (http, base) = (http_client(), stack.base.clone());
        let metadata = json!({ "client_name": "Soak", "redirect_uris": ["http://localhost/callback"] });
        let registered =
            http.post(format!("{base}/register")).json(&metadata).send().await.expect("an answer");
        let registered: Value = registered.json().await.expect("JSON");
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
            ("resource", &stack.mcp_url()),
        ]);
        let mut person = Person::default();
        let consent = person.get(url.as_str()).await;
        let mut page = person.decide(&base, &consent.ticket(), "allow").await;
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
        let answer = http.post(format!("{base}/token")).form(&form).send().await.expect("an answer");
        let tokens = Tokens::of(&answer.json().await.expect("JSON"));
        Self { http, base, client_id, tokens: Mutex::new(tokens) }
    }

    pub(crate) async fn access_token(&self) -> String {
        self.tokens.lock().await.access.clone()
    }

    /// A new access token in the place of one that was refused; an error where the login is lost.
    pub(crate) async fn renew(&self, stack: &Stack, refused: &str) -> Result<(), String> {
        let mut tokens = self.tokens.lock().await;
        if tokens.access != refused {
            return Ok(());
        }
        let started = Instant::now();
        loop {
            let form = [
                ("grant_type", "refresh_token"),
                ("client_id", self.client_id.as_str()),
                ("refresh_token", tokens.refresh.as_str()),
            ];
            let sent = self.http.post(format!("{}/token", self.base)).form(&form);
            let (status, wait, said) = {
                let _not_killed = stack.refreshes.read().await;
                answer(sent).await.map_err(|error| format!("a refresh was not answered: {error}"))?
            };
            match status {
                200 => {
                    *tokens = Tokens::of(&serde_json::from_str(&said).map_err(|error| error.to_string())?);
                    return Ok(());
                }
                // The provider is in trouble: the client keeps what it has and comes back.
                502 | 503 if started.elapsed() < PATIENCE => sleep(wait).await,
                _ => return Err(format!("a refresh was answered with {status}: {said}")),
            }
        }
    }
}

/// Status, how long to wait before another try, and the body.
async fn answer(request: reqwest::RequestBuilder) -> reqwest::Result<(u16, Duration, String)> {
    let answer = request.send().await?;
    let seconds = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let wait = seconds.map_or(PAUSE, Duration::from_secs);
    Ok((answer.status().as_u16(), wait, answer.text().await?))
}

impl Tokens {
    fn of(answer: &Value) -> Self {
        Self { access: text(answer, "access_token"), refresh: text(answer, "refresh_token") }
    }
}

fn text(answer: &Value, member: &str) -> String {
    answer[member].as_str().unwrap_or_else(|| panic!("no {member}: {answer}")).to_owned()
}
