//! Chain 1's OAuth settings. A client secret switches OAuth on.

use envs::oauth as var;
use secrecy::SecretString;
use url::Url;

use super::document_url::is_document_url;
use super::reach::Reach;
use super::redirect_uri;
use super::source::Source;
use super::url::BaseUrl;

/// How users sign in through Validibot's OpenID provider.
#[derive(Debug)]
pub struct OauthSettings {
    /// Validibot's issuer, compared with a token's `iss` byte for byte; no trailing slash.
    pub issuer: BaseUrl,
    /// Our client id at Validibot.
    pub client_id: String,
    /// Our client secret at Validibot.
    pub client_secret: SecretString,
    /// Validibot's authorization endpoint.
    pub authorization_endpoint: Url,
    /// Validibot's token endpoint.
    pub token_endpoint: Url,
    /// Validibot's revocation endpoint.
    pub revocation_endpoint: Url,
    /// Validibot's public keys.
    pub jwks_url: Url,
    /// The `aud` that an access token must carry.
    pub audience: String,
    /// The scope that an access token must carry, where one is required.
    pub required_scope: Option<String>,
    /// How requests to Validibot's inner address have to look: its token endpoint and keys may be asked for there.
    pub reach: Reach,
    /// Clients that need not register.
    pub clients: Vec<ClientSettings>,
    /// Schemes of apps' own redirect addresses besides the built-in ones.
    pub app_schemes: Vec<String>,
    /// Whether clients may be known by their metadata documents.
    pub client_documents: bool,
    /// The proxy by which those are fetched, where there is one.
    pub client_documents_proxy: Option<Url>,
}

/// A public client that the operator has registered beforehand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSettings {
    /// Its client id: a name, which users are shown, or the https address of a metadata document.
    pub id: String,
    /// Where it may have users sent back to; at least one.
    pub redirect_uris: Vec<String>,
}

/// `None` where OAuth is off, or where something is wrong with it, which the source has noted.
pub(super) fn read(
    source: &mut Source<'_>,
    base_url: Option<&BaseUrl>,
    reach: Option<&Reach>,
) -> Option<OauthSettings> {
    let client_secret = source.secret(&var::CLIENT_SECRET)?;
    let issuer = source.base_url(&var::AUTHORIZATION_SERVER_URL);
    if issuer.is_none() && source.text(&var::AUTHORIZATION_SERVER_URL).is_none() {
        source.missing(&var::AUTHORIZATION_SERVER_URL, "VALIDIBOT_OAUTH_CLIENT_SECRET switches OAuth on");
    }
    if let Some(base) = base_url
        && !base.is_https()
        && !base.is_loopback()
    {
        source.refuse(
            &envs::server::MCP_BASE_URL,
            "is plain http on another host than this one: with OAuth on, sign-in needs https",
        );
    }
    let client_id = source.text(&var::CLIENT_ID).unwrap_or_default();
    let audience = source.text(&var::RESOURCE_AUDIENCE);
    let scope = source.text_or_blank(&var::REQUIRED_SCOPE);
    let authorization_endpoint = source.base_url(&var::AUTHORIZATION_ENDPOINT);
    let token_endpoint = source.base_url(&var::TOKEN_ENDPOINT);
    let revocation_endpoint = source.base_url(&var::REVOCATION_ENDPOINT);
    let jwks_url = source.base_url(&var::JWKS_URL);
    let clients = clients(source);
    let app_schemes = app_schemes(source);
    let client_documents = source.switch(&var::CLIENT_DOCUMENTS);
    let client_documents_proxy = source.base_url(&var::CLIENT_DOCUMENTS_PROXY);
    let server = (&var::AUTHORIZATION_SERVER_URL, issuer.as_ref());
    for (variable, url) in [
        token_endpoint.as_ref().map_or(server, |url| (&var::TOKEN_ENDPOINT, Some(url))),
        revocation_endpoint.as_ref().map_or(server, |url| (&var::REVOCATION_ENDPOINT, Some(url))),
    ] {
        if url.is_some_and(|url| !url.is_https() && !url.is_loopback()) {
            source.warn(
                variable,
                "is plain http on another host: an eavesdropper on the network can read the client secret and users' tokens",
            );
        }
    }

    let issuer = issuer?;
    let endpoint =
        |given: Option<BaseUrl>, path| given.map_or_else(|| issuer.join(path), |given| given.join(""));
    Some(OauthSettings {
        client_id,
        client_secret,
        authorization_endpoint: endpoint(authorization_endpoint, "/identity/o/authorize"),
        token_endpoint: endpoint(token_endpoint, "/identity/o/api/token"),
        revocation_endpoint: endpoint(revocation_endpoint, "/identity/o/api/revoke"),
        jwks_url: endpoint(jwks_url, "/.well-known/jwks.json"),
        audience: audience.unwrap_or(format!("{}/mcp", base_url?.as_str())),
        required_scope: Some(scope.trim().to_owned()).filter(|scope| !scope.is_empty()),
        clients,
        app_schemes,
        client_documents: client_documents?,
        client_documents_proxy: client_documents_proxy.map(|proxy| proxy.join("")),
        issuer,
        reach: reach.cloned().unwrap_or_default(),
    })
}

fn clients(source: &mut Source<'_>) -> Vec<ClientSettings> {
    let mut clients: Vec<ClientSettings> = Vec::new();
    for (index, entry) in source.list(&var::CLIENTS).into_iter().enumerate() {
        match client(&entry) {
            Ok(client) if clients.iter().any(|known| known.id == client.id) => {
                source.refuse(&var::CLIENTS, &format!("names the client {} twice", client.id));
            }
            Ok(client) => clients.push(client),
            Err(problem) => source.refuse(&var::CLIENTS, &format!("entry {}: {problem}", index + 1)),
        }
    }
    clients
}

fn app_schemes(source: &mut Source<'_>) -> Vec<String> {
    let mut schemes = Vec::new();
    for entry in source.list(&var::APP_SCHEMES) {
        match redirect_uri::check_app_scheme(&entry) {
            Ok(scheme) => schemes.push(scheme),
            Err(problem) => source.refuse(&var::APP_SCHEMES, &format!("holds {entry:?}, which {problem}")),
        }
    }
    schemes
}

/// A client id is told from a sealed one by its characters.
fn client(entry: &str) -> Result<ClientSettings, String> {
    const MAX_ID_CHARS: usize = 64;
    let mut words = entry.split_whitespace().map(str::to_owned);
    let id = words.next().unwrap_or_default();
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if is_document_url(&id).is_none() && (id.len() > MAX_ID_CHARS || !id.chars().all(good)) {
        return Err("the client id is neither 1 to 64 letters, digits, '-' or '_' nor the https address of a metadata \
                    document"
            .to_owned());
    }
    let redirect_uris: Vec<String> = words.collect();
    if redirect_uris.is_empty() {
        return Err(format!("{id} has no redirect address"));
    }
    for uri in &redirect_uris {
        redirect_uri::check(uri).map_err(|problem| format!("{uri} {problem}"))?;
    }
    Ok(ClientSettings { id, redirect_uris })
}
