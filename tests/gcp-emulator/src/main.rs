//! Runs the emulator until it is interrupted, and prints the environment that leads gcloud to it.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, ValueEnum};
use gcp_emulator::{Docker, Emulator, Engine, Fault, Options, Registry, Scripted};
use sandbox::{GoogleCerts, GoogleVerification, Sandbox};

/// A Google Cloud project on loopback, for the unmodified gcloud.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The project's id.
    #[arg(long, default_value = "demo-proj")]
    project: String,
    /// A call that fails: `[METHOD] HOST/PATH KIND [xTIMES]`, for example 'POST *:addVersion 503 x1'.
    #[arg(long, value_name = "RULE")]
    fail: Vec<Fault>,
    /// What runs the revisions.
    #[arg(long, value_enum, default_value_t = EngineName::None)]
    engine: EngineName,
    /// Make what the application of the dev stage needs before its first deploy, in us-west1.
    #[arg(long)]
    application: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum EngineName {
    /// Nothing: every revision is ready at once.
    None,
    /// This machine's Docker engine, beside a stand-in Validibot.
    Docker,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody else is there to tell.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (engine, web): (Arc<dyn Engine>, _) = match arguments.engine {
        EngineName::None => (Arc::new(Scripted::default()), None),
        EngineName::Docker => {
            let docker = Docker::start()?;
            let web = runtime.block_on(validibot(&arguments.project, docker.certs()))?;
            (Arc::new(docker), Some(web))
        }
    };
    let port = arguments.port;
    let options = Options { project: arguments.project, port, engine, ..Options::default() };
    let emulator = Emulator::start_with(options).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("port {port} is taken: choose another, or --port 0 for a free one")
        }
        _ => format!("the emulator cannot listen on port {port}: {error}"),
    })?;
    if arguments.application {
        emulator.cloud().seed_application("us-west1", "dev", "-dev");
    }
    for fault in arguments.fail {
        emulator.fail(fault);
    }
    let mut out = io::stdout().lock();
    // The home folder stays the operator's own: gcloud and docker have folders of the emulator's by other variables.
    for (name, value) in emulator.env().into_iter().filter(|(name, _)| name != "HOME") {
        // Every value is ours: no quote can stand in one.
        writeln!(out, "export {name}='{value}'")?;
    }
    if let Some(web) = &web {
        writeln!(
            out,
            "# A stand-in Validibot that believes the revisions' identity tokens (in the stage's .build):"
        )?;
        writeln!(out, "export VALIDIBOT_MCP_API_BASE_URL='{}'", web.url())?;
    }
    if web.is_none() {
        let words =
            "# Without --engine docker there is no registry: build, plan and deploy ask Google's own.";
        writeln!(out, "{words}")?;
    }
    // Where this machine has no registry to start, the operator's own does as well.
    let registry = web.as_ref().and_then(|_| Registry::start().ok());
    if let Some(registry) = &registry {
        writeln!(out, "# A registry for the images (in the stage's .gcp):")?;
        writeln!(out, "export GCP_REGISTRY_HOST='{}'", registry.address())?;
    }
    writeln!(
        out,
        "# Set these in another shell. State: curl http://{}/state - ends with Ctrl-C.",
        emulator.address()
    )?;
    out.flush()?;
    drop(out);
    runtime.block_on(stop_signal())?;
    Ok(())
}

/// A Validibot for the revisions to talk to: it believes Google's tokens for the service account of each stage, by the
/// names that `gcp setup` gives them, and no shared key.
async fn validibot(project: &str, certs: GoogleCerts) -> io::Result<Sandbox> {
    let web = Sandbox::builder().no_service_key().recording(false).start().await?;
    let accounts = ["validibot-mcp-dev", "validibot-mcp-staging", "validibot-mcp-prod"];
    web.set_google_verification(Some(GoogleVerification {
        audience: web.url().to_owned(),
        allowed_service_accounts: accounts
            .map(|account| format!("{account}@{project}.iam.gserviceaccount.com"))
            .to_vec(),
        certs,
    }));
    Ok(web)
}

async fn stop_signal() -> io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}
