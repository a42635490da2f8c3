//! Cookies that tie a sign-in to one browser.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use cookie::{Cookie, SameSite};
use subtle::ConstantTimeEq as _;

use crate::base::random::{self, Random};

/// How long a sign-in may take from the consent page to the way back: the ten minutes of MCP's security guide.
pub(super) const LIFETIME_SECONDS: u32 = 600;

/// The two steps of a sign-in that a browser has to prove.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// Between the consent page and its form.
    Consent,
    /// Between the approval and the way back from Validibot.
    Login,
}

/// Names cookies as the base URL's scheme allows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cookies {
    secure: bool,
}

/// What a browser holds for one step of one sign-in: two windows do not disturb each other.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct Browser {
    /// Tells this sign-in's cookie from others.
    #[serde(rename = "i")]
    id: String,
    /// What only this browser knows.
    #[serde(rename = "k")]
    secret: String,
}

impl Browser {
    pub(super) fn new(random: &dyn Random) -> Self {
        Self { id: random::token::<6>(random), secret: random::token::<16>(random) }
    }
}

impl Cookies {
    /// `secure` is whether the base URL is https. `__Host-` cookies need it; the settings refuse any other base URL
    /// than a loopback one without it.
    pub(super) fn new(secure: bool) -> Self {
        Self { secure }
    }

    /// The `Set-Cookie` that gives a browser its half.
    pub(super) fn set(self, step: Step, browser: &Browser) -> HeaderValue {
        self.header(step, browser, browser.secret.clone(), i64::from(LIFETIME_SECONDS))
    }

    /// The `Set-Cookie` that takes it away again.
    pub(super) fn clear(self, step: Step, browser: &Browser) -> HeaderValue {
        self.header(step, browser, String::new(), 0)
    }

    /// Whether the request comes from the browser that was given the other half.
    pub(super) fn proves(self, step: Step, browser: &Browser, headers: &HeaderMap) -> bool {
        let name = self.name(step, browser);
        headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|header| header.to_str().ok())
            .flat_map(Cookie::split_parse)
            .filter_map(Result::ok)
            .any(|cookie| {
                cookie.name() == name
                    && bool::from(cookie.value().as_bytes().ct_eq(browser.secret.as_bytes()))
            })
    }

    fn name(self, step: Step, browser: &Browser) -> String {
        let prefix = if self.secure { "__Host-" } else { "" };
        let step = match step {
            Step::Consent => "consent",
            Step::Login => "login",
        };
        format!("{prefix}validibot_mcp_{step}_{}", browser.id)
    }

    fn header(self, step: Step, browser: &Browser, value: String, seconds: i64) -> HeaderValue {
        // Lax: the way back from Validibot is a navigation from another site.
        let cookie = Cookie::build((self.name(step, browser), value))
            .path("/")
            .secure(self.secure)
            .http_only(true)
            .same_site(SameSite::Lax)
            .max_age(cookie::time::Duration::seconds(seconds));
        HeaderValue::try_from(cookie.to_string()).expect("names and values are base64url")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn browser() -> Browser {
        Browser { id: "abc".to_owned(), secret: "s3cret".to_owned() }
    }

    fn sent(text: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(text).expect("a header"))])
    }

    #[test]
    fn https_gets_the_host_prefix_and_loopback_http_goes_without() {
        let secure = Cookies::new(true).set(Step::Login, &browser());
        assert_eq!(
            secure,
            "__Host-validibot_mcp_login_abc=s3cret; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600"
        );
        let plain = Cookies::new(false).clear(Step::Consent, &browser());
        assert_eq!(plain, "validibot_mcp_consent_abc=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0");
    }

    #[test]
    fn only_the_right_cookie_with_the_right_value_proves_anything() {
        let cookies = Cookies::new(true);
        let proves = |text| cookies.proves(Step::Login, &browser(), &sent(text));
        assert!(proves("a=b; __Host-validibot_mcp_login_abc=s3cret"));
        assert!(!proves("__Host-validibot_mcp_login_abc=other"));
        assert!(!proves("__Host-validibot_mcp_login_abc="));
        assert!(!proves("__Host-validibot_mcp_consent_abc=s3cret"));
        assert!(!proves("validibot_mcp_login_abc=s3cret"));
        assert!(!cookies.proves(Step::Login, &browser(), &HeaderMap::new()));
    }
}
