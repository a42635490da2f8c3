//! `validibot-mcp license`: whether this Validibot is licensed for MCP, for whoever waits for it.

use std::process::ExitCode;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::base::env::Env;
use crate::base::http_client::http_client;
use crate::cli::{EXIT_USAGE, LicenseArgs};
use crate::config::{BaseUrl, Reach};
use crate::telemetry;
use crate::validibot::license::{LicenseError, LicenseGate};

/// Between two questions: a Validibot that starts needs half a minute, and asks nobody for more.
const EVERY: Duration = Duration::from_secs(5);

/// Exit 0 as soon as the feature is in the licence, 1 when it is not in time, 64 when the address is none.
pub fn run(args: &LicenseArgs, env: &dyn Env) -> ExitCode {
    let api = args.api.clone().or_else(|| env.get(envs::server::API_BASE_URL.name)).unwrap_or_default();
    let api = match BaseUrl::parse(api.trim()) {
        Ok(api) => api,
        Err(reason) => {
            telemetry::report(&format_args!(
                "'{api}' {reason}: give --api, or {}",
                envs::server::API_BASE_URL.name
            ));
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (Ok(http), Ok(runtime)) = (http_client(), runtime) else {
        telemetry::report(&"an HTTP client could not be made on this machine");
        return ExitCode::FAILURE;
    };
    let reach = match Reach::from_env(&api, env) {
        Ok(reach) => reach,
        Err(sentence) => {
            telemetry::report(&sentence);
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let gate = LicenseGate::at(&api, reach, http);
    match runtime.block_on(wait(&gate, Duration::from_secs(args.wait))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            telemetry::report(&error);
            ExitCode::FAILURE
        }
    }
}

/// Asks at once, then again until the time is over; the last answer.
async fn wait(gate: &LicenseGate, patience: Duration) -> Result<(), LicenseError> {
    let deadline = Instant::now() + patience;
    loop {
        let answer = gate.check().await.map(drop);
        if answer.is_ok() || Instant::now() + EVERY > deadline {
            return answer;
        }
        sleep(EVERY).await;
    }
}
