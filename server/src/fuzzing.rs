//! Entry points for the fuzz targets in `fuzz/`, one for each kind of input that comes from outside. Each takes any bytes,
//! must not panic, and holds what it accepts to what the rest of the server relies on.
//!
//! Not in the product: with the feature `fuzzing` alone, and in this crate's tests, which run every seed.
#![expect(clippy::missing_panics_doc, reason = "a panic is a finding: that is what they are for")]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

use crate::app::App;
use crate::base::clock::MockClock;
use crate::base::outbound::{Outbound, Resolver};
use crate::base::random::SystemRandom;
use crate::caller;
use crate::config::Settings;
use crate::http::router::router;
use crate::oauth;
use crate::payments::Payment;
use crate::serve;
use crate::uploads;
use crate::validibot;
use crate::validibot::{RunRef, WorkflowRef};

/// A kind of input.
pub type Target = fn(&[u8]);

/// Every target with its name: that of its file in `fuzz/fuzz_targets` and of its folder in `fuzz/seeds`.
pub const TARGETS: [(&str, Target); 12] = [
    ("env_file", env_file),
    ("reference", reference),
    ("sealed", sealed),
    ("jwt", jwt),
    ("jwks", jwks),
    ("oauth", oauth),
    ("cimd", cimd),
    ("payment", payment),
    ("upload", upload),
    ("head", head),
    ("request", request),
    ("answer", validibots_answer),
];

/// Environment files. What is accepted has names of variables.
pub fn env_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(assignments) = envs::file::parse(text) {
        for assignment in assignments {
            assert!(!assignment.key().is_empty() && !assignment.key().contains(['=', '\n', ' ']));
            assert!((1..=text.lines().count()).contains(&assignment.line()));
        }
    }
}

/// References of workflows and runs. What is accepted can stand in a path, and reads back as the same.
pub fn reference(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let in_place =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if let Ok(workflow) = WorkflowRef::parse(text) {
        assert!(in_place(&workflow.to_string()), "{workflow}");
        assert_eq!(
            WorkflowRef::parse(&workflow.to_string()).ok().map(|same| same.to_string()),
            Some(workflow.to_string())
        );
    }
    if let Ok(run) = RunRef::parse(text) {
        assert!(in_place(&run.to_string()), "{run}");
    }
}

/// Sealed values. Nobody but this server can make one, so none is ever accepted.
pub fn sealed(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let app = &SERVER.app;
    let Some(seal) = &app.seal else { return };
    assert!(seal.open::<uploads::Ticket>(text, 0).is_err());
    oauth::fuzzing::open(seal, text);
}

/// Access tokens, and bearers of any other form. Without a key nobody signs: no token is accepted with its signature.
pub fn jwt(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    caller::fuzzing::token(&SERVER.app.callers, text);
}

/// A provider's key set.
pub fn jwks(data: &[u8]) {
    caller::fuzzing::keys(data);
}

/// Queries and forms of sign-ins: the first byte chooses the endpoint, the rest is what it is sent.
pub fn oauth(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else { return };
    let form = |path: &str| post(path, "application/x-www-form-urlencoded", rest);
    let request = match choice % 6 {
        0 => get("/authorize", rest),
        1 => get("/auth/callback", rest),
        2 => form("/token"),
        3 => form("/consent"),
        4 => form("/revoke"),
        _ => post("/register", "application/json", rest),
    };
    answer(request);
}

/// Metadata documents of clients.
pub fn cimd(data: &[u8]) {
    oauth::fuzzing::document(data);
}

/// Payments with x402, in the header's form and in that of `_meta`. Who pays is an address.
pub fn payment(data: &[u8]) {
    let in_meta = serde_json::from_slice::<Value>(data).ok().and_then(|value| Payment::read(&value).ok());
    for payment in in_meta.into_iter().chain(Payment::from_header(data).ok()) {
        let digits = payment.payer().strip_prefix("0x").unwrap_or_default();
        assert!(digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}

/// Uploads: the first line is the ticket, the rest the file.
pub fn upload(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let (ticket, file) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let request = Request::put("/uploads")
        .header(uploads::HEADER, ticket)
        .header("content-length", file.len())
        .body(Body::from(file.to_owned()));
    answer(request.ok());
}

/// What a client sends on a connection, from the first byte on.
pub fn head(data: &[u8]) {
    let answer = SERVER.runtime.block_on(serve::fuzzing::exchange(SERVER.router.clone(), data));
    assert!(!answer.starts_with(b"HTTP/1.1 500"), "an internal error");
}

/// Bodies of MCP requests, through everything that stands before the tools, and the tools. They come in by the door where
/// nobody has to be known. What they cost is judged by the limit on memory.
pub fn request(data: &[u8]) {
    let request = Request::post("/public-mcp")
        .header(HOST, "mcp.example.com")
        .header(ACCEPT, "application/json, text/event-stream")
        .header(CONTENT_TYPE, "application/json")
        .header(CONTENT_LENGTH, data.len())
        .body(Body::from(data.to_owned()));
    answer(request.ok());
}

/// What Validibot answers, as every kind of answer.
pub fn validibots_answer(data: &[u8]) {
    validibot::fuzzing::answer(data);
}

fn get(path: &str, query: &[u8]) -> Option<Request<Body>> {
    let query = std::str::from_utf8(query).ok()?;
    Request::get(format!("{path}?{query}")).body(Body::empty()).ok()
}

fn post(path: &str, media_type: &str, body: &[u8]) -> Option<Request<Body>> {
    Request::post(path).header(CONTENT_TYPE, media_type).body(Body::from(body.to_owned())).ok()
}

/// What HTTP itself does not let through never arrives. Whatever does is answered, and with no failure of ours.
fn answer(request: Option<Request<Body>>) {
    let Some(request) = request else { return };
    let answer = SERVER.runtime.block_on(SERVER.router.clone().oneshot(request));
    let status = answer.unwrap_or_else(|never| match never {}).status();
    assert_ne!(status.as_u16(), 500, "an internal error");
}

/// A server before a Validibot that is not there, on an Internet without anybody.
struct Server {
    app: Arc<App>,
    router: Router,
    runtime: Runtime,
}

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let environment = BTreeMap::from(
        [
            ("VALIDIBOT_API_BASE_URL", "http://127.0.0.1:1"),
            ("VALIDIBOT_MCP_BASE_URL", "https://mcp.example.com"),
            ("VALIDIBOT_MCP_SERVICE_KEY", "key"),
            ("VALIDIBOT_OAUTH_AUTHORIZATION_SERVER_URL", "http://127.0.0.1:1"),
            ("VALIDIBOT_OAUTH_CLIENT_SECRET", "a-client-secret-of-more-than-32-bytes"),
            ("VALIDIBOT_MCP_SEAL_KEYS", "a:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
            ("VALIDIBOT_X402_ENABLED", "true"),
            ("VALIDIBOT_X402_PAY_TO_ADDRESS", "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"),
            ("VALIDIBOT_X402_NETWORK", "eip155:84532"),
            ("VALIDIBOT_X402_FACILITATOR_URL", "http://127.0.0.1:1"),
            ("VALIDIBOT_X402_RPC_URL", "http://127.0.0.1:1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let settings =
        Settings::load(&environment, Path::new("/dev/null")).expect("the settings are good").settings;
    let outbound = Outbound { resolver: Arc::new(Nobody), trusted: None };
    let entered = runtime.enter();
    let app = App::build_on(settings, MockClock::at(STOPPED_AT), Arc::new(SystemRandom), outbound);
    drop(entered);
    let app = app.expect("a server");
    Server { router: router(&app), app, runtime }
});

struct Nobody;

impl Resolver for Nobody {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

/// The same input does the same today and tomorrow.
const STOPPED_AT: u64 = 1_790_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// A target that cannot start would be noticed only where somebody fuzzes.
    #[test]
    fn every_target_has_seeds_and_takes_each_of_them() {
        for (name, target) in TARGETS {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(name);
            let mut seeds = 0;
            for seed in
                std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            {
                target(&std::fs::read(seed.expect("an entry").path()).expect("a seed"));
                seeds += 1;
            }
            assert!(seeds > 0, "{name} has no seeds");
        }
    }
}
