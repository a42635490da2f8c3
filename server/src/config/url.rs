//! Base URLs, parsed once.

use url::{Host, Url};

/// An absolute `http` or `https` URL to which paths are appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// Without a trailing slash in the path.
    url: Url,
    configured: String,
}

impl BaseUrl {
    /// Parses a base URL; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut url = Url::parse(text).map_err(|error| format!("is no absolute URL ({error})"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err("is no http or https URL".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("holds a user name or password: remove the credentials from the URL".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("has a query or fragment: give the base alone".to_owned());
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self { url, configured: text.to_owned() })
    }

    /// Exactly as configured: what another program compares byte for byte.
    pub fn as_configured(&self) -> &str {
        &self.configured
    }

    /// Without a trailing slash, as an issuer or a prefix is written.
    pub fn as_str(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// The URL of a path below this base. `path` is empty or starts with `/`, and holds only characters that stand for
    /// themselves in a path: callers build it from literals and checked references.
    pub fn join(&self, path: &str) -> Url {
        debug_assert!(path.is_empty() || path.starts_with('/'), "{path}");
        let mut url = self.url.clone();
        url.set_path(&format!("{}{path}", self.url.path().trim_end_matches('/')));
        url
    }

    /// Whether there is no path behind the host.
    pub fn is_bare_origin(&self) -> bool {
        self.url.path().trim_end_matches('/').is_empty()
    }

    /// Whether the scheme is `https`.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether the host is this machine (RFC 8252, section 7.3; `localhost` too).
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// The host, without a port; an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The origin with its port written out, as an allow list of web origins wants it.
    pub fn origin_with_port(&self) -> String {
        let port = self.url.port_or_known_default().unwrap_or_default();
        format!("{}://{}:{port}", self.url.scheme(), self.host())
    }
}

/// Whether a URL's host is this machine (RFC 8252, section 7.3; `localhost` too, which Claude Code registers).
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_and_addresses_of_this_machine_are_loopback() {
        for (url, expected) in [
            ("http://localhost:8000", true),
            ("http://LOCALHOST", true),
            ("http://127.0.0.1", true),
            ("http://127.8.9.1:1", true),
            ("http://0x7f.1", true),
            ("http://[::1]:8000", true),
            ("http://localhost.evil.example", false),
            ("http://localhost.", false),
            ("http://127.0.0.1.evil.example", false),
            ("http://0.0.0.0", false),
            ("http://[::ffff:127.0.0.1]", false),
            ("com.example.app:/callback", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).expect("a URL")), expected, "{url}");
        }
    }

    #[test]
    fn a_trailing_slash_is_trimmed_for_use_and_kept_as_configured() {
        let base = BaseUrl::parse("https://app.example.com/").unwrap();
        assert_eq!(base.as_str(), "https://app.example.com");
        assert_eq!(base.as_configured(), "https://app.example.com/");
        assert_eq!(base.join("/api/v1/").as_str(), "https://app.example.com/api/v1/");
        assert!(base.is_bare_origin());
        assert_eq!(base.origin_with_port(), "https://app.example.com:443");
        let below = BaseUrl::parse("http://127.0.0.1:8000/django/").unwrap();
        assert_eq!(below.join("/api/").as_str(), "http://127.0.0.1:8000/django/api/");
        assert!(below.is_loopback() && !below.is_bare_origin());
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        for text in
            ["", "app.example.com", "ftp://a", "https://u:p@a", "https://a?b", "https://a#b", "mailto:a@b"]
        {
            assert!(BaseUrl::parse(text).is_err(), "{text}");
        }
    }
}
