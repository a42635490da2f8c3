//! Browser sessions.

use std::collections::VecDeque;
use std::sync::Mutex;

use http::header;

use super::params::{Params, cookie};
use crate::answer::Answer;
use crate::api::Call;
use crate::random;
use crate::state::lock;

/// Django's names.
const SESSION_COOKIE: &str = "sessionid";
const CSRF_COOKIE: &str = "csrftoken";
/// The form field that repeats the CSRF cookie.
pub(crate) const CSRF_FIELD: &str = "csrfmiddlewaretoken";

/// Sessions kept at a time; the oldest go first.
const MAX_SESSIONS: usize = 1000;

/// Who is signed in.
#[derive(Default)]
pub(crate) struct Sessions {
    list: Mutex<VecDeque<(String, i64)>>,
}

impl Sessions {
    /// Signs a user in with a new session, whose cookie goes with the answer.
    pub(crate) fn start(&self, user: i64, answer: Answer) -> Answer {
        let id = random::alphanumeric(32);
        let mut list = lock(&self.list);
        if list.len() == MAX_SESSIONS {
            list.pop_front();
        }
        list.push_back((id.clone(), user));
        set_cookie(answer, SESSION_COOKIE, &id)
    }

    /// The user of the request's session.
    pub(crate) fn user(&self, call: &Call<'_>) -> Option<i64> {
        let id = cookie(call, SESSION_COOKIE)?;
        lock(&self.list).iter().find(|(known, _)| *known == id).map(|(_, user)| *user)
    }
}

/// The browser's CSRF token, or a new one.
pub(crate) fn csrf_token(call: &Call<'_>) -> String {
    cookie(call, CSRF_COOKIE)
        .filter(|token| token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .unwrap_or_else(|| random::alphanumeric(32))
}

/// The page with the token's cookie.
pub(crate) fn with_csrf(answer: Answer, token: &str) -> Answer {
    set_cookie(answer, CSRF_COOKIE, token)
}

/// Whether the form repeats the cookie's token: it comes from a page that we made for this browser.
pub(crate) fn csrf_matches(call: &Call<'_>, form: &Params) -> bool {
    match (cookie(call, CSRF_COOKIE), form.get(CSRF_FIELD)) {
        (Some(cookie), Some(field)) => cookie == field,
        _ => false,
    }
}

/// Without `Secure`: this runs on plain http.
fn set_cookie(answer: Answer, name: &str, value: &str) -> Answer {
    answer.with(header::SET_COOKIE, &format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax"))
}
