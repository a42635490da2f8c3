//! The authorization server that MCP clients see (OAuth 2.1), in front of Validibot's own OpenID provider.
//!
//! Nothing is remembered between requests: what clients and browsers have to bring back is sealed ([`artifacts`]), so any
//! instance finishes what another one began. One-time use is Validibot's: our code wraps its code, our refresh token
//! wraps its rotating one, and all our own bindings are checked before those are used up.

mod artifacts;
mod authorize;
mod callback;
mod cimd;
mod client;
mod consent;
mod cookie;
mod cors;
mod display_name;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod metadata;
mod page;
mod params;
mod pkce;
mod refresh;
mod register;
mod resource;
mod respond;
mod revoke;
mod scope;
mod token;
mod upstream;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::{any, get, post};
use url::Url;

use self::client::Clients;
use self::cookie::Cookies;
use self::refresh::Refreshes;
pub(crate) use self::scope::base as base_scope;
use self::upstream::Upstream;
use crate::base::clock::SharedClock;
use crate::base::outbound::Outbound;
use crate::base::random::SharedRandom;
use crate::caller::AccessTokens;
use crate::config::redirect_uri::AppSchemes;
use crate::config::{BaseUrl, Settings};
use crate::limits::MAX_FORM_BYTES;
use crate::seal::Seal;

/// The parts of the authorization server.
pub struct Oauth {
    base: BaseUrl,
    required_scope: Option<String>,
    jwks_url: Url,
    /// The host on which users sign in: for the consent page.
    sign_in_host: String,
    seal: Arc<Seal>,
    clock: SharedClock,
    random: SharedRandom,
    cookies: Cookies,
    clients: Clients,
    upstream: Upstream,
    refreshes: Refreshes,
    access_tokens: Arc<AccessTokens>,
}

/// What [`Oauth`] shares with the rest of the server.
pub(crate) struct OauthDeps {
    pub(crate) http: reqwest::Client,
    pub(crate) clock: SharedClock,
    pub(crate) random: SharedRandom,
    pub(crate) outbound: Outbound,
    pub(crate) access_tokens: Arc<AccessTokens>,
    pub(crate) seal: Arc<Seal>,
}

impl Oauth {
    /// Puts the parts together; touches no network. `None` where OAuth is off.
    pub(crate) fn new(settings: &Settings, shared: OauthDeps) -> Option<Self> {
        let oauth = settings.oauth.as_ref()?;
        let OauthDeps { http, clock, random, outbound, access_tokens, seal } = shared;
        let schemes = AppSchemes::with(&oauth.app_schemes);
        let documents = oauth.client_documents.then(|| {
            let proxy = oauth.client_documents_proxy.clone();
            cimd::Documents::new(outbound, proxy, schemes.clone(), clock.clone())
        });
        Some(Self {
            base: settings.base_url.clone(),
            required_scope: oauth.required_scope.clone(),
            jwks_url: oauth.jwks_url.clone(),
            sign_in_host: oauth.authorization_endpoint[url::Position::BeforeHost..url::Position::AfterPort]
                .to_owned(),
            cookies: Cookies::new(settings.base_url.is_https()),
            clients: Clients::new(&oauth.clients, seal.clone(), documents, schemes),
            upstream: Upstream::new(settings, oauth, http),
            refreshes: Refreshes::new(clock.clone()),
            seal,
            clock,
            random,
            access_tokens,
        })
    }

    /// The scope that a token needs to be good here.
    fn base_scope(&self) -> &str {
        scope::base(self.required_scope.as_deref())
    }

    /// The `iss` of our answers (RFC 9207).
    fn issuer(&self) -> &str {
        self.base.as_str()
    }
}

/// What is there with OAuth off: a client that was given no token tries to register and shows its user the answer.
pub(crate) fn routes_where_off<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/register", any(register::off)).layer(from_fn(cors::any_origin))
}

/// What OAuth publishes about this server, for clients' programs, in browsers too. With OAuth off none of it exists.
pub(crate) fn documents<S: Clone + Send + Sync + 'static>(oauth: Arc<Oauth>) -> Router<S> {
    let resource = || get(metadata::protected_resource).options(cors::preflight);
    let server = || get(metadata::authorization_server).options(cors::preflight);
    let openid = || get(metadata::openid_configuration).options(cors::preflight);
    let elsewhere = || get(metadata::elsewhere).options(cors::preflight);
    Router::new()
        .route("/.well-known/oauth-protected-resource", resource())
        .route("/.well-known/oauth-protected-resource/", resource())
        .route("/.well-known/oauth-protected-resource/mcp", resource())
        .route("/.well-known/oauth-protected-resource/mcp/", resource())
        .route("/.well-known/oauth-authorization-server", server())
        .route("/.well-known/oauth-authorization-server/", server())
        .route("/.well-known/openid-configuration", openid())
        .route("/.well-known/openid-configuration/", openid())
        // For what is no resource and no issuer of ours, `/mcp` as an issuer above all, which some clients ask about first.
        .route("/.well-known/oauth-protected-resource/{*of}", elsewhere())
        .route("/.well-known/oauth-authorization-server/{*of}", elsewhere())
        .route("/.well-known/openid-configuration/{*of}", elsewhere())
        .layer(from_fn(cors::any_origin))
        .with_state(oauth)
}

/// The routes of OAuth that do something, with what comes `before` them. With OAuth off none of them exists.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(
    oauth: Arc<Oauth>,
    before: impl Fn(Router<Arc<Oauth>>) -> Router<Arc<Oauth>>,
) -> Router<S> {
    // For clients' programs, in browsers too. A refusal by what comes before is theirs to read as well.
    let programs = Router::new()
        .route(
            "/register",
            post(register::register)
                .options(cors::preflight)
                .layer(DefaultBodyLimit::max(register::MAX_BODY_BYTES)),
        )
        .route(
            "/token",
            post(token::token).options(cors::preflight).layer(DefaultBodyLimit::max(MAX_FORM_BYTES)),
        )
        .route(
            "/revoke",
            post(revoke::revoke).options(cors::preflight).layer(DefaultBodyLimit::max(MAX_FORM_BYTES)),
        );
    // For people's browsers.
    let people = Router::new()
        .route("/authorize", get(authorize::authorize))
        .route("/consent", post(consent::decide).layer(DefaultBodyLimit::max(MAX_FORM_BYTES)))
        .route("/auth/callback", get(callback::callback));
    before(programs).layer(from_fn(cors::any_origin)).merge(before(people)).with_state(oauth)
}
