//! The public REST API (contract of 0.16, section B): a user's API key, and the organizations that the user has to do with. It is
//! the same from 0.14 on.

mod catalog;
mod launch;
mod page;
mod runs;

use http::{Method, StatusCode};
use serde_json::json;

use super::Call;
use crate::answer::{self, Answer};
use crate::auth;
use crate::route::Route;
use crate::throttle::Client;
use crate::world::User;

/// Answers a request to one of its endpoints. Sessions aside, only API keys are taken: an access token of the OpenID provider
/// is 403 as well (contract of 0.16, C1).
pub(super) async fn answer(call: Call<'_>, route: Route, reference: &str) -> Result<Answer, Answer> {
    let user = auth::bearer(&call)?;
    call.throttle(Client::User(user.id))?;
    call.expect(if route == Route::OrgLaunch { &Method::POST } else { &Method::GET })?;
    let (org, rest) = reference.split_once('/').unwrap_or((reference, ""));
    match route {
        Route::Orgs => page::of(&call, call.state.world.orgs_of(user).into_iter().map(catalog::org)),
        Route::Org => catalog::one_org(&call, user, org),
        Route::OrgWorkflows => catalog::list(&call, user, org),
        Route::OrgWorkflow => catalog::show(&call, user, org, rest),
        Route::OrgLaunch => launch::launch(call, user, org, rest).await,
        Route::OrgRuns => runs::list(&call, user, org),
        _ => runs::show(&call, user, org, rest),
    }
}

/// 404 for an organization that does not exist, 403 for one that the user has nothing to do with (contract of 0.16, B2).
fn related(call: &Call<'_>, user: &'static User, org: &str) -> Result<(), Answer> {
    let world = &call.state.world;
    if world.orgs_of(user).iter().any(|one| one.slug == org) {
        Ok(())
    } else if world.has_org(org) {
        Err(answer::detail(StatusCode::FORBIDDEN, "You have nothing to do with this organization."))
    } else {
        Err(not_found())
    }
}

/// What is not there, or not for this user.
fn not_found() -> Answer {
    Answer::json(StatusCode::NOT_FOUND, &json!({ "detail": "There is nothing here, or it is not yours." }))
}
