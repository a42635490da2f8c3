//! Validibot's HTTP API (contract, section a): who may call what, in Django REST Framework's order of checks.

mod agent;
mod catalog;
mod details;
mod front;
mod launch;
mod rest;
mod status;

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode, header, request};
use serde_json::json;

use crate::answer::{self, Answer};
use crate::auth;
use crate::builder::Edition;
use crate::oidc;
use crate::pages;
use crate::route::{Route, Target};
use crate::state::State;
use crate::throttle::Client;

/// A request's body.
#[derive(Debug)]
pub(crate) enum Payload {
    Whole(Bytes),
    /// Over Django's limit.
    TooLarge,
    /// The client went away in the middle of it.
    Broken,
}

/// One request and what it is asked of.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a Arc<State>,
    pub(crate) address: IpAddr,
    pub(crate) head: &'a request::Parts,
    pub(crate) payload: Payload,
}

impl Call<'_> {
    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// The base URL that the client used: Django builds absolute URLs from the `Host` header.
    pub(crate) fn base_url(&self) -> String {
        // `SECURE_PROXY_SSL_HEADER` is one of the production settings.
        let scheme = if self.state.allowed_hosts.is_some() { "https" } else { "http" };
        self.header("host").map_or_else(|| self.state.url.clone(), |host| format!("{scheme}://{host}"))
    }

    fn throttle(&self, client: Client) -> Result<(), Answer> {
        self.state.throttle.admit(client, self.state.clock.now())
    }

    /// 405 for any method but this one; `HEAD` goes with `GET`.
    fn expect(&self, method: &Method) -> Result<(), Answer> {
        let got = &self.head.method;
        if got == method || (got == Method::HEAD && method == Method::GET) {
            return Ok(());
        }
        let allow = if method == Method::GET { "GET, HEAD, OPTIONS" } else { "POST, OPTIONS" };
        let text = format!("The method {got} is not allowed here.");
        Err(answer::detail(StatusCode::METHOD_NOT_ALLOWED, &text).with(header::ALLOW, allow))
    }
}

/// The answer of the right deployment to this request.
pub(crate) async fn answer(call: Call<'_>, target: Target) -> Answer {
    let licensed = call.state.edition() != Edition::Community;
    if !target.exists(call.state.version(), licensed) {
        return front::refusal(&call).unwrap_or_else(answer::page_not_found);
    }
    // It is answered before Django is asked, whatever the host and the scheme (contract of 0.16, A2).
    if matches!(target, Target::Endpoint(Route::ResourceMetadata, _)) {
        return oidc::resource(&call);
    }
    if let Some(refusal) = front::refusal(&call) {
        return refusal;
    }
    let result = match target {
        Target::Home => Ok(pages::home(&call)),
        Target::Unknown => Ok(answer::page_not_found()),
        Target::Slashless(_) => Ok(to_slash(&call)),
        Target::Endpoint(route, reference) => endpoint(call, route, &reference).await,
    };
    result.unwrap_or_else(|refusal| refusal)
}

/// Authentication, throttle, method, then the endpoint: the order decides which error a doubtful request gets.
async fn endpoint(call: Call<'_>, route: Route, reference: &str) -> Result<Answer, Answer> {
    match route {
        Route::Health => {
            call.expect(&Method::GET)?;
            Ok(Answer::json(StatusCode::OK, &json!({ "status": "healthy", "database": "ok" })))
        }
        Route::LicenseFeatures => {
            call.throttle(Client::Address(call.address))?;
            call.expect(&Method::GET)?;
            Ok(license(&call))
        }
        Route::AuthMe => {
            let user = auth::bearer(&call)?;
            call.throttle(Client::User(user.id))?;
            call.expect(&Method::GET)?;
            Ok(Answer::json(StatusCode::OK, &json!({ "email": user.email, "name": user.name })))
        }
        Route::ListWorkflows | Route::WorkflowDetails | Route::RunStatus | Route::LaunchRun => {
            let user = auth::forwarded(&call)?;
            call.throttle(Client::User(user.id))?;
            call.expect(if route == Route::LaunchRun { &Method::POST } else { &Method::GET })?;
            match route {
                Route::ListWorkflows => Ok(catalog::list(&call, user)),
                Route::WorkflowDetails => details::show(&call, user, reference),
                Route::RunStatus => status::show(&call, user, reference),
                _ => launch::launch(call, user, reference).await,
            }
        }
        Route::Orgs
        | Route::Org
        | Route::OrgWorkflows
        | Route::OrgWorkflow
        | Route::OrgLaunch
        | Route::OrgRuns
        | Route::OrgRun => rest::answer(call, route, reference).await,
        Route::Discovery
        | Route::Jwks
        | Route::Login
        | Route::Authorize
        | Route::Token
        | Route::Revoke
        | Route::Userinfo => oidc::answer(call, route).await,
        Route::AgentWorkflows | Route::AgentWorkflow | Route::AgentLaunch | Route::AgentRun => {
            if !call.state.paid_access {
                return Ok(answer::page_not_found());
            }
            if route == Route::AgentLaunch {
                auth::service(&call)?;
            }
            call.throttle(Client::Address(call.address))?;
            call.expect(if route == Route::AgentLaunch { &Method::POST } else { &Method::GET })?;
            match route {
                Route::AgentWorkflows => Ok(agent::list(&call)),
                Route::AgentWorkflow => agent::show(&call, reference),
                Route::AgentRun => agent::status(&call, reference),
                _ => agent::launch(call).await,
            }
        }
        Route::Any | Route::Other | Route::ResourceMetadata | Route::Verify | Route::Settle | Route::Rpc => {
            Ok(answer::page_not_found())
        }
    }
}

fn license(call: &Call<'_>) -> Answer {
    let edition = call.state.edition();
    // The last one by name, so that the list stays sorted.
    let paid = call.state.paid_access.then_some(&"x402_agent_payments");
    let features: Vec<&str> = edition.features().iter().chain(paid).copied().collect();
    Answer::json(StatusCode::OK, &json!({ "edition": edition.name(), "features": features }))
}

fn to_slash(call: &Call<'_>) -> Answer {
    let uri = &call.head.uri;
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Answer::html(StatusCode::MOVED_PERMANENTLY, Bytes::new())
        .with(header::LOCATION, &format!("{}/{query}", uri.path()))
}
