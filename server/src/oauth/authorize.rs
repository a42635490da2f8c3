//! `GET /authorize`: checks an authorization request and shows the consent page (RFC 6749, section 4.1.1; OAuth 2.1).
//!
//! Errors are told to the person here. They are sent to the client at once only where the operator has named it and it is on the
//! web: anybody can register an address, or publish one, and nobody has been asked yet (RFC 9700, section 4.11.2).

use std::sync::Arc;

use axum::extract::{Extension, RawQuery, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use maud::Markup;
use thiserror::Error;

use super::artifacts::{Request, Ticket, fingerprint};
use super::client::{Client, ClientError, ClientTrust};
use super::consent::{consent_page, destination};
use super::cookie::{Browser, LIFETIME_SECONDS, Step};
use super::page::Problem;
use super::params::{Params, ParamsError};
use super::respond::{see, with_answer};
use super::{Oauth, pkce, resource, scope};
use crate::config::redirect_uri::{RedirectUri, Target};
use crate::limits::{Crowded, SignIn};

/// What a request's own parts may take up inside `state`, which has to stay below 2 KB once sealed.
const MAX_REQUEST_BYTES: usize = 1300;

/// What can be wrong before we know whom to tell.
#[derive(Debug, Error)]
pub(super) enum AuthorizeError {
    #[error("The app's request cannot be read: {0}.")]
    Params(#[from] ParamsError),
    #[error("The app did not identify itself: its request has no client_id.")]
    NoClient,
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Crowded(#[from] Crowded),
    #[error(
        "The app asked us to send you to an address that it has not registered, so this sign-in may not come from the app."
    )]
    Redirect,
    #[error("The app's request cannot be answered: {description}.")]
    Refused {
        code: &'static str,
        description: &'static str,
        /// The client's address with the error, and what is there.
        onward: (String, Markup),
    },
}

/// What is wrong with the request of a client that we know (RFC 6749, section 4.1.2.1): error code and description.
type Refusal = (&'static str, &'static str);

pub(super) async fn authorize(
    State(oauth): State<Arc<Oauth>>,
    Extension(sign_in): Extension<Arc<SignIn>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    match show(&oauth, &sign_in, query.as_deref().unwrap_or_default()).await {
        Ok(response) => response,
        Err(error) => error.problem().answer(&headers),
    }
}

async fn show(oauth: &Oauth, sign_in: &SignIn, query: &str) -> Result<Response, AuthorizeError> {
    let params = Params::of_query(query)?;
    let client_id = params.get("client_id").ok_or(AuthorizeError::NoClient)?;
    // Whoever asks names the site that its document is fetched from.
    let client = sign_in.aside(oauth.clients.find(client_id)).await??;
    let redirect = client.redirect(params.get("redirect_uri")).ok_or(AuthorizeError::Redirect)?;

    let (code, description) = match read(oauth, &params, client_id, &redirect) {
        Ok(request) => return Ok(ask(oauth, &client, &redirect, request)),
        Err(refusal) => refusal,
    };
    let refused = [("error", code), ("error_description", description)];
    let back = with_answer(oauth, redirect.as_str(), &refused, params.get("state"));
    match (&client.vouched, redirect.target()) {
        (ClientTrust::Us, Target::Site(_) | Target::ThisDevice(_)) => Ok(see(StatusCode::FOUND, &back)),
        (ClientTrust::Us | ClientTrust::Site(_) | ClientTrust::Nobody, _) => {
            let onward = (back, destination(&redirect));
            Err(AuthorizeError::Refused { code, description, onward })
        }
    }
}

fn read(oauth: &Oauth, params: &Params, client_id: &str, redirect: &RedirectUri) -> Result<Request, Refusal> {
    if params.get("request").is_some() || params.get("request_uri").is_some() {
        return Err(("request_not_supported", "request objects are not supported"));
    }
    match params.get("response_type") {
        Some("code") => {}
        Some(_) => return Err(("unsupported_response_type", "response_type has to be code")),
        None => return Err(("invalid_request", "response_type is missing")),
    }
    if params.get("response_mode").is_some_and(|mode| mode != "query") {
        return Err(("invalid_request", "response_mode has to be query"));
    }
    let challenge = params
        .get("code_challenge")
        .ok_or(("invalid_request", "code_challenge is missing: PKCE is required"))?;
    if params.get("code_challenge_method") != Some("S256") {
        return Err(("invalid_request", "code_challenge_method has to be S256"));
    }
    if !pkce::is_challenge(challenge) {
        return Err(("invalid_request", "code_challenge is no SHA-256 in base64url"));
    }
    if !params.all("resource").all(|resource| resource::is_ours(&oauth.base, resource)) {
        return Err(("invalid_target", "the resource is not this server"));
    }
    if params.get("prompt").is_some_and(|prompt| prompt.split(' ').any(|value| value == "none")) {
        // Consent is asked for every time: remembered consent is what an attacker in the middle borrows.
        return Err(("consent_required", "this server asks the user each time"));
    }
    let request = Request {
        client: fingerprint(client_id),
        redirect_uri: redirect.as_str().to_owned(),
        redirect_was_given: params.get("redirect_uri").is_some(),
        state: params.get("state").map(str::to_owned),
        challenge: challenge.to_owned(),
        scope: scope::forwarded(params.get("scope").unwrap_or_default(), oauth.required_scope.as_deref()),
    };
    if serde_json::to_string(&request).is_ok_and(|json| json.len() > MAX_REQUEST_BYTES) {
        return Err(("invalid_request", "state and redirect_uri together are longer than about 1000 bytes"));
    }
    Ok(request)
}

fn ask(oauth: &Oauth, client: &Client, redirect: &RedirectUri, request: Request) -> Response {
    let browser = Browser::new(oauth.random.as_ref());
    let cookie = oauth.cookies.set(Step::Consent, &browser);
    let scope = request.scope.clone();
    let expires = oauth.clock.unix() + u64::from(LIFETIME_SECONDS);
    let ticket = oauth.seal.seal_until(&Ticket { request, browser }, expires);
    let mut response = consent_page(client, redirect, &scope, &oauth.sign_in_host, &ticket);
    response.headers_mut().append(SET_COOKIE, cookie);
    response
}

impl AuthorizeError {
    fn problem(self) -> Problem {
        let text = match &self {
            Self::Client(ClientError::Unknown) => {
                "This server does not know the app that sent you, or knows it no longer. Remove the Validibot connection \
                 in the app and add it again; the app will register again."
                    .to_owned()
            }
            Self::Client(ClientError::Document(error)) => {
                format!("This sign-in cannot go on: {error}. Try again in a moment; if it persists, tell the app's maker.")
            }
            other => other.to_string(),
        };
        match self {
            Self::Client(ClientError::Document(_)) => Problem {
                status: StatusCode::BAD_REQUEST,
                code: "invalid_client_metadata",
                title: "The app could not be checked",
                text,
                onward: None,
            },
            Self::Client(ClientError::Unknown) | Self::NoClient => Problem {
                status: StatusCode::BAD_REQUEST,
                code: "invalid_client",
                title: "Unknown app",
                text,
                onward: None,
            },
            Self::Crowded(_) => Problem {
                status: StatusCode::SERVICE_UNAVAILABLE,
                code: "temporarily_unavailable",
                title: "Too much to do",
                text,
                onward: None,
            },
            Self::Redirect => Problem {
                status: StatusCode::BAD_REQUEST,
                code: "invalid_redirect_uri",
                title: "Sign-in blocked",
                text,
                onward: None,
            },
            Self::Refused { code, onward, .. } => Problem {
                status: StatusCode::BAD_REQUEST,
                code,
                title: "The app asked for something that cannot be",
                text,
                onward: Some(onward),
            },
            Self::Params(_) => Problem {
                status: StatusCode::BAD_REQUEST,
                code: "invalid_request",
                title: "This sign-in cannot be read",
                text,
                onward: None,
            },
        }
    }
}
