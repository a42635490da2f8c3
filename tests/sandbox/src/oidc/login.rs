//! The login page.

use http::{Method, StatusCode, header};
use maud::html;

use super::params::Params;
use super::sessions::{CSRF_FIELD, csrf_matches, csrf_token, with_csrf};
use crate::answer::Answer;
use crate::api::Call;
use crate::fixtures::{DEMO_EMAIL, DEMO_PASSWORD};
use crate::pages;

/// Shows the form, or signs in and goes on to `next`.
pub(crate) fn login(call: &Call<'_>) -> Result<Answer, Answer> {
    if call.head.method != Method::POST {
        return Ok(form(call, StatusCode::OK, None));
    }
    let fields = Params::of_form(call);
    if !csrf_matches(call, &fields) {
        return Err(forbidden());
    }
    let given = (fields.get("login").unwrap_or_default(), fields.get("password").unwrap_or_default());
    if given != (DEMO_EMAIL, DEMO_PASSWORD) {
        return Ok(form(call, StatusCode::OK, Some("The e-mail address or the password is wrong.")));
    }
    let onward = Answer::html(StatusCode::FOUND, "").with(header::LOCATION, &next(call));
    Ok(call.state.oidc.sessions.start(crate::fixtures::DEMO_USER_ID, onward))
}

/// The page that a form without this browser's token gets, here and at the consent.
pub(crate) fn forbidden() -> Answer {
    let body =
        html! { p { "The form is too old, or it does not come from this site. Go back and try again." } };
    Answer::html(StatusCode::FORBIDDEN, pages::page("Refused", &body).into_string())
}

/// Where to go after signing in: a path on this site, never another one.
fn next(call: &Call<'_>) -> String {
    let query = Params::of_query(call);
    let next = query.get("next").unwrap_or("/");
    let here = next.starts_with('/') && !next.starts_with("//") && !next.contains('\\');
    let visible = next.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    if here && visible { next.to_owned() } else { "/".to_owned() }
}

fn form(call: &Call<'_>, status: StatusCode, problem: Option<&str>) -> Answer {
    let token = csrf_token(call);
    let action = call.head.uri.path_and_query().map_or("/accounts/login/", |path| path.as_str());
    let body = html! {
        @if let Some(problem) = problem {
            p role="alert" { (problem) }
        }
        form method="post" action=(action) {
            input type="hidden" name=(CSRF_FIELD) value=(token);
            p {
                label for="login" { "E-mail address" } br;
                input id="login" name="login" type="email" required autocomplete="username" value=(DEMO_EMAIL);
            }
            p {
                label for="password" { "Password" } br;
                input id="password" name="password" type="password" required
                    autocomplete="current-password" value=(DEMO_PASSWORD);
            }
            p { button type="submit" { "Sign in" } }
        }
        p { "The demo user is filled in: this is a sandbox." }
    };
    with_csrf(Answer::html(status, pages::page("Sign in", &body).into_string()), &token)
}
