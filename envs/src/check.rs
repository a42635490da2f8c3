//! Whether a value has the form that its variable asks for.

use std::net::IpAddr;

use crate::{Kind, Variable, parse_gate, parse_switch};

impl Variable {
    /// What is wrong with the form of a value; `None` where it can be read. The answer never holds the value.
    ///
    /// The empty text counts as not set, but for the switches, where it is a typing mistake.
    pub fn problem(&self, value: &str) -> Option<String> {
        let value = value.trim();
        match self.kind {
            Kind::Switch if parse_switch(value).is_none() => Some("is neither true nor false".to_owned()),
            Kind::Gate if parse_gate(value).is_none() => {
                Some("is neither on nor off: write true, 1, yes or false, 0, no".to_owned())
            }
            _ if value.is_empty() => None,
            Kind::Url => url(value),
            Kind::Integer if value.parse::<u64>().is_err() => Some("is no whole number".to_owned()),
            Kind::Address if value.parse::<IpAddr>().is_err() => Some("is no IP address".to_owned()),
            Kind::KeyRing => key_ring(value),
            Kind::OneOf(words) if !words.iter().any(|word| word.eq_ignore_ascii_case(value)) => {
                Some(format!("is none of {}", words.join(", ")))
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
    if authority.contains('@') {
        return Some("holds a user name or password: put credentials where they belong".to_owned());
    }
    if rest.contains(['?', '#']) {
        return Some("has a query or fragment: give the base alone".to_owned());
    }
    None
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
            ("PORT", "8080", "http"),
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
