//! A user who has signed in with OAuth, and whose client keeps the login alive.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use serde_json::Value;
use suite::net::http_client;
use suite::sign_in::{SignedIn, sign_in};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use crate::stack::Stack;

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
        let SignedIn { client_id, access_token, refresh_token } = sign_in(&stack.base).await;
        let tokens = Mutex::new(Tokens { access: access_token, refresh: refresh_token });
        Self { http: http_client(), base: stack.base.clone(), client_id, tokens }
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
