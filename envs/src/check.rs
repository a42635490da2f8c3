//! Whether a value has the form that its variable asks for.

use std::net::IpAddr;

use crate::{Kind, Variable, parse_gate, parse_switch};

impl Variable {
    /// What is wrong with the form of a value; `None` where it can be read. The answer never holds the value.
    ///
    /// The empty text counts as not set, but for the switches, where it is a typing mistake.
    pub fn problem(&self, value: &str) -> Option<String> {
        let value = value.trim();
        let not = |good: bool, form: &str| (!good).then(|| format!("is not {form}"));
        match self.kind {
            // Word processors write them; to bash and to us they are part of the value.
            _ if value.starts_with(['\u{201c}', '\u{201d}', '\u{201e}', '\u{2018}', '\u{2019}']) => {
                Some("is in typographic quotes: write ' or \" in their place, or none".to_owned())
            }
            Kind::Switch if parse_switch(value).is_none() => Some("is neither true nor false".to_owned()),
            Kind::Gate if parse_gate(value).is_none() => {
                Some("is neither on nor off: write true, 1, yes or false, 0, no".to_owned())
            }
            _ if value.is_empty() => None,
            Kind::Url => url(value),
            Kind::Integer => not(value.parse::<u64>().is_ok(), "a whole number"),
            Kind::Port => not(value.parse::<u16>().is_ok(), "a port number from 0 to 65535"),
            Kind::Count => not(value.parse::<u32>().is_ok_and(|count| count >= 1), "a number from 1"),
            Kind::Publish => not(publishes(value), "an address and a port, such as 127.0.0.1:8001"),
            Kind::ProjectId => not(is_name(value, 6, 30), "a project id: 6 to 30 of a-z, 0-9 and '-'"),
            Kind::Region => not(is_region(value), "a region, such as us-central1"),
            // The longest name derived from it is a service account's id, `<app>-mcp-staging`, of at most 30 characters.
            Kind::Prefix => not(is_name(value, 1, 18), "a prefix: 1 to 18 of a-z, 0-9 and '-'"),
            Kind::Host => not(is_host(value), "a host, such as us-central1-docker.pkg.dev"),
            Kind::Address if value.parse::<IpAddr>().is_err() => Some("is no IP address".to_owned()),
            Kind::KeyRing => key_ring(value),
            Kind::OneOf(words) if !words.iter().any(|word| word.eq_ignore_ascii_case(value)) => {
                Some(format!("has to be one of {}", words.join(", ")))
            }
            _ => None,
        }
    }
}

/// The server parses URLs in full; here is what people get wrong.
fn url(value: &str) -> Option<String> {
    let Some(rest) = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://")) else {
        return Some("is no URL that starts with http:// or https://".to_owned());
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() || authority.starts_with(':') || value.contains(char::is_whitespace) {
        return Some("is a URL without a host, or with blanks in it".to_owned());
    }
    if !authority.is_ascii() {
        return Some("has a host outside ASCII: write it in its xn-- form".to_owned());
    }
    let port = authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map(|(_, port)| port);
    if !authority.contains('@') && port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Some("has a port that is no number from 0 to 65535".to_owned());
    }
    if authority.contains('@') {
        return Some("holds a user name or password: remove the credentials from the URL".to_owned());
    }
    if rest.contains(['?', '#']) {
        return Some("has a query or fragment: give the base alone".to_owned());
    }
    None
}

/// Lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen.
fn is_name(text: &str, shortest: usize, longest: usize) -> bool {
    (shortest..=longest).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// `us-central1`: words, a hyphen, a number at the end.
fn is_region(text: &str) -> bool {
    is_name(text, 6, 30) && text.contains('-') && text.ends_with(|last: char| last.is_ascii_digit())
}

fn is_host(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || ['-', '.', ':'].contains(&c);
    text.len() <= 253 && text.chars().all(plain) && !text.starts_with(['-', '.', ':'])
}

/// `127.0.0.1:8001`, `[::1]:8001`, or a port alone as docker takes it.
fn publishes(text: &str) -> bool {
    let (host, port) = text.rsplit_once(':').unwrap_or(("0.0.0.0", text));
    let address = host.trim_start_matches('[').trim_end_matches(']');
    address.parse::<IpAddr>().is_ok() && port.parse::<u16>().is_ok_and(|port| port > 0)
}

/// 32 bytes in padded base64 are 43 characters and one `=`.
const ENCODED_KEY_CHARS: usize = 43;

fn key_ring(value: &str) -> Option<String> {
    let mut ids = Vec::new();
    for (index, entry) in value.split(',').map(str::trim).enumerate() {
        let number = index + 1;
        let Some((id, key)) = entry.split_once(':') else {
            return Some(format!("entry {number} is not of the form id:base64"));
        };
        let named = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !(1..=16).contains(&id.len()) || !id.chars().all(named) {
            return Some(format!("entry {number}: the id is not 1 to 16 letters, digits, '-' or '_'"));
        }
        let digits = key.strip_suffix('=').unwrap_or_default();
        let base64 = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
        if digits.len() != ENCODED_KEY_CHARS || !digits.chars().all(base64) {
            return Some(format!("entry {number}: the key is not the base64 of 32 bytes"));
        }
        if ids.contains(&id) {
            return Some(format!("names the id {id} twice"));
        }
        ids.push(id);
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::find;

    #[test]
    fn each_form_is_told_from_what_people_write_instead() {
        let key = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        for (name, good, bad) in [
            ("VALIDIBOT_MCP_ENABLED", "Off", "maybe"),
            ("VALIDIBOT_MCP_ENABLED", "true", ""),
            ("ENABLE_MCP_SERVER", "", "on"),
            ("VALIDIBOT_API_BASE_URL", "http://localhost:8000", "localhost:8000"),
            ("VALIDIBOT_API_BASE_URL", "https://a.example/base/", "https://user:x@a.example"),
            ("VALIDIBOT_API_BASE_URL", "", "https://"),
            ("VALIDIBOT_API_BASE_URL", "https://[::1]:8000", "https://a.example/?q"),
            ("VALIDIBOT_API_BASE_URL", "https://a.example:8443", "https://a.example:99999"),
            ("VALIDIBOT_API_BASE_URL", "https://xn--bcher-kva.example", "https://b\u{fc}cher.example"),
            ("VALIDIBOT_OAUTH_CLIENT_ID", "a-client", "\u{201c}a-client\u{201d}"),
            ("PORT", "8080", "http"),
            ("PORT", "0", "99999"),
            ("VALIDIBOT_MCP_PUBLISH", "127.0.0.1:8001", "127.0.0.1:99999"),
            ("VALIDIBOT_MCP_PUBLISH", "[::1]:8001", "localhost"),
            ("GCP_PROJECT_ID", "acme-prod", "\u{e4}cme-prod"),
            ("GCP_REGION", "europe-west1", "us-west"),
            ("GCP_APP_NAME", "validibot", &"a".repeat(1_000_000)),
            ("GCP_REGISTRY_HOST", "us-central1-docker.pkg.dev", "https://us-central1-docker.pkg.dev"),
            ("GCP_SECRET_VERSIONS_TO_KEEP", "2", "0"),
            ("VALIDIBOT_MCP_BIND", "::1", "localhost"),
            ("VALIDIBOT_LOG_LEVEL", "debug", "loud"),
            ("VALIDIBOT_MCP_SEAL_KEYS", key, "k1:AAAA="),
            ("VALIDIBOT_MCP_SEAL_KEYS", &format!("{key},k0{}", &key[2..]), &format!("{key},{key}")),
        ] {
            let variable = find(name).unwrap();
            assert_eq!(variable.problem(good), None, "{name}={good}");
            let problem = variable.problem(bad).unwrap_or_else(|| panic!("{name}={bad} passes"));
            assert!(bad.len() < 5 || !problem.contains(bad), "{problem}");
        }
    }
}
