//! The OpenID provider (contract, section c): what django-allauth's does there.

mod access;
mod authorize;
mod clients;
mod consent;
mod discovery;
mod grants;
mod login;
mod mint;
mod params;
mod sessions;
mod token;

use std::sync::{Arc, Mutex};

use http::{Method, StatusCode, header};

use crate::answer::Answer;
use crate::api::Call;
use crate::builder::Builder;
use crate::jwt::SigningKey;
use crate::route::Route;
use crate::state::lock;
use crate::version::Version;

pub(crate) use clients::Clients;
pub(crate) use discovery::resource;
pub use mint::Mint;

/// The provider's settings and memory.
pub(crate) struct Oidc {
    /// `SITE_URL` without a trailing slash.
    issuer: String,
    /// Lifetime of access tokens, in seconds, where it is not the version's default.
    access_token_seconds: Option<i64>,
    /// Whoever asks is the demo user, who consents.
    auto_login: bool,
    clients: Clients,
    sessions: sessions::Sessions,
    grants: grants::Grants,
    key: Mutex<Option<Arc<SigningKey>>>,
}

impl Oidc {
    pub(crate) fn new(settings: &Builder, url: &str) -> Self {
        let issuer = settings.site_url.as_deref().unwrap_or(url).trim_end_matches('/').to_owned();
        Self {
            issuer,
            access_token_seconds: settings.access_token_seconds,
            auto_login: settings.auto_login,
            clients: Clients::new(&settings.mcp_base_url, settings.oauth_client_secret.clone()),
            sessions: sessions::Sessions::default(),
            grants: grants::Grants::default(),
            key: Mutex::default(),
        }
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// `IDP_OIDC_ACCESS_TOKEN_EXPIRES_IN`; its default changed with 0.16 (contract of 0.16, A1).
    fn access_token_seconds(&self, version: Version) -> i64 {
        self.access_token_seconds.unwrap_or(match version {
            Version::V0_15 => 3600,
            Version::V0_16 => 900,
        })
    }

    /// The one resource that tokens are for from 0.16 on: Validibot's own MCP server (contract of 0.16, C1).
    pub(crate) fn resource(&self) -> String {
        format!("{}/mcp", self.issuer)
    }

    pub(crate) const fn clients(&self) -> &Clients {
        &self.clients
    }

    /// The key in force, made when it is first asked for: most tests never need one.
    pub(crate) fn key(&self) -> Arc<SigningKey> {
        Arc::clone(lock(&self.key).get_or_insert_with(|| Arc::new(SigningKey::generate())))
    }

    /// A new key, without overlap: what the old one signed is not valid any more.
    pub(crate) fn rotate_key(&self) {
        let key = Arc::new(SigningKey::generate());
        *lock(&self.key) = Some(key);
    }
}

/// Answers a request to one of the provider's endpoints.
pub(crate) async fn answer(call: Call<'_>, route: Route) -> Result<Answer, Answer> {
    match route {
        Route::Discovery => {
            expect(&call, &[Method::GET])?;
            Ok(discovery::document(&call))
        }
        Route::Jwks => {
            expect(&call, &[Method::GET])?;
            with_key(&call).await;
            Ok(discovery::jwks(&call))
        }
        Route::Authorize => {
            expect(&call, &[Method::GET, Method::POST])?;
            authorize::authorize(&call)
        }
        Route::Token => {
            expect(&call, &[Method::POST])?;
            with_key(&call).await;
            Ok(token::exchange(&call))
        }
        Route::Revoke => {
            expect(&call, &[Method::POST])?;
            Ok(token::revoke(&call))
        }
        Route::Userinfo => {
            expect(&call, &[Method::GET, Method::POST])?;
            with_key(&call).await;
            access::userinfo(&call)
        }
        _ => {
            expect(&call, &[Method::GET, Method::POST])?;
            login::login(&call)
        }
    }
}

/// Makes the key where it does not hold up the other requests.
async fn with_key(call: &Call<'_>) {
    let state = Arc::clone(call.state);
    // It is made here in any case; a failure to do so elsewhere only costs time.
    let _ = tokio::task::spawn_blocking(move || state.oidc.key()).await;
}

/// Django's own 405: an empty page with `Allow`.
fn expect(call: &Call<'_>, methods: &[Method]) -> Result<(), Answer> {
    let got = &call.head.method;
    if methods.contains(got) || (got == Method::HEAD && methods.contains(&Method::GET)) {
        return Ok(());
    }
    let allow: Vec<&str> = methods.iter().map(Method::as_str).collect();
    Err(Answer::html(StatusCode::METHOD_NOT_ALLOWED, "").with(header::ALLOW, &allow.join(", ")))
}
