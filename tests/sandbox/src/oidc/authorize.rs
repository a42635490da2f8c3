//! The authorization endpoint.

use http::{Method, StatusCode, header};
use maud::html;
use url::Url;
use url::form_urlencoded;

use super::clients::{Client, SCOPES};
use super::consent::{self, ACTION_FIELD, GRANT};
use super::grants::{Grant, Pending};
use super::login;
use super::params::Params;
use super::sessions::csrf_matches;
use crate::answer::Answer;
use crate::api::Call;
use crate::fixtures::DEMO_USER_ID;
use crate::pages;
use crate::version::Version;

/// A request that may be granted.
struct Request {
    client: Client,
    redirect_uri: String,
    state: Option<String>,
    scopes: Vec<String>,
    resources: Vec<String>,
    challenge: Option<String>,
    nonce: Option<String>,
    /// What says from 0.16 on who answers (RFC 9207).
    iss: Option<String>,
}

/// Asks an anonymous browser to sign in before anything else of the request is checked; then checks the request, then the
/// user's consent.
///
/// Measured on the real application (django-allauth): without a session, whatever client and redirect address a request
/// names, it is a redirect to the login page. Only `prompt=none` shows what is wrong with them to somebody who is not signed
/// in: 200 and a page for an unknown client or a mismatching redirect address, 302 with `login_required` for good ones, and
/// 500 without `openid` in the scope.
pub(crate) fn authorize(call: &Call<'_>) -> Result<Answer, Answer> {
    let posted = call.head.method == Method::POST;
    let params = if posted { Params::of_form(call) } else { Params::of_query(call) };
    let oidc = &call.state.oidc;
    let silent = params.get("prompt") == Some("none");
    let user = if oidc.auto_login { Some(DEMO_USER_ID) } else { oidc.sessions.user(call) };
    if user.is_none() && !silent {
        return Err(to_login(&params));
    }
    let request = parse(call, &params)?;
    let Some(user) = user else {
        return Err(if request.scopes.iter().any(|scope| scope == "openid") {
            request.error("login_required")
        } else {
            Answer::html(StatusCode::INTERNAL_SERVER_ERROR, "<!doctype html><h1>Server Error (500)</h1>\n")
        });
    };
    if !(request.client.skip_consent || oidc.auto_login) {
        if silent {
            return Err(request.error("consent_required"));
        }
        match params.get(ACTION_FIELD).filter(|_| posted) {
            None => return Ok(consent::page(call, &request.client, &request.scopes, &params)),
            Some(_) if !csrf_matches(call, &params) => return Err(login::forbidden()),
            Some(GRANT) => {}
            Some(_) => return Err(request.error("access_denied")),
        }
    }
    Ok(grant(call, request, user))
}

fn grant(call: &Call<'_>, request: Request, user: i64) -> Answer {
    let Request { client, redirect_uri, state, scopes, resources, challenge, nonce, iss } = request;
    let grant = Grant { client: client.id, user, scopes, resources };
    let pending = Pending { grant, redirect_uri: redirect_uri.clone(), challenge, nonce };
    let code = call.state.oidc.grants.issue_code(pending, call.state.clock.now());
    redirect(&redirect_uri, &[("code", Some(&code)), ("state", state.as_deref()), ("iss", iss.as_deref())])
}

/// What is wrong with client or redirect is shown here: the redirect cannot be trusted with it.
fn parse(call: &Call<'_>, params: &Params) -> Result<Request, Answer> {
    let client = params
        .get("client_id")
        .and_then(|id| call.state.oidc.clients().find(id))
        .ok_or_else(|| fatal("Invalid client_id parameter value."))?;
    let redirect_uri = params
        .get("redirect_uri")
        .filter(|uri| client.allows_redirect(uri))
        .ok_or_else(|| fatal("Mismatching redirect URI."))?
        .to_owned();
    let resources: Vec<String> = params.all("resource").map(str::to_owned).collect();
    if !resources.iter().all(|resource| is_resource(resource)) {
        return Err(fatal("The resource is not an absolute URI without a fragment."));
    }
    let newer = call.state.version() == Version::V0_16;
    // Contract of 0.16, C1: one resource or none; any other gets no code.
    if newer && resources.iter().any(|resource| *resource != call.state.oidc.resource()) {
        return Err(if client.skip_consent {
            Answer::html(StatusCode::FOUND, "").with(header::LOCATION, "?action=grant")
        } else {
            fatal("The resource is not one of this server's.")
        });
    }
    let owned = |name: &str| params.get(name).map(str::to_owned);
    let scopes =
        params.get("scope").unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect();
    let (state, challenge, nonce) = (owned("state"), owned("code_challenge"), owned("nonce"));
    let iss = newer.then(|| call.state.oidc.issuer().to_owned());
    let request = Request { client, redirect_uri, state, scopes, resources, challenge, nonce, iss };
    match request.problem(params) {
        Some(error) => Err(request.error(error)),
        None => Ok(request),
    }
}

impl Request {
    /// The error that goes back to the client, if there is one.
    fn problem(&self, params: &Params) -> Option<&'static str> {
        let method = params.get("code_challenge_method");
        match params.get("response_type") {
            None => return Some("invalid_request"),
            Some("code") => {}
            Some(_) => return Some("unauthorized_client"),
        }
        if self.challenge.is_none() && self.client.pkce_required {
            return Some("invalid_request");
        }
        // RFC 7636: without a method, `plain` is meant, and only S256 is supported.
        if self.challenge.is_some() && method != Some("S256") {
            return Some("invalid_request");
        }
        if self.scopes.is_empty() || !self.scopes.iter().all(|scope| SCOPES.contains(&scope.as_str())) {
            return Some("invalid_scope");
        }
        None
    }

    fn error(&self, error: &str) -> Answer {
        let parameters =
            [("error", Some(error)), ("state", self.state.as_deref()), ("iss", self.iss.as_deref())];
        redirect(&self.redirect_uri, &parameters)
    }
}

/// RFC 8707: absolute, without a fragment, and with a normalised path.
fn is_resource(resource: &str) -> bool {
    let normalised = resource.split('/').all(|segment| segment != "." && segment != "..");
    normalised && Url::parse(resource).is_ok_and(|url| url.has_host() && url.fragment().is_none())
}

fn redirect(uri: &str, parameters: &[(&str, Option<&str>)]) -> Answer {
    let mut uri = Url::parse(uri).expect("it matched a registered one");
    for (name, value) in parameters {
        if let Some(value) = value {
            uri.query_pairs_mut().append_pair(name, value);
        }
    }
    Answer::html(StatusCode::FOUND, "").with(header::LOCATION, uri.as_str())
}

/// To the login page, and from there back to the same request.
fn to_login(params: &Params) -> Answer {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(params.without(&[])).finish();
    let next = form_urlencoded::Serializer::new(String::new())
        .append_pair("next", &format!("/identity/o/authorize?{query}"))
        .finish();
    Answer::html(StatusCode::FOUND, "").with(header::LOCATION, &format!("/accounts/login/?{next}"))
}

/// Contract, section c: a fatal error is a page with status 200. `diagnose` knows both errors by their first words.
fn fatal(text: &str) -> Answer {
    let body = html! { p role="alert" { (text) } };
    Answer::html(StatusCode::OK, pages::page("This request cannot be answered", &body).into_string())
}
