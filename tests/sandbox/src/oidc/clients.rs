//! The two registered clients (contract, section c, `ensure_oidc_clients`).

use std::sync::Mutex;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use url::Url;

use super::params::Params;
use crate::api::Call;
use crate::fixtures::{CLAUDE_CLIENT_ID, MCP_CLIENT_ID};
use crate::state::lock;

/// Every scope that a client may ask for.
pub(crate) const SCOPES: [&str; 4] = ["openid", "profile", "email", "validibot:mcp"];

/// Where Claude's public client is sent back to.
const CLAUDE_REDIRECTS: [&str; 2] =
    ["https://claude.ai/api/mcp/auth_callback", "https://claude.com/api/mcp/auth_callback"];

/// A registered client.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    redirects: Vec<String>,
    secret: Option<String>,
    pub(crate) skip_consent: bool,
    pub(crate) pkce_required: bool,
}

/// The registrations.
pub(crate) struct Clients {
    mcp_base_url: Mutex<String>,
    mcp_secret: Option<String>,
}

impl Clients {
    pub(crate) fn new(mcp_base_url: &str, mcp_secret: Option<String>) -> Self {
        let mcp_base_url = Mutex::new(mcp_base_url.trim_end_matches('/').to_owned());
        Self { mcp_base_url, mcp_secret: mcp_secret.filter(|secret| !secret.is_empty()) }
    }

    pub(crate) fn set_mcp_base_url(&self, url: &str) {
        url.trim_end_matches('/').clone_into(&mut lock(&self.mcp_base_url));
    }

    /// `IDP_OIDC_MCP_RESOURCE_AUDIENCE`: `<MCP base>/mcp`.
    pub(crate) fn resource_audience(&self) -> String {
        format!("{}/mcp", lock(&self.mcp_base_url))
    }

    /// The client with this id. The confidential one exists only with a secret.
    pub(crate) fn find(&self, id: &str) -> Option<Client> {
        match id {
            CLAUDE_CLIENT_ID => Some(Client {
                id: CLAUDE_CLIENT_ID,
                name: "Claude",
                redirects: CLAUDE_REDIRECTS.map(str::to_owned).to_vec(),
                secret: None,
                skip_consent: false,
                pkce_required: true,
            }),
            MCP_CLIENT_ID => Some(Client {
                id: MCP_CLIENT_ID,
                name: "Validibot MCP",
                redirects: vec![format!("{}/auth/callback", lock(&self.mcp_base_url))],
                secret: Some(self.mcp_secret.clone()?),
                skip_consent: true,
                pkce_required: false,
            }),
            _ => None,
        }
    }

    /// The client that a request authenticates as: by Basic, by `client_secret` in the form, or a public one by
    /// its id alone.
    pub(crate) fn authenticate(&self, call: &Call<'_>, form: &Params) -> Option<Client> {
        let (id, secret) = match basic(call) {
            Some((id, secret)) => (id, Some(secret)),
            None => (form.get("client_id")?.to_owned(), form.get("client_secret").map(str::to_owned)),
        };
        let client = self.find(&id)?;
        let accepted = match (&client.secret, secret) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(expected), Some(given)) => {
                verify_slices_are_equal(expected.as_bytes(), given.as_bytes()).is_ok()
            }
        };
        accepted.then_some(client)
    }
}

impl Client {
    /// Scheme, host and path are exact; the port counts, except for the two loopback addresses.
    pub(crate) fn allows_redirect(&self, redirect: &str) -> bool {
        self.redirects.iter().any(|registered| {
            let (Ok(mut registered), Ok(mut given)) = (Url::parse(registered), Url::parse(redirect)) else {
                return false;
            };
            if matches!(registered.host_str(), Some("127.0.0.1" | "[::1]")) {
                // Neither call fails on a URL that has a host.
                let _ = (registered.set_port(None), given.set_port(None));
            }
            registered == given
        })
    }
}

/// RFC 6749, 2.3.1: both parts are form-encoded inside the Basic credentials.
fn basic(call: &Call<'_>) -> Option<(String, String)> {
    let (scheme, encoded) = call.header("authorization")?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    let text = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    Some((text(id), text(secret)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_matches_but_for_the_loopback_port() {
        let clients = Clients::new("http://127.0.0.1:8001/", Some("secret".to_owned()));
        let mcp = clients.find(MCP_CLIENT_ID).expect("it has a secret");
        assert!(mcp.allows_redirect("http://127.0.0.1:8001/auth/callback"));
        assert!(mcp.allows_redirect("http://127.0.0.1:9/auth/callback"));
        assert!(!mcp.allows_redirect("http://localhost:8001/auth/callback"));
        assert!(!mcp.allows_redirect("http://127.0.0.1:8001/auth/callback/"));
        clients.set_mcp_base_url("http://localhost:8001");
        let mcp = clients.find(MCP_CLIENT_ID).expect("it has a secret");
        assert!(!mcp.allows_redirect("http://localhost:9/auth/callback"));
        assert!(Clients::new("http://localhost", None).find(MCP_CLIENT_ID).is_none());
    }
}
