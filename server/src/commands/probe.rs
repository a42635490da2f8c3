//! `validibot-mcp probe URL`: what a deploy needs to know of a running server, as an exit code and as JSON.
//!
//! It changes nothing and looks from outside only. Each check is named; one that cannot be made is said to be skipped,
//! and how far the proof goes is said in the end.

mod checks;
mod report;

use std::io::Write as _;
use std::process::ExitCode;

use secrecy::SecretString;

use self::report::{Check, Report};
use crate::base::clean::Clean;
use crate::base::env::Env;
use crate::base::http_client::http_client;
use crate::cli::{EXIT_USAGE, ProbeArgs};
use crate::commands::client::{Http, Mcp, server_address};
use crate::config::BaseUrl;
use crate::telemetry;

/// The server that is probed.
struct Probe {
    http: Http,
    /// Without `/mcp` and without a slash at its end.
    base: BaseUrl,
    commit: Option<String>,
    token: Option<SecretString>,
}

/// Exit 0 when every check passes or is skipped, 1 when one fails, 64 when the URL is none.
pub fn run(args: &ProbeArgs, env: &dyn Env) -> ExitCode {
    let probe = match prepare(args, env) {
        Ok(probe) => probe,
        Err(sentence) => {
            telemetry::report(&sentence);
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            telemetry::report(&format_args!("the runtime could not start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let report = runtime.block_on(probe.look());
    let url = probe.base.as_str();
    let text = if args.json { format!("{:#}\n", report.json(url)) } else { report.text(url) };
    // A closed pipe is the reader's choice; the exit code still says how it went.
    let _ = std::io::stdout().write_all(Clean(text).to_string().as_bytes());
    if report.failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn prepare(args: &ProbeArgs, env: &dyn Env) -> Result<Probe, String> {
    let base = server_address(&args.url)?;
    let token = env.get(envs::tests::E2E_TOKEN.name).map(|token| token.trim().to_owned());
    let token = token.filter(|token| !token.is_empty()).map(SecretString::from);
    let http = http_client().map_err(|_| "the system's CA certificates were not found".to_owned())?;
    Ok(Probe { http: Http::new(http), base, commit: args.expect_commit.clone(), token })
}

impl Probe {
    /// Makes the checks in turn. One that fails does not keep the others from being made: a deploy log should say
    /// everything at once.
    async fn look(&self) -> Report {
        let mut report = Report::default();
        report.take(Check::Version, checks::version(self).await);
        report.take(Check::Ready, checks::ready(self).await);
        match checks::challenge(self).await {
            Ok(checks::Challenge { oauth: true }) => {
                report.take(Check::Challenge, Ok("401, and where to sign in".to_owned()));
                report.take(Check::Metadata, checks::metadata(self).await);
                report.take_sign_in(checks::sign_in(self).await);
            }
            Ok(checks::Challenge { oauth: false }) => {
                report.take(Check::Challenge, Ok("401".to_owned()));
                report.skip(Check::Metadata, "OAuth is off here");
            }
            Err(problem) => {
                report.take(Check::Challenge, Err(problem));
                report.skip(Check::Metadata, "the challenge does not say whether OAuth is on");
            }
        }
        report.take_switch(checks::switch(self).await);
        match &self.token {
            Some(token) => {
                let mcp = Mcp::new(self.http.clone(), self.base.join("/mcp"), token.clone());
                report.take(Check::Initialize, checks::initialize(&mcp).await);
                report.take(Check::Tools, checks::tools(&mcp).await);
            }
            None => {
                for check in [Check::Initialize, Check::Tools] {
                    report.skip(check, "VALIDIBOT_E2E_TOKEN is not set");
                }
            }
        }
        report
    }
}
