//! The consent page, for clients that do not skip it.

use http::StatusCode;
use maud::html;

use super::clients::Client;
use super::params::Params;
use super::sessions::{CSRF_FIELD, csrf_token, with_csrf};
use crate::answer::Answer;
use crate::api::Call;
use crate::pages;

/// The field that carries the decision, and the value that grants.
pub(crate) const ACTION_FIELD: &str = "action";
pub(crate) const GRANT: &str = "grant";

/// Asks the user; the form sends the request's parameters again.
pub(crate) fn page(call: &Call<'_>, client: &Client, scopes: &[String], params: &Params) -> Answer {
    let token = csrf_token(call);
    let body = html! {
        p { strong { (client.name) } " asks for access to your Validibot account:" }
        ul {
            @for scope in scopes {
                li { code { (scope) } }
            }
        }
        form method="post" action="/identity/o/authorize" {
            input type="hidden" name=(CSRF_FIELD) value=(token);
            @for (name, value) in params.without(&[CSRF_FIELD, ACTION_FIELD]) {
                input type="hidden" name=(name) value=(value);
            }
            p {
                button type="submit" name=(ACTION_FIELD) value=(GRANT) { "Allow" }
                " "
                button type="submit" name=(ACTION_FIELD) value="cancel" { "Cancel" }
            }
        }
    };
    with_csrf(Answer::html(StatusCode::OK, pages::page("Allow access?", &body).into_string()), &token)
}
