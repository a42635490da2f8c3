//! What production settings answer before any view is asked: which host names are taken, and that the scheme is https.
//!
//! Measured on the real application with `config.settings.production` (0.14, 0.15 and later alike): by an inner name that is
//! not in `DJANGO_ALLOWED_HOSTS` 400, with one that is 301 to https, and 200 with `X-Forwarded-Proto: https` besides.
//! `X-Forwarded-Host` is not looked at, and `/health/` is no exception.

use bytes::Bytes;
use http::{StatusCode, header};

use super::Call;
use crate::answer::Answer;

/// The refusal, where production settings are in force and do not let the request in.
pub(super) fn refusal(call: &Call<'_>) -> Option<Answer> {
    let allowed = call.state.allowed_hosts.as_ref()?;
    let host = call.header("host").unwrap_or_default();
    // `get_host` comes first: Django's redirect is built with it.
    if !allowed.iter().any(|name| name == name_of(host)) {
        return Some(Answer::html(StatusCode::BAD_REQUEST, "<!doctype html><h1>Bad Request (400)</h1>\n"));
    }
    if call.header("x-forwarded-proto") == Some("https") {
        return None;
    }
    let target = call.head.uri.path_and_query().map_or("/", |target| target.as_str());
    let answer = Answer::html(StatusCode::MOVED_PERMANENTLY, Bytes::new());
    Some(answer.with(header::LOCATION, &format!("https://{host}{target}")))
}

/// Without the port, as Django compares it.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}
