//! `validibot-mcp diagnose URL`: walks both chains from outside, as a client would, and names the hop that fails.
//!
//! It changes nothing: a registration here is only a sealed text, and no sign-in is completed.

mod calls;
mod form;
mod license;
mod login;
mod metadata;
mod network;
mod report;
mod sign_in;
mod surface;
mod token;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use secrecy::SecretString;

use self::report::{Finding, Hop, Report};
use crate::base::clean::Clean;
use crate::base::clock::{SharedClock, SystemClock};
use crate::base::env::Env;
use crate::base::http_client::http_client;
use crate::base::random::{SharedRandom, SystemRandom};
use crate::cli::{DiagnoseArgs, EXIT_USAGE};
use crate::commands::client::{Http, server_address};
use crate::config::{BaseUrl, Reach};
use crate::telemetry;

/// The hops that only a server with OAuth has.
const SIGN_IN: [Hop; 7] =
    [Hop::Resource, Hop::Metadata, Hop::Registration, Hop::Consent, Hop::SignIn, Hop::Issuer, Hop::Login];

/// What the hops share.
struct DiagnoseContext {
    http: Http,
    clock: SharedClock,
    random: SharedRandom,
    /// What the user typed, without `/mcp` and without a slash at its end.
    base: BaseUrl,
    /// Validibot's own address, where it was given.
    api: Option<BaseUrl>,
    /// How requests to it have to look.
    reach: Reach,
    token: Option<SecretString>,
    /// Whether a person signs in where there is no token.
    login: bool,
}

/// Exit 0 when every hop passes, 1 when one fails, 64 when the question cannot be understood.
pub fn run(args: &DiagnoseArgs, env: &dyn Env) -> ExitCode {
    match prepare(args, env) {
        Ok(walk) => match block_on(walk.take(), args.json) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(sentence) => {
                telemetry::report(&sentence);
                ExitCode::FAILURE
            }
        },
        Err(sentence) => {
            telemetry::report(&sentence);
            ExitCode::from(EXIT_USAGE)
        }
    }
}

/// The sign-in of the server with this public address, as far as Validibot's login page: what was seen, or what is wrong there
/// and what to do.
pub(crate) async fn sign_in(http: Http, base: BaseUrl) -> Result<String, String> {
    let (clock, random): (SharedClock, SharedRandom) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let reach = Reach::default();
    let walk = DiagnoseContext { http, clock, random, base, api: None, reach, token: None, login: false };
    walk.to_the_login_page().await.map_err(|finding| finding.sentence())
}

fn prepare(args: &DiagnoseArgs, env: &dyn Env) -> Result<DiagnoseContext, String> {
    let base = server_address(&args.url)?;
    let configured = || env.get(envs::server::API_BASE_URL.name).filter(|url| !url.trim().is_empty());
    let api = match args.api.clone().or_else(configured) {
        None => None,
        Some(url) => Some(BaseUrl::parse(url.trim()).map_err(|problem| format!("--api: {url} {problem}"))?),
    };
    let reach = api.as_ref().map(|api| Reach::from_env(api, env)).transpose()?.unwrap_or_default();
    let token = env.get(envs::tests::E2E_TOKEN.name).map(|token| token.trim().to_owned());
    let token = match token.filter(|token| !token.is_empty()) {
        Some(token) if args.token => Some(SecretString::from(token)),
        None if args.token => {
            let name = envs::tests::E2E_TOKEN.name;
            return Err(format!(
                "--token takes the token from {name}, which is not set: export {name}, never as an argument"
            ));
        }
        _ => None,
    };
    let http = http_client().map_err(|_| "the system's CA certificates were not found".to_owned())?;
    let (clock, random): (SharedClock, SharedRandom) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    Ok(DiagnoseContext { http: Http::new(http), clock, random, base, api, reach, token, login: args.login })
}

fn block_on(walk: impl Future<Output = (String, Report)>, json: bool) -> Result<bool, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("the runtime could not start: {error}"))?;
    let (url, report) = runtime.block_on(walk);
    let text = if json { format!("{:#}\n", report.json(&url)) } else { report.text(&url) };
    // A closed pipe is the reader's choice; the exit code still says how it went.
    let _ = std::io::stdout().write_all(Clean(text).to_string().as_bytes());
    Ok(!report.failed())
}

impl DiagnoseContext {
    async fn take(self) -> (String, Report) {
        let mut report = Report::default();
        self.walk(&mut report).await;
        self.conclude(&mut report);
        (self.base.as_str().to_owned(), report)
    }

    /// Runs each check whose prerequisites passed; the others are reported as not reached.
    async fn walk(&self, report: &mut Report) {
        match &self.api {
            Some(api) => {
                let licence = license::check(self, api).await;
                report.take(Hop::Licence, licence);
            }
            None => report.skip(Hop::Licence, "Validibot's URL is unknown (use --api)"),
        }
        let Some(home) = network::reach(self, report).await else { return };
        let Some(descriptor) = report.take(Hop::Descriptor, surface::descriptor(self, &home)) else { return };
        let challenge = surface::challenge(self, descriptor.oauth).await;
        let Some(challenge) = report.take(Hop::Challenge, challenge) else { return };
        let mut known = token::Expected { scope: challenge.scope, ..token::Expected::default() };
        let signed_in = if descriptor.oauth {
            self.sign_in(report, &mut known).await
        } else {
            for hop in SIGN_IN {
                report.skip(hop, "OAuth is off here: API tokens only");
            }
            None
        };
        if !self.login {
            report.skip(Hop::Login, "not requested (use --login)");
        }
        if let Some(token) = self.token.as_ref().or(signed_in.as_ref()) {
            calls::walk(self, report, token, &known).await;
        } else if !self.login || !descriptor.oauth {
            for hop in [Hop::Initialize, Hop::Tools, Hop::Workflows] {
                report.skip(hop, "no token was given (--token)");
            }
        }
    }

    /// Gives the token of the person who signed in, where one was to.
    async fn sign_in(&self, report: &mut Report, known: &mut token::Expected) -> Option<SecretString> {
        known.audience = Some(report.take(Hop::Resource, metadata::resource(self).await)?);
        let server = report.take(Hop::Metadata, metadata::server(self).await)?;
        let client = report.take(Hop::Registration, sign_in::register(self, &server).await)?;
        let onward = report.take(Hop::Consent, sign_in::consent(self, &server, &client).await)?;
        match sign_in::upstream(self, &onward).await {
            Ok(sign_in::Proof::NotGiven(why)) => report.skip(Hop::SignIn, &why),
            Ok(sign_in::Proof::Given(text)) => {
                report.take(Hop::SignIn, Ok((text, ())));
            }
            Err(finding) => report.take::<()>(Hop::SignIn, Err(finding))?,
        }
        let issuer = sign_in::issuer(self, &onward, server.keys.as_ref()).await;
        known.issuer = Some(report.take(Hop::Issuer, issuer)?);
        if !self.login {
            return None;
        }
        report.take(Hop::Login, login::login(self, &server, &client).await)
    }

    async fn to_the_login_page(&self) -> Result<String, Finding> {
        let (_, server) = metadata::server(self).await?;
        let (_, client) = sign_in::register(self, &server).await?;
        let (_, onward) = sign_in::consent(self, &server, &client).await?;
        let (sign_in::Proof::Given(seen) | sign_in::Proof::NotGiven(seen)) =
            sign_in::upstream(self, &onward).await?;
        Ok(seen)
    }

    fn conclude(&self, report: &mut Report) {
        if report.failed() {
            return;
        }
        if self.token.is_none() && !self.login {
            report.next(format!(
                "Every hop up to the sign-in passes. To go on behind it: export {}, then add --token; or sign in yourself: --login.",
                envs::tests::E2E_TOKEN.name
            ));
        }
        for line in CACHED {
            report.next(line);
        }
    }
}

/// What is left when the server is in order: clients keep failed registrations and tokens.
const CACHED: [&str; 6] = [
    "All checks passed. If a client still fails, it has cached an old error: remove the connection there and add it again.",
    "  Claude (web, desktop): Settings, Connectors, Validibot, Remove; then add it again with the same address",
    "  Claude Code: claude mcp remove validibot, then claude mcp add; in a session /mcp, Clear authentication",
    "  Cursor: Settings, MCP, Validibot, Logout; then connect again",
    "  VS Code: command \"Authentication: Remove Dynamic Authentication Providers\", then \"MCP: List Servers\", Restart",
    "  mcp-remote: remove the folder ~/.mcp-auth",
];
