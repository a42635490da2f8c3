//! The consent page and `POST /consent`, its answer.
//!
//! Towards Validibot all clients are one, this server: without a consent per client, whoever registers a client here
//! could borrow the user's session there (MCP security guide, confused deputy). So every client is asked about, every
//! time.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::{ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use maud::{Markup, html};
use thiserror::Error;
use url::Url;

use super::artifacts::{Login, Ticket};
use super::client::{Client, ClientTrust};
use super::cookie::{Browser, LIFETIME_SECONDS, Step};
use super::page::{Problem, page};
use super::params::{Params, ParamsError};
use super::respond::{back_to_client, see};
use super::{Oauth, pkce};
use crate::base::random;
use crate::config::redirect_uri::{RedirectUri, Target};
use crate::seal::SealError;

/// What is wrong with an answer to the consent page.
#[derive(Debug, Error)]
pub(super) enum ConsentError {
    #[error("The form cannot be read: {0}.")]
    Params(#[from] ParamsError),
    #[error("This page is older than ten minutes. Go back to the app and start the sign-in again.")]
    Expired,
    #[error("The form is not one that this server made. Go back to the app and start the sign-in again.")]
    Forged,
    #[error(
        "This answer does not come from the browser that was shown the page. If you came here through a link that somebody sent \
         you, close this window. Otherwise allow cookies for this site, go back to the app and start again."
    )]
    OtherBrowser,
    #[error("The form has neither 'allow' nor 'deny'.")]
    NoDecision,
}

pub(super) async fn decide(
    State(oauth): State<Arc<Oauth>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match decision(&oauth, &headers, body) {
        Ok(response) => response,
        Err(error) => error.problem().answer(&headers),
    }
}

fn decision(
    oauth: &Oauth,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ConsentError> {
    let params = Params::of_form(headers, body)?;
    let ticket = params.get("ticket").ok_or(ConsentError::Forged)?;
    let ticket = oauth.seal.open::<Ticket>(ticket, oauth.clock.unix()).map_err(|error| match error {
        SealError::Expired => ConsentError::Expired,
        SealError::Malformed | SealError::UnknownKey | SealError::Forged => ConsentError::Forged,
    })?;
    let Ticket { request, browser } = ticket;
    // The cookie is the guard; what browsers say of a form's origin is a second one.
    if is_cross_site(oauth, headers) || !oauth.cookies.proves(Step::Consent, &browser, headers) {
        return Err(ConsentError::OtherBrowser);
    }
    let forget = oauth.cookies.clear(Step::Consent, &browser);
    let mut response = match params.get("decision") {
        Some("allow") => {
            // A new secret, which the page before the approval never had.
            let browser = Browser::new(oauth.random.as_ref());
            let cookie = oauth.cookies.set(Step::Login, &browser);
            let verifier = random::token::<32>(oauth.random.as_ref());
            let (scope, challenge) = (request.scope.clone(), pkce::challenge(&verifier));
            let expires = oauth.clock.unix() + u64::from(LIFETIME_SECONDS);
            let state = oauth.seal.seal_until(&Login { request, browser, verifier }, expires);
            let location = oauth.upstream.authorization_url(&scope, &state, &challenge);
            let mut response = see(StatusCode::SEE_OTHER, location.as_str());
            response.headers_mut().append(SET_COOKIE, cookie);
            response
        }
        Some("deny") => {
            let denied = [("error", "access_denied"), ("error_description", "the user said no")];
            back_to_client(
                oauth,
                &request.redirect_uri,
                &denied,
                request.state.as_deref(),
                StatusCode::SEE_OTHER,
            )
        }
        _ => return Err(ConsentError::NoDecision),
    };
    response.headers_mut().append(SET_COOKIE, forget);
    Ok(response)
}

/// Whether the browser says that the form comes from another site: by `Sec-Fetch-Site`, and where it knows no such header
/// (Safari before 16.4) by `Origin`, which our own page's forms carry.
fn is_cross_site(oauth: &Oauth, headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site != "same-origin" && site != "none";
    }
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let origin_of = |text: &str| Url::parse(text).ok().map(|url| url.origin());
    let theirs = origin.to_str().ok().and_then(origin_of);
    theirs.is_none() || theirs != origin_of(oauth.base.as_str())
}

/// The page that asks.
pub(super) fn consent_page(
    client: &Client,
    redirect: &RedirectUri,
    scope: &str,
    sign_in_host: &str,
    ticket: &str,
) -> Response {
    let main = html! {
        h1 { "Allow " (client.name) " to use Validibot on your behalf?" }
        p.lead { "Next, you will sign in at " strong { (sign_in_host) } ". The app never sees your password." }
        dl {
            div { dt { "App" } dd { (client.name) } }
            div { dt { "Verified" } dd { (verified(client)) } }
            div { dt { "Sends you to" } dd { (destination(redirect)) } }
            // The whole of it: a site that sends everybody on elsewhere says so in its address.
            div { dt { "Address" } dd { code { (redirect.as_str()) } } }
        }
        h2 { "It will be able to" }
        ul {
            li { "see the validation workflows that you can use" }
            li { "send files to Validibot and start validation runs in your name" }
            li { "read the status and the findings of those runs" }
            @if scope.split(' ').any(|name| name == "profile" || name == "email") {
                li { "see your name and e-mail address" }
            }
        }
        @if client.is_local_only() || !matches!(redirect.target(), Target::Site(_)) {
            p.warn role="note" {
                strong { "Continue only if you just started this sign-in yourself." }
                "This app runs on your own device, where any program could call itself \u{201c}" (client.name)
                "\u{201d}. Validibot cannot tell which one is asking."
            }
        } @else if client.vouched == ClientTrust::Nobody {
            p.warn role="note" {
                strong { "Check the address above." }
                "The app chose its own name, and Validibot has not verified it. Go on only if you know "
                (destination(redirect)) "."
            }
        }
        form method="post" action="/consent" {
            input type="hidden" name="ticket" value=(ticket);
            div.buttons {
                button.yes type="submit" name="decision" value="allow" { "Allow and sign in" }
                button type="submit" name="decision" value="deny" { "Cancel" }
            }
        }
        p.fine {
            "This page expires in 10 minutes. The app stays connected until you disconnect it there or your "
            "Validibot access ends."
        }
    };
    page(StatusCode::OK, "Allow access", &main)
}

fn verified(client: &Client) -> Markup {
    html! {
        @match &client.vouched {
            ClientTrust::Us => "Yes (known to Validibot)",
            ClientTrust::Site(site) => { "By " (site) },
            ClientTrust::Nobody => "No (name supplied by the app)",
        }
    }
}

/// Where a redirect leads, for a person.
pub(super) fn destination(redirect: &RedirectUri) -> Markup {
    html! {
        @match redirect.target() {
            Target::Site(host) => (host),
            Target::ThisDevice(host) => { "this device (" (host) ")" },
            Target::App(scheme) => { "an app on this device (" (scheme) ":)" },
        }
    }
}

impl ConsentError {
    fn problem(&self) -> Problem {
        let (status, title) = match self {
            Self::OtherBrowser => (StatusCode::FORBIDDEN, "Sign-in blocked"),
            Self::Expired => (StatusCode::BAD_REQUEST, "This page has expired"),
            Self::Params(_) | Self::Forged | Self::NoDecision => {
                (StatusCode::BAD_REQUEST, "This form cannot be used")
            }
        };
        let code = if matches!(self, Self::OtherBrowser) { "access_denied" } else { "invalid_request" };
        Problem { status, code, title, text: self.to_string(), onward: None }
    }
}
