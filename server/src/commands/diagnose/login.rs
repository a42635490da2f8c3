//! `--login`: a person signs in with a browser, as with any client, and the walk goes on with that token.
//!
//! The redirect goes to a listener on loopback (RFC 8252, section 7.3), which answers one browser and closes.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::CONNECTION;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use url::Url;

use super::DiagnoseContext;
use super::metadata::Server;
use super::report::{Finding, Step};
use crate::base::clean::Clean;
use crate::base::random::token;

/// How long a person may take, with a password to look up and a second factor.
const PATIENCE: Duration = Duration::from_mins(5);
/// How long the browser may take to read its last page.
const LAST_PAGE: Duration = Duration::from_secs(5);

/// The path of the redirect address.
const CALLBACK: &str = "/callback";

const DONE: &str =
    "<!doctype html><title>validibot-mcp</title><p>You can close this window and return to the terminal.";
const STRANGER: &str =
    "<!doctype html><title>validibot-mcp</title><p>This is not the sign-in that the terminal waits for.";

/// What the browser brought back.
enum Back {
    Code(String),
    Error(String),
}

/// What the listener knows.
struct Waiting {
    state: String,
    issuer: String,
    back: mpsc::Sender<Back>,
}

/// Lets a person sign in; gives the access token.
pub(super) async fn login(walk: &DiagnoseContext, server: &Server, client_id: &str) -> Step<SecretString> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
    let (address, listener) = listener.map_err(|error| {
        Finding::new("login-not-possible", format!("the browser cannot be sent back here: {error}"))
            .fix("use an API token instead: --token")
    })?;
    let redirect = redirect(address);
    let (verifier, state) = (token::<32>(walk.random.as_ref()), token::<16>(walk.random.as_ref()));
    let url = authorize(walk, server, client_id, &redirect, &state, &verifier);
    let (back, mut arrived) = mpsc::channel(1);
    let issuer = walk.base.as_str().to_owned();
    let waiting = Arc::new(Waiting { state, issuer, back });
    let app = Router::new().route(CALLBACK, get(callback)).with_state(waiting);
    let (close, closed) = oneshot::channel::<()>();
    let serving = tokio::spawn(async move {
        let serve = axum::serve(listener, app).with_graceful_shutdown(async {
            // A sender that is gone says the same.
            let _ = closed.await;
        });
        // Whatever ends it, nobody is waiting there any more.
        let _ = serve.await;
    });
    show(&url);
    let back = tokio::time::timeout(PATIENCE, arrived.recv()).await;
    drop(close);
    let _ = tokio::time::timeout(LAST_PAGE, serving).await;
    match back {
        Ok(Some(Back::Code(code))) => redeem(walk, server, client_id, &redirect, &code, &verifier).await,
        Ok(Some(Back::Error(error))) => Err(refused(&error)),
        Ok(None) | Err(_) => Err(Finding::new(
            "login-not-finished",
            format!("the sign-in was not completed within {} minutes", PATIENCE.as_secs() / 60),
        )
        .fix("type the command again, and follow the address that it prints in a browser of this machine")
        .fix("where the sign-in itself shows an error, read it there; or use an API token: --token")),
    }
}

fn redirect(address: SocketAddr) -> String {
    format!("http://{address}{CALLBACK}")
}

fn authorize(
    walk: &DiagnoseContext,
    server: &Server,
    client_id: &str,
    redirect: &str,
    state: &str,
    verifier: &str,
) -> Url {
    let mut url = server.authorization.clone();
    url.query_pairs_mut().extend_pairs([
        ("response_type", "code"),
        ("client_id", client_id),
        ("redirect_uri", redirect),
        ("state", state),
        ("code_challenge", &URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))),
        ("code_challenge_method", "S256"),
        ("resource", &format!("{}/mcp", walk.base.as_str())),
    ]);
    url
}

/// Prints the address, and opens it where there is something to open it with.
fn show(url: &Url) {
    // Standard output is the report's. Nobody is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "Sign in with a browser on this machine:\n\n  {}\n", Clean(&url));
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(opener);
    command.arg(url.as_str()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // It may go on as long as the browser does. Where there is none, the printed address is enough.
    drop(std::thread::spawn(move || command.status()));
}

async fn callback(State(waiting): State<Arc<Waiting>>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let find = |name: &str| {
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    // RFC 9207: an answer of another server is not ours.
    let ours = find("state").as_deref() == Some(waiting.state.as_str())
        && find("iss").is_none_or(|issuer| issuer == waiting.issuer);
    let back = find("code").map(Back::Code).or_else(|| find("error").map(Back::Error)).filter(|_| ours);
    let (status, page) = match back {
        Some(back) => {
            // A second one of the same browser changes nothing.
            let _ = waiting.back.try_send(back);
            (StatusCode::OK, DONE)
        }
        None => (StatusCode::BAD_REQUEST, STRANGER),
    };
    (status, [(CONNECTION, "close")], Html(page)).into_response()
}

fn refused(error: &str) -> Finding {
    let error: String = error.chars().filter(char::is_ascii_graphic).take(60).collect();
    if error == "access_denied" {
        return Finding::new("login-denied", "the answer to the consent page, or at Validibot, was no")
            .fix("type the command again and allow it");
    }
    Finding::new("login-refused", format!("the browser came back with the error {error}"))
        .fix("see the server's log; at Validibot, run manage.py ensure_oidc_clients")
}

/// `POST /token` (RFC 6749, section 4.1.3).
async fn redeem(
    walk: &DiagnoseContext,
    server: &Server,
    client_id: &str,
    redirect: &str,
    code: &str,
    verifier: &str,
) -> Step<SecretString> {
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", client_id),
        ("code", code),
        ("redirect_uri", redirect),
        ("code_verifier", verifier),
    ];
    let failed = |what: String| {
        Finding::new("code-not-redeemed", format!("{} gives {what}, no token", server.token))
            .fix("at Validibot: IDP_OIDC_MCP_SERVER_CLIENT_SECRET in .django has to equal VALIDIBOT_OAUTH_CLIENT_SECRET here")
            .fix("a proxy must forward POST /token; the server's log has Validibot's answer")
    };
    let answer = walk.http.send(walk.http.post(&server.token).form(&form)).await;
    let answer = answer.map_err(|trouble| failed(trouble.to_string()))?;
    let body = answer.json().filter(|_| answer.status == 200);
    let token = body.and_then(|body| body["access_token"].as_str().map(SecretString::from));
    let token = token.ok_or_else(|| failed(answer.describe()))?;
    Ok(("a person signed in".to_owned(), token))
}
