//! The sign-in, as far as it goes without a person: registration, consent, and whether Validibot accepts us.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{ACCEPT, COOKIE, LOCATION};
use serde_json::json;
use url::Url;

use super::DiagnoseContext;
use super::form;
use super::metadata::Server;
use super::report::{Finding, Step};
use crate::base::random::token;
use crate::commands::client::Answer;

/// A loopback redirect, as command line clients use; nobody is ever sent there.
const REDIRECT: &str = "http://127.0.0.1:49152/callback";

/// `POST /register` (RFC 7591); gives the client id.
pub(super) async fn register(walk: &DiagnoseContext, server: &Server) -> Step<String> {
    let metadata = json!({
        "client_name": "validibot-mcp diagnose",
        "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    });
    let refused = |what: String| {
        Finding::new("registration-refused", format!("{} gives {what}", server.registration)).fix(
            "a proxy has to pass POST /register on; a web application firewall may have to let it through",
        )
    };
    let answer = walk.http.send(walk.http.post(&server.registration).json(&metadata)).await;
    let answer = answer.map_err(|trouble| refused(trouble.to_string()))?;
    let body = answer.json().filter(|_| answer.status == 201);
    let client_id = body.and_then(|body| body["client_id"].as_str().map(str::to_owned));
    let client_id = client_id.ok_or_else(|| refused(answer.describe()))?;
    Ok(("clients can register".to_owned(), client_id))
}

/// `GET /authorize` and the answer to its consent page; gives where the browser is sent to sign in.
pub(super) async fn consent(walk: &DiagnoseContext, server: &Server, client_id: &str) -> Step<Url> {
    let verifier = token::<32>(walk.random.as_ref());
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
    let mut url = server.authorization.clone();
    url.query_pairs_mut().extend_pairs([
        ("response_type", "code"),
        ("client_id", client_id),
        ("redirect_uri", REDIRECT),
        ("state", &token::<16>(walk.random.as_ref())),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("resource", &format!("{}/mcp", walk.base.as_str())),
    ]);
    let broken = |step: &str, what: String| {
        Finding::new("consent", format!("{step} gives {what}, not the way to Validibot's sign-in"))
            .fix("a proxy has to pass /authorize and /consent on with their cookies")
            .fix("if several servers share this address, they need the same VALIDIBOT_MCP_SEAL_KEYS")
    };
    let page = walk.http.send(walk.http.get(&url).header(ACCEPT, "text/html")).await;
    let page = page.map_err(|trouble| broken("/authorize", trouble.to_string()))?;
    let form = form::read(&page.text()).filter(|_| page.status == 200);
    let form = form.ok_or_else(|| broken("/authorize", page.describe()))?;
    let action = walk.base.join("/").join(&form.action).unwrap_or_else(|_| walk.base.join("/consent"));
    let mut fields = form.fields;
    fields.push(("decision".to_owned(), "allow".to_owned()));
    let request = walk.http.post(&action).header(COOKIE, form::cookies(&page.headers)).form(&fields);
    let answer = walk.http.send(request.header(ACCEPT, "text/html")).await;
    let answer = answer.map_err(|trouble| broken("/consent", trouble.to_string()))?;
    let target = location(&answer, &action).filter(|_| answer.status == 303 || answer.status == 302);
    let target = target.ok_or_else(|| broken("/consent", answer.describe()))?;
    Ok((format!("the consent page redirects to {}", place(&target)), target))
}

/// What a visit to the sign-in proves.
pub(super) enum Proof {
    /// Validibot knows this server's client and redirect URI.
    Given(String),
    /// It could not be seen from outside; why not.
    NotGiven(String),
}

/// Validibot's authorization endpoint: does it take our client id and redirect URI? (contract, section c)
///
/// It asks an anonymous browser to sign in before it looks at either. With `prompt=none` (OpenID Connect Core, section
/// 3.1.2.1) it says at once that nobody is signed in, by our redirect URI, or shows what is wrong with the request. That is
/// OpenID's: without its scope Validibot fails.
pub(super) async fn upstream(walk: &DiagnoseContext, onward: &Url) -> Result<Proof, Finding> {
    let there = place(onward);
    let probe = silently(onward);
    let answer = walk.http.send(walk.http.get(&probe).header(ACCEPT, "text/html")).await.map_err(|trouble| {
        Finding::new("sign-in-unreachable", format!("{there}, where users sign in, cannot be reached: {trouble}")).fix(
            "VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL has to be Validibot's public address, its SITE_URL, as browsers reach it",
        )
    })?;
    match answer.status {
        300..=399 => sent_on(&there, &probe, &answer),
        200 => fatal_page(walk, &probe, &answer).await,
        _ => Err(Finding::new(
            "sign-in-endpoint",
            format!("{there} gives {}: this is not Validibot's authorization endpoint", answer.describe()),
        )
        .fix("correct VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL (or VALIDIBOT_OAUTH_AUTHORIZATION_ENDPOINT)")
        .fix("if the address is right: is Validibot up, and is its OpenID provider on?")),
    }
}

/// The same request of somebody who does not want to be asked anything.
fn silently(onward: &Url) -> Url {
    let scope = query(onward, "scope").unwrap_or_default();
    let mut words: Vec<&str> = scope.split_whitespace().collect();
    if !words.contains(&"openid") {
        words.push("openid");
    }
    with(&with(onward, "scope", &words.join(" ")), "prompt", "none")
}

fn sent_on(there: &str, probe: &Url, answer: &Answer) -> Result<Proof, Finding> {
    let target = location(answer, probe);
    let back = query(probe, "redirect_uri").and_then(|uri| Url::parse(&uri).ok());
    let comes_back =
        target.as_ref().zip(back.as_ref()).is_some_and(|(target, back)| place(target) == place(back));
    let error = target.as_ref().and_then(|target| query(target, "error"));
    match error.as_deref() {
        // OpenID Connect Core, section 3.1.2.6: all is well with the request, but somebody has to be asked.
        None
        | Some(
            "login_required" | "consent_required" | "interaction_required" | "account_selection_required",
        ) if comes_back => Ok(Proof::Given(format!("{there} knows this server's client and redirect URI"))),
        Some(error) => Err(Finding::new(
            "sign-in-refused",
            format!("{there} sends the browser back with the error {}", plain(error)),
        )
        .fix("the client at Validibot lacks a scope or a grant: run manage.py ensure_oidc_clients there")
        .fix("VALIDIBOT_OAUTH_REQUIRED_SCOPE has to be a scope that the client may ask for")),
        None => {
            let target = target.as_ref().map_or_else(|| "nowhere".to_owned(), place);
            Ok(Proof::NotGiven(format!(
                "{there} sends every user to {} first: whether it knows this server's client and redirect URI cannot be \
                 seen from outside; sign in yourself: --login",
                plain(&target)
            )))
        }
    }
}

/// Fatal errors are told to the person, on a page with status 200. A page for a client that certainly does not exist
/// tells which of the two it is: who is asking, or where it wants the browser back.
async fn fatal_page(walk: &DiagnoseContext, onward: &Url, answer: &Answer) -> Result<Proof, Finding> {
    let there = place(onward);
    let (client, redirect) = (query(onward, "client_id").unwrap_or_default(), query(onward, "redirect_uri"));
    let redirect = redirect.unwrap_or_default();
    let nobody = token::<16>(walk.random.as_ref());
    let control = with(onward, "client_id", &nobody);
    let control = walk.http.send(walk.http.get(&control).header(ACCEPT, "text/html")).await;
    let page = answer.text();
    let unknown = control.is_ok_and(|control| {
        control.status == 200 && essence(&control.text(), &nobody) == essence(&page, &client)
    });
    if page.contains("nvalid client_id") || (!page.contains("ismatching redirect") && unknown) {
        return Err(Finding::new("unknown-client", format!("{there} does not know the client {}", plain(&client)))
            .fix("at Validibot: set IDP_OIDC_MCP_SERVER_CLIENT_SECRET in .django, then run manage.py ensure_oidc_clients")
            .fix("VALIDIBOT_OAUTH_CLIENT_ID here has to equal IDP_OIDC_MCP_SERVER_CLIENT_ID there"));
    }
    // A page of a signed-out Validibot that asks for the password at once would have a form for it.
    if page.contains("type=\"password\"") {
        return Ok(Proof::NotGiven(format!(
            "{there} asks for a password at once: whether it knows this server's client and redirect URI cannot be seen \
             from outside; sign in yourself: --login"
        )));
    }
    Err(Finding::new(
        "redirect-uri",
        format!("{there} does not accept the redirect URI {}: its client row has another one", plain(&redirect)),
    )
    .fix(format!(
        "at Validibot: set VALIDIBOT_MCP_BASE_URL={} in .django (or list the URI in IDP_OIDC_MCP_SERVER_REDIRECT_URIS), then run manage.py ensure_oidc_clients",
        walk.base.as_str()
    )))
}

/// Validibot's own issuer: tokens carry it, and this server expects it. Gives it.
pub(super) async fn issuer(walk: &DiagnoseContext, onward: &Url, keys: Option<&Url>) -> Step<String> {
    let origin = onward.origin().ascii_serialization();
    let Ok(url) = Url::parse(&format!("{origin}/.well-known/openid-configuration")) else {
        return Ok(("not known".to_owned(), origin));
    };
    let missing = |what: String| {
        Finding::new("issuer-missing", format!("{url} gives {what}, not Validibot's OpenID configuration"))
            .fix("VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL has to be Validibot's SITE_URL; is its OpenID provider on?")
    };
    let answer = walk.http.send(walk.http.get(&url)).await;
    let answer = answer.map_err(|trouble| missing(trouble.to_string()))?;
    let document = answer.json().filter(|_| answer.status == 200);
    let issuer = document.and_then(|document| document["issuer"].as_str().map(str::to_owned));
    let issuer = issuer.ok_or_else(|| missing(answer.describe()))?;
    if issuer != origin {
        return Err(Finding::new(
            "issuer-differs",
            format!(
                "Validibot signs tokens as {}, but this server sends users to {origin} and expects that issuer: every token is a 401 invalid_token",
                plain(&issuer)
            ),
        )
        .fix(format!("set SITE_URL={origin} at Validibot, or VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL={} here", plain(&issuer))));
    }
    // An inner address of the keys is the server's business; one that we can reach has to hold keys.
    if let Some(keys) = keys
        && let Ok(answer) = walk.http.send(walk.http.get(keys)).await
    {
        let some =
            answer.json().is_some_and(|set| set["keys"].as_array().is_some_and(|keys| !keys.is_empty()));
        if answer.status != 200 || !some {
            return Err(Finding::new(
                "no-keys",
                format!("{} gives {}, no keys: no token can be verified", place(keys), answer.describe()),
            )
            .fix("set IDP_OIDC_PRIVATE_KEY_B64 at Validibot, or correct VALIDIBOT_OAUTH_JWKS_URL here"));
        }
    }
    Ok((format!("{issuer}, with keys"), issuer))
}

fn location(answer: &Answer, from: &Url) -> Option<Url> {
    from.join(answer.header(&LOCATION)?).ok()
}

fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// The same URL with one parameter of another value.
fn with(url: &Url, name: &str, value: &str) -> Url {
    let pairs: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(key, _)| key != name)
        .map(|(key, value)| (key.into(), value.into()))
        .collect();
    let mut other = url.clone();
    other.query_pairs_mut().clear().extend_pairs(pairs).append_pair(name, value);
    other
}

/// A URL without its query: what it carries is nobody's business.
fn place(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.into()
}

/// A page's words without what differs from one request to the next.
fn essence(page: &str, client_id: &str) -> Vec<String> {
    let page = page.replace(client_id, "");
    let words = page.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_'));
    // Tokens against forgery and nonces are long; words are not.
    words.filter(|word| !word.is_empty() && word.len() < 20).map(str::to_owned).collect()
}

/// Something foreign, fit for a terminal.
fn plain(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(200).collect()
}
