//! What answers at Validibot's address, and by which of its APIs it can be called.
//!
//! Nothing there says its version. What tells versions apart is which of these addresses exist (contract of 0.16, A2); anything but
//! a clear answer is "unknown", and never "gone".

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;
use url::Url;

use crate::base::http_body;
use crate::base::json;
use crate::base::trouble;
use crate::config::{BaseUrl, Reach};

/// Where 0.14 and 0.15 say what they are licensed for (contract, A1).
pub(super) const FEATURES: &str = "/api/v1/license/features/";
/// What only a 0.16 that is licensed for MCP serves (RFC 9728).
pub(super) const METADATA: &str = "/.well-known/oauth-protected-resource/mcp";
/// What every version has, licensed or not (RFC 8414).
const PROVIDER: &str = "/.well-known/oauth-authorization-server";
/// What every version answers to nobody in particular with 403 and JSON (contract, A2).
const REST: &str = "/api/v1/auth/me/";
/// The scope that every version's metadata names.
const SCOPE: &str = "validibot:mcp";

/// One exchange.
const DEADLINE: Duration = Duration::from_secs(5);
/// Far above any real answer; a body beyond it is not one.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Asks at one address.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    base: BaseUrl,
    reach: Reach,
    http: reqwest::Client,
}

/// An answer whose status says something.
pub(super) enum Said {
    /// 2xx, with its body.
    Yes(Bytes),
    /// There is no such address.
    Gone,
    /// 401 or 403, and not a page.
    Refused,
}

/// Why there is no answer, and whether there may be one in a moment.
pub(super) struct Trouble {
    pub(super) url: Url,
    pub(super) reason: String,
    pub(super) passing: bool,
    /// Whether it is production settings that do not let this server in; the reason says which line to change.
    pub(super) not_let_in: bool,
}

/// As much of the metadata as has to be right.
#[derive(Deserialize)]
struct Metadata {
    resource: String,
    authorization_servers: Vec<String>,
    #[serde(default)]
    scopes_supported: Vec<String>,
}

impl Probe {
    pub(super) fn new(base: &BaseUrl, reach: Reach, http: reqwest::Client) -> Self {
        Self { base: base.clone(), reach, http }
    }

    /// The address that is asked at.
    pub(super) fn base(&self) -> &BaseUrl {
        &self.base
    }

    /// Asks for one path, and takes only what is clear for an answer.
    pub(super) async fn ask(&self, path: &str) -> Result<Said, Trouble> {
        let late = || self.trouble(path, true, format!("no answer within {} s", DEADLINE.as_secs()));
        timeout(DEADLINE, self.exchange(path)).await.unwrap_or_else(|_| Err(late()))
    }

    async fn exchange(&self, path: &str) -> Result<Said, Trouble> {
        let url = self.base.join(path);
        let request = self.reach.say(&url, self.http.get(url.clone()));
        let response = request
            .send()
            .await
            .map_err(|error| self.trouble(path, true, trouble::reason(&error).to_owned()))?;
        let (status, html) = (response.status().as_u16(), http_body::is_html(response.headers()));
        match status {
            200..=299 => {}
            404 => return Ok(Said::Gone),
            401 | 403 if !html => return Ok(Said::Refused),
            _ => {
                if let Some(cause) = self.reach.refusal(status, html) {
                    return Err(Trouble { not_let_in: true, ..self.trouble(path, false, cause) });
                }
                let too_many = if status == 429 { " (too many requests)" } else { "" };
                let reason = format!("it answered HTTP {status}{too_many}");
                // What a proxy says before whom nobody listens yet, or to whom too many ask.
                return Err(self.trouble(path, matches!(status, 429 | 502..=504), reason));
            }
        }
        let body = http_body::read(response, MAX_BODY_BYTES).await;
        body.map(Said::Yes).map_err(|error| self.trouble(path, false, error.to_string()))
    }

    /// The site that the metadata of Validibot's own MCP server names; `None` where there is no such metadata.
    pub(super) async fn site(&self) -> Result<Option<String>, Trouble> {
        match self.ask(METADATA).await? {
            Said::Gone => Ok(None),
            Said::Yes(body) => site(&body).map(Some).ok_or_else(|| {
                let reason = "its answer is not the metadata of Validibot's MCP server";
                self.trouble(METADATA, false, reason.to_owned())
            }),
            Said::Refused => Err(self.trouble(METADATA, false, "it asks for a sign-in".to_owned())),
        }
    }

    /// Whether Validibot's REST API is there: this server's own address has metadata of the same form.
    pub(super) async fn has_rest(&self) -> Result<bool, Trouble> {
        Ok(matches!(self.ask(REST).await?, Said::Refused))
    }

    /// Whether it is a Validibot, licensed or not.
    pub(super) async fn is_validibot(&self) -> Result<bool, Trouble> {
        let provider = match self.ask(PROVIDER).await? {
            Said::Yes(body) => {
                let scopes = json::document::<Value>(&body).ok();
                scopes.is_some_and(|document| names(&document["scopes_supported"], SCOPE))
            }
            Said::Gone | Said::Refused => false,
        };
        Ok(provider && self.has_rest().await?)
    }

    pub(super) fn trouble(&self, path: &str, passing: bool, reason: String) -> Trouble {
        Trouble { url: self.base.join(path), reason, passing, not_let_in: false }
    }
}

fn names(list: &Value, name: &str) -> bool {
    list.as_array().is_some_and(|list| list.iter().any(|one| one == name))
}

/// The site in the metadata, where it is Validibot's.
fn site(body: &[u8]) -> Option<String> {
    let Metadata { resource, authorization_servers, scopes_supported } = json::document(body).ok()?;
    let site = authorization_servers.into_iter().next()?;
    let own = resource.strip_suffix("/mcp")? == site.trim_end_matches('/');
    let scoped = scopes_supported.iter().any(|scope| scope == SCOPE);
    // It is shown to users.
    let base = BaseUrl::parse(&site).ok().filter(|_| own && scoped)?;
    Some(base.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::site;

    #[test]
    fn only_the_metadata_of_validibots_own_server_names_a_site() {
        let good = r#"{"resource":"https://v.example/mcp","authorization_servers":["https://v.example"],"scopes_supported":["validibot:mcp"]}"#;
        assert_eq!(site(good.as_bytes()).as_deref(), Some("https://v.example"));
        for (from, to) in [
            ("https://v.example/mcp", "https://mcp.example/mcp"),
            ("https://v.example/mcp", "https://v.example"),
            ("validibot:mcp", "other"),
            (r#"["https://v.example"]"#, "[]"),
            (r#"["https://v.example"]"#, r#"["javascript:x"]"#),
        ] {
            assert_eq!(site(good.replacen(from, to, 1).as_bytes()), None, "{from} {to}");
        }
        assert_eq!(site(b"<html>"), None);
    }
}
