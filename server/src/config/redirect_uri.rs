//! Redirect URIs: which ones a client may have, and which one a request may use.
//!
//! What is allowed is listed, never what is forbidden: lists of bad schemes were got round by case and white space.

use thiserror::Error;
use url::Url;

use super::url::is_loopback;

/// Longer than any that real clients register. It travels inside `state`, which has to fit in a URL.
const MAX_BYTES: usize = 512;

/// Editors and assistants that register a private-use scheme without a dot, against RFC 8252, section 7.1, which asks
/// for a reversed domain name. None of these makes a browser run or show anything by itself.
const APP_SCHEMES: [&str; 9] =
    ["claude", "cursor", "goose", "raycast", "vscode", "vscode-insiders", "warp", "windsurf", "zed"];

/// Schemes that make a browser or the system run or show something by themselves: no operator can allow these.
const DANGEROUS_SCHEMES: [&str; 24] = [
    "about",
    "blob",
    "chrome",
    "content",
    "data",
    "feed",
    "file",
    "filesystem",
    "ftp",
    "ftps",
    "http",
    "https",
    "intent",
    "jar",
    "javascript",
    "mailto",
    "mhtml",
    "sms",
    "ssh",
    "tel",
    "vbscript",
    "view-source",
    "ws",
    "wss",
];

/// Schemes without a dot that apps may have.
#[derive(Debug, Clone, Default)]
pub(crate) struct AppSchemes {
    /// Besides the built-in ones.
    listed: Vec<String>,
    any: bool,
}

/// A redirect URI that a client may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RedirectUri {
    text: String,
    target: Target,
}

/// Where a redirect goes: what a person has to know to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A web site.
    Site(String),
    /// A program that listens on the user's own machine: any program there could.
    ThisDevice(String),
    /// A program that the system starts for links of this scheme.
    App(String),
}

/// Why a client may not have a redirect URI. The text goes to the client's author.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum RedirectError {
    #[error("is longer than {MAX_BYTES} bytes")]
    TooLong,
    #[error("is no absolute URI of visible ASCII characters")]
    NotAUri,
    #[error("has a fragment")]
    Fragment,
    #[error("holds a user name or password")]
    Credentials,
    #[error("is neither https, nor http on localhost, 127.0.0.1 or [::1], nor of an app's own scheme")]
    Scheme,
    #[error(
        "is of an app's own scheme that this server does not know: its operator can add it (VALIDIBOT_OAUTH_APP_SCHEMES)"
    )]
    UnknownApp,
}

impl AppSchemes {
    /// The built-in ones and these.
    pub(crate) fn with(listed: &[String]) -> Self {
        Self { listed: listed.to_vec(), any: false }
    }

    /// All that are not dangerous: for clients that the operator has named with their addresses.
    pub(crate) fn any() -> Self {
        Self { listed: Vec::new(), any: true }
    }

    fn hold(&self, scheme: &str) -> bool {
        self.any || APP_SCHEMES.contains(&scheme) || self.listed.iter().any(|listed| listed == scheme)
    }
}

/// A scheme that an operator allows apps to have, in lower case; the error continues a sentence that begins with it.
pub(crate) fn check_app_scheme(text: &str) -> Result<String, &'static str> {
    let scheme = text.to_ascii_lowercase();
    // RFC 3986, section 3.1.
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte);
    if !scheme.starts_with(|first: char| first.is_ascii_alphabetic()) || !scheme.bytes().all(letter) {
        return Err("is no scheme: write it without a colon, such as obsidian");
    }
    if DANGEROUS_SCHEMES.contains(&scheme.as_str()) {
        return Err("is no app's own scheme: browsers and systems open it by themselves");
    }
    Ok(scheme)
}

impl RedirectUri {
    /// Checks a redirect URI that a client brings.
    pub(crate) fn parse(text: &str, schemes: &AppSchemes) -> Result<Self, RedirectError> {
        if text.len() > MAX_BYTES {
            return Err(RedirectError::TooLong);
        }
        // The URL parser drops white space and control characters; here they are no URI.
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(RedirectError::NotAUri);
        }
        if text.contains('#') {
            return Err(RedirectError::Fragment);
        }
        let url = Url::parse(text).map_err(|_| RedirectError::NotAUri)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(RedirectError::Credentials);
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        let target = match (url.scheme(), is_loopback(&url)) {
            ("http" | "https", true) => Target::ThisDevice(host),
            ("https", false) => Target::Site(host),
            (scheme, _) if DANGEROUS_SCHEMES.contains(&scheme) => return Err(RedirectError::Scheme),
            (scheme, _) if schemes.hold(scheme) || is_reversed_domain(scheme) => {
                Target::App(scheme.to_owned())
            }
            _ => return Err(RedirectError::UnknownApp),
        };
        Ok(Self { text: text.to_owned(), target })
    }

    /// Whether a request's `redirect_uri` is this one: character by character, except that the port of a loopback
    /// address is the client's choice at run time (RFC 8252, section 7.3; `localhost` too, as Claude Code needs it).
    pub(crate) fn matches(&self, requested: &str) -> bool {
        if self.text == requested {
            return true;
        }
        matches!(self.target, Target::ThisDevice(_))
            && self.text.starts_with("http:")
            && Self::parse(requested, &AppSchemes::default()).is_ok()
            && without_port(&self.text) == without_port(requested)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }
}

/// The redirect of a validated request with more query parameters.
pub(crate) fn with_query(redirect: &str, pairs: &[(&str, &str)]) -> String {
    let Ok(mut url) = Url::parse(redirect) else { return redirect.to_owned() };
    url.query_pairs_mut().extend_pairs(pairs);
    url.into()
}

/// RFC 8252, section 7.1.
fn is_reversed_domain(scheme: &str) -> bool {
    scheme.contains('.')
}

/// The text without its port: everything else stays as it was written.
fn without_port(text: &str) -> Option<(&str, &str)> {
    let start = text.find("://")? + 3;
    let end = text[start..].find(['/', '?']).map_or(text.len(), |at| start + at);
    let authority = &text[..end];
    let without = match authority.rsplit_once(':') {
        Some((before, port)) if before.len() > start && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            before
        }
        _ => authority,
    };
    Some((without, &text[end..]))
}

/// Whether a client that the operator names may have this redirect address. The error continues a sentence that begins with it.
pub(crate) fn check(text: &str) -> Result<(), String> {
    RedirectUri::parse(text, &AppSchemes::any()).map(|_| ()).map_err(|problem| problem.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> RedirectUri {
        RedirectUri::parse(text, &AppSchemes::default()).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn what_real_clients_register_is_allowed() {
        for (text, target) in [
            ("https://claude.ai/api/mcp/auth_callback", Target::Site("claude.ai".into())),
            ("https://vscode.dev/redirect", Target::Site("vscode.dev".into())),
            ("http://localhost/callback", Target::ThisDevice("localhost".into())),
            ("http://127.0.0.1:33418/", Target::ThisDevice("127.0.0.1".into())),
            ("http://[::1]:3000/cb?x=1", Target::ThisDevice("[::1]".into())),
            ("cursor://anysphere.cursor-mcp/oauth/callback", Target::App("cursor".into())),
            ("com.example.app:/callback", Target::App("com.example.app".into())),
        ] {
            assert_eq!(uri(text).target, target, "{text}");
        }
    }

    #[test]
    fn what_could_hurt_is_not() {
        for (text, error) in [
            ("javascript:alert(1)", RedirectError::Scheme),
            ("JaVaScRiPt://localhost/%0aalert(1)", RedirectError::Scheme),
            ("java\tscript:alert(1)", RedirectError::NotAUri),
            (" https://claude.ai/cb", RedirectError::NotAUri),
            ("data:text/html,x", RedirectError::Scheme),
            ("file:///etc/passwd", RedirectError::Scheme),
            ("blob:https://a.example/1", RedirectError::Scheme),
            ("intent://a.example/#Intent;end", RedirectError::Fragment),
            ("intent://a.example/", RedirectError::Scheme),
            ("http://evil.example/cb", RedirectError::Scheme),
            ("http://localhost.evil.example/cb", RedirectError::Scheme),
            ("http://127.0.0.1.evil.example/cb", RedirectError::Scheme),
            ("http://10.0.0.1/cb", RedirectError::Scheme),
            ("https://a.example/cb#fragment", RedirectError::Fragment),
            ("https://a.example/cb#", RedirectError::Fragment),
            ("https://claude.ai@evil.example/cb", RedirectError::Credentials),
            ("/callback", RedirectError::NotAUri),
            ("*", RedirectError::NotAUri),
            ("https://ex\u{e4}mple.example/cb", RedirectError::NotAUri),
        ] {
            for schemes in [AppSchemes::default(), AppSchemes::any()] {
                assert_eq!(RedirectUri::parse(text, &schemes), Err(error), "{text}");
            }
        }
        assert_eq!(
            RedirectUri::parse(&format!("https://a.example/{}", "a".repeat(512)), &AppSchemes::default()),
            Err(RedirectError::TooLong)
        );
    }

    #[test]
    fn an_operator_can_add_the_schemes_of_apps_and_none_that_is_dangerous() {
        let text = "obsidian://oauth/callback";
        assert_eq!(RedirectUri::parse(text, &AppSchemes::default()), Err(RedirectError::UnknownApp));
        let listed = AppSchemes::with(&["obsidian".to_owned()]);
        for schemes in [listed, AppSchemes::any()] {
            let target = RedirectUri::parse(text, &schemes).map(|uri| uri.target);
            assert_eq!(target, Ok(Target::App("obsidian".to_owned())));
        }
        assert_eq!(check_app_scheme("Obsidian"), Ok("obsidian".to_owned()));
        for bad in ["javascript", "DATA", "https", "obsidian:", "", "1a", "a b", "\u{e4}"] {
            assert!(check_app_scheme(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_match_is_exact_but_for_the_port_of_a_loopback_address() {
        let site = uri("https://a.example/cb");
        assert!(site.matches("https://a.example/cb"));
        for other in [
            "https://a.example/cb/",
            "https://a.example/cb?x=1",
            "https://a.example:443/cb",
            "https://a.example:8443/cb",
            "https://A.example/cb",
            "http://a.example/cb",
            "https://a.example/x/../cb",
            "https://evil.example/cb",
        ] {
            assert!(!site.matches(other), "{other}");
        }
        let device = uri("http://localhost/callback");
        for same in ["http://localhost:49152/callback", "http://localhost/callback"] {
            assert!(device.matches(same), "{same}");
        }
        for other in [
            "http://127.0.0.1:49152/callback",
            "https://localhost:49152/callback",
            "http://localhost:49152/other",
            "http://localhost:49152/callback#x",
            "http://localhost:49152@evil.example/callback",
            "http://localhost:evil/callback",
            "http://localhost.evil.example/callback",
        ] {
            assert!(!device.matches(other), "{other}");
        }
        assert!(uri("http://[::1]/cb").matches("http://[::1]:3000/cb"));
        assert!(uri("http://127.0.0.1:1/cb").matches("http://127.0.0.1:2/cb"));
        assert!(!uri("cursor://a/cb").matches("cursor://a:1/cb"));
    }

    #[test]
    fn parameters_are_appended_and_encoded() {
        assert_eq!(
            with_query("https://a.example/cb?x=1", &[("code", "a b&c")]),
            "https://a.example/cb?x=1&code=a+b%26c"
        );
    }
}
