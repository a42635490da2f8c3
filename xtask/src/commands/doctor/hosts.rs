//! The name by which the server calls Validibot, and those that Validibot answers to.

use envs::{Variable, oauth, server};

use super::finding::{Finding, Severity};
use crate::config::env::{EnvFile, Found};

/// Django's setting, as Validibot's production settings read it: names, with commas between them.
const ALLOWED_HOSTS: &str = "DJANGO_ALLOWED_HOSTS";

/// A host name that the application does not answer to. Where its file has no list, its own default is not known here.
pub(super) fn not_allowed(get: &dyn Fn(&Variable) -> Option<Found>, theirs: &EnvFile) -> Option<Finding> {
    let list = theirs.get(ALLOWED_HOSTS).filter(|list| !list.value.expose().trim().is_empty())?;
    let (host, origin) = called_by(get)?;
    if list.value.expose().split(',').any(|allowed| answers_to(allowed.trim(), &host)) {
        return None;
    }
    let inner = get(&server::API_BASE_URL).is_some_and(|api| !is_https(api.value.expose()));
    let or = if inner {
        format!(", or write one of its names into {} here", server::API_HOST.name)
    } else {
        String::new()
    };
    Some(Finding {
        code: "host-not-allowed",
        severity: Severity::Error,
        what: format!(
            "{ALLOWED_HOSTS} does not hold {host}, the host name that the server sends to Validibot ({origin})"
        ),
        why: "Validibot answers HTTP 400 to other names: the licence stays unknown, and the server exits"
            .to_owned(),
        place: theirs.at(list).into(),
        fix: format!("add {host} to {ALLOWED_HOSTS} there, then restart Validibot{or}"),
    })
}

/// The name, without a port, and where it comes from: at a plain http address the one that is set for it, else that of the
/// public https address; otherwise the address's own. So the server does it, too.
fn called_by(get: &dyn Fn(&Variable) -> Option<Found>) -> Option<(String, String)> {
    let api = get(&server::API_BASE_URL)?;
    let said = || {
        if is_https(api.value.expose()) {
            return None;
        }
        let site = || get(&oauth::AUTHORIZATION_SERVER_URL).filter(|site| is_https(site.value.expose()));
        get(&server::API_HOST).or_else(site)
    };
    let found = said().unwrap_or_else(|| api.clone());
    Some((host(found.value.expose())?, found.origin.to_string()))
}

fn is_https(url: &str) -> bool {
    url.trim().get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"))
}

/// The host of an address, or of a name with or without a port.
fn host(text: &str) -> Option<String> {
    let text = text.trim();
    let authority = text.split_once("://").map_or(text, |(_, rest)| rest).split('/').next()?;
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

/// Django's rule: a name, a domain with all names below it behind a dot, or everything.
fn answers_to(allowed: &str, host: &str) -> bool {
    let allowed = allowed.to_ascii_lowercase();
    let below = allowed.strip_prefix('.').and_then(|domain| host.strip_suffix(domain));
    allowed == "*" || allowed == host || below.is_some_and(|start| start.is_empty() || start.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_django_compares_them() {
        for (allowed, host) in [
            ("app.acme.example", "app.acme.example"),
            ("App.Acme.Example", "app.acme.example"),
            (".acme.example", "app.acme.example"),
            (".acme.example", "acme.example"),
            ("*", "web"),
        ] {
            assert!(answers_to(allowed, host), "{allowed} {host}");
        }
        for (allowed, host) in [
            ("acme.example", "app.acme.example"),
            (".acme.example", "notacme.example"),
            ("", "web"),
            (".", "web"),
        ] {
            assert!(!answers_to(allowed, host), "{allowed} {host}");
        }
    }

    #[test]
    fn a_host_is_what_stands_between_the_scheme_and_the_port() {
        for (text, expected) in [
            ("http://web:8000", "web"),
            ("https://App.acme.example/", "app.acme.example"),
            ("app.acme.example:8443", "app.acme.example"),
            ("http://[::1]:8000", "[::1]"),
            ("http://[::1]", "[::1]"),
        ] {
            assert_eq!(host(text).as_deref(), Some(expected), "{text}");
        }
    }
}
