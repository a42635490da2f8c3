//! `GET /auth/callback`: the way back from Validibot.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use thiserror::Error;

use super::Oauth;
use super::artifacts::{Code, Login, fingerprint};
use super::cookie::Step;
use super::page::Problem;
use super::params::{Params, ParamsError};
use super::respond::back_to_client;
use crate::seal::SealError;

/// How long a client has to redeem a code: what Validibot's own codes have.
const CODE_SECONDS: u64 = 60;

/// What is wrong with a way back that is not the client's to hear of.
#[derive(Debug, Error)]
pub(super) enum CallbackError {
    #[error("The answer of the sign-in cannot be read: {0}.")]
    Params(#[from] ParamsError),
    #[error("The sign-in took longer than ten minutes. Go back to the app and start again.")]
    Expired,
    #[error("This sign-in was not begun here. Go back to the app and start again.")]
    Forged,
    #[error(
        "The sign-in was approved in another browser than this one, or has been finished already. If you came here \
         through a link that somebody sent you, close this window. Otherwise go back to the app and start again."
    )]
    OtherBrowser,
}

pub(super) async fn callback(
    State(oauth): State<Arc<Oauth>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    match finish(&oauth, query.as_deref().unwrap_or_default(), &headers) {
        Ok(response) => response,
        Err(error) => error.problem().answer(&headers),
    }
}

fn finish(oauth: &Oauth, query: &str, headers: &HeaderMap) -> Result<Response, CallbackError> {
    let params = Params::of_query(query)?;
    let state = params.get("state").ok_or(CallbackError::Forged)?;
    let login = oauth.seal.open::<Login>(state, oauth.clock.unix()).map_err(|error| match error {
        SealError::Expired => CallbackError::Expired,
        SealError::Malformed | SealError::UnknownKey | SealError::Forged => CallbackError::Forged,
    })?;
    // Who approved is who finishes: else an attacker approves, and a victim's sign-in lands in the attacker's client
    // (CVE-2026-27124).
    if !oauth.cookies.proves(Step::Login, &login.browser, headers) {
        return Err(CallbackError::OtherBrowser);
    }
    let forget = oauth.cookies.clear(Step::Login, &login.browser);
    let request = login.request;
    let state = request.state.as_deref();
    let mut response = match (params.get("error"), params.get("code")) {
        (None, Some(upstream)) => {
            let code = Code {
                upstream: upstream.to_owned(),
                verifier: login.verifier,
                client: request.client,
                redirect: request.redirect_was_given.then(|| fingerprint(&request.redirect_uri)),
                challenge: request.challenge,
                scope: request.scope,
            };
            let code = oauth.seal.seal_until(&code, oauth.clock.unix() + CODE_SECONDS);
            back_to_client(oauth, &request.redirect_uri, &[("code", &code)], state, StatusCode::FOUND)
        }
        (error, _) => {
            let error = translate(error);
            back_to_client(oauth, &request.redirect_uri, &[("error", error)], state, StatusCode::FOUND)
        }
    };
    response.headers_mut().append(SET_COOKIE, forget);
    Ok(response)
}

/// What the client is told of Validibot's error. Most are this server's fault and none of the client's.
fn translate(error: Option<&str>) -> &'static str {
    match error {
        Some("access_denied") => "access_denied",
        Some("temporarily_unavailable") => "temporarily_unavailable",
        Some(known @ ("invalid_scope" | "invalid_request" | "unauthorized_client" | "invalid_target")) => {
            tracing::error!(
                "sign-in: Validibot refused this server's authorization request ({known}): check the scopes and the \
                 redirect URI of its client for this server"
            );
            "server_error"
        }
        Some(_) | None => {
            tracing::warn!("sign-in: Validibot sent a user back without a code");
            "server_error"
        }
    }
}

impl CallbackError {
    fn problem(&self) -> Problem {
        let (status, code, title) = match self {
            Self::OtherBrowser => (StatusCode::FORBIDDEN, "access_denied", "Sign-in blocked"),
            Self::Expired => (StatusCode::BAD_REQUEST, "invalid_request", "This sign-in has expired"),
            Self::Params(_) | Self::Forged => {
                (StatusCode::BAD_REQUEST, "invalid_request", "This sign-in cannot be finished")
            }
        };
        Problem { status, code, title, text: self.to_string(), onward: None }
    }
}
