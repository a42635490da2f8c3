//! The command line, and what each command does.

mod manage;

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use sandbox::{Edition, GoogleCerts, GoogleVerification, Sandbox, Version};
use tokio::signal::unix::{SignalKind, signal};

/// A stand-in Validibot deployment: REST API, licence, OpenID provider and workflows that really validate.
///
/// Secrets come from the environment: `VALIDIBOT_MCP_SERVICE_KEY`, `VALIDIBOT_SANDBOX_API_TOKEN` and
/// `IDP_OIDC_MCP_SERVER_CLIENT_SECRET`. So do `SITE_URL`, `VALIDIBOT_MCP_BASE_URL`, `VALIDIBOT_SANDBOX_PAID_ACCESS`, `PORT`, and
/// whose identity tokens count.
#[derive(Parser)]
#[command(name = "validibot-sandbox", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until SIGTERM or SIGINT (the default).
    Serve(Serve),
    /// Stand in for a migration job: play a script of steps joined by `&&`, in which `python manage.py …` only says
    /// that it ran, and files that are sourced have to be there.
    Manage {
        /// The script, as a shell would be given it.
        script: String,
    },
    /// Exit with 0 when a sandbox answers on this machine's port, else with 1.
    Healthcheck {
        /// The port that the sandbox listens on.
        #[arg(long, default_value_t = DEFAULT_PORT)]
        port: u16,
    },
}

#[derive(Args)]
struct Serve {
    /// IP address to listen on.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
    /// TCP port to listen on; 0 takes a free one [default: that of PORT, else 8000].
    #[arg(long)]
    port: Option<u16>,
    /// Validibot's edition: only community lacks the MCP feature.
    #[arg(long, value_enum, default_value_t = EditionName::Pro)]
    edition: EditionName,
    /// Validibot's version: from 0.16 on there is no helper API and no licence endpoint, only the public REST API.
    #[arg(long, value_enum, default_value_t = VersionName::V0_15)]
    validibot: VersionName,
    /// How long the slow workflow takes, in seconds.
    #[arg(long, default_value_t = 12)]
    simulation_seconds: u32,
    /// Judge host names and schemes as production settings do, with these allowed hosts (comma-separated).
    #[arg(long, value_delimiter = ',')]
    allowed_hosts: Vec<String>,
}

/// Looks an environment variable up.
pub(crate) type Environment = dyn Fn(&str) -> Option<String> + Sync;

/// Where Validibot's own web container listens.
const DEFAULT_PORT: u16 = 8000;

/// Limit of each step of a health check: the probes that call it give up after a few seconds.
const HEALTHCHECK_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, ValueEnum)]
enum EditionName {
    Community,
    Pro,
    Enterprise,
}

/// A version, and with `-community` the edition besides.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum VersionName {
    #[value(name = "0.15")]
    V0_15,
    #[value(name = "0.16")]
    V0_16,
    #[value(name = "0.16-community")]
    V0_16Community,
}

impl Cli {
    pub(crate) async fn run(self, environment: &Environment) -> io::Result<ExitCode> {
        match self.command.unwrap_or(Command::Serve(self.serve)) {
            Command::Serve(serve) => serve.run(environment).await,
            Command::Manage { script } => manage::play(&script).map(|()| ExitCode::SUCCESS),
            Command::Healthcheck { port } => {
                healthcheck(port).map_err(|error| {
                    io::Error::new(error.kind(), format!("no sandbox answers on port {port}: {error}"))
                })?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

impl Serve {
    async fn run(self, environment: &Environment) -> io::Result<ExitCode> {
        // Before anything is said: a signal that follows the first line must not be lost.
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let address = SocketAddr::new(self.bind, self.port(environment)?);
        let mut builder = Sandbox::builder()
            .bind(address)
            .version(self.validibot.into())
            .edition(self.edition())
            .simulation(Duration::from_secs(self.simulation_seconds.into()))
            .recording(false);
        let name = envs::server::SERVICE_KEY.name;
        builder = if let Some(key) = variable(environment, name) {
            builder.service_key(key)
        } else if self.validibot != VersionName::V0_15 {
            // Nobody proves itself by one there.
            builder.no_service_key()
        } else {
            say(&format!("warning: {name} is not set, so no MCP server can prove itself by shared key"))?;
            builder.no_service_key()
        };
        if let Some(google) = google(environment)? {
            builder = builder.google_verification(google);
        }
        if let Some(token) = variable(environment, envs::sandbox::API_TOKEN.name) {
            builder = builder.api_token(token);
        }
        if let Some(url) = variable(environment, envs::sandbox::SITE_URL.name) {
            builder = builder.site_url(url);
        }
        if let Some(url) = variable(environment, envs::server::MCP_BASE_URL.name) {
            builder = builder.mcp_base_url(url);
        }
        if let Some(secret) = variable(environment, envs::sandbox::CLIENT_SECRET.name) {
            builder = builder.oauth_client_secret(secret);
        }
        builder = builder.paid_access(paid_access(environment)?);
        if !self.allowed_hosts.is_empty() {
            let allowed: Vec<&str> = self.allowed_hosts.iter().map(|host| host.trim()).collect();
            builder = builder.production(&allowed);
        }
        let sandbox = builder
            .start()
            .await
            .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")))?;
        say(&format!("validibot-sandbox listens on {}", sandbox.url()))?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        sandbox.stop().await;
        Ok(ExitCode::SUCCESS)
    }
}

impl Serve {
    fn edition(&self) -> Edition {
        match self.validibot {
            VersionName::V0_16Community => Edition::Community,
            VersionName::V0_15 | VersionName::V0_16 => self.edition.into(),
        }
    }

    fn port(&self, environment: &Environment) -> io::Result<u16> {
        let name = envs::server::PORT.name;
        match (self.port, variable(environment, name)) {
            (Some(port), _) => Ok(port),
            (None, Some(text)) => text.parse().map_err(|_| invalid(name, "a TCP port")),
            (None, None) => Ok(DEFAULT_PORT),
        }
    }
}

/// Whose identity tokens count; `None` where no key says how to know them.
fn google(environment: &Environment) -> io::Result<Option<GoogleVerification>> {
    let name = envs::sandbox::GOOGLE_KEY.name;
    let Some(key) = variable(environment, name) else { return Ok(None) };
    let certs = GoogleCerts::of_public(&key).ok_or_else(|| invalid(name, "base64url"))?;
    let accounts = variable(environment, envs::sandbox::ALLOWED_ACCOUNTS.name).unwrap_or_default();
    Ok(Some(GoogleVerification {
        audience: variable(environment, envs::sandbox::AUDIENCE.name).unwrap_or_default(),
        allowed_service_accounts: accounts.split(',').map(|account| account.trim().to_owned()).collect(),
        certs,
    }))
}

fn invalid(name: &str, form: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{name} is not {form}"))
}

impl From<EditionName> for Edition {
    fn from(name: EditionName) -> Self {
        match name {
            EditionName::Community => Self::Community,
            EditionName::Pro => Self::Pro,
            EditionName::Enterprise => Self::Enterprise,
        }
    }
}

impl From<VersionName> for Version {
    fn from(name: VersionName) -> Self {
        match name {
            VersionName::V0_15 => Self::V0_15,
            VersionName::V0_16 | VersionName::V0_16Community => Self::V0_16,
        }
    }
}

/// A variable that is set and not blank.
fn variable(environment: &Environment, name: &str) -> Option<String> {
    environment(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// Whether agents may pay; something that is neither yes nor no is refused, not guessed.
fn paid_access(environment: &Environment) -> io::Result<bool> {
    let name = envs::sandbox::PAID_ACCESS.name;
    let Some(value) = variable(environment, name) else { return Ok(false) };
    envs::parse_switch(&value).ok_or_else(|| {
        let text = format!("{name} is {value:?}, which is neither true nor false: write one of them");
        io::Error::new(io::ErrorKind::InvalidInput, text)
    })
}

fn say(line: &str) -> io::Result<()> {
    writeln!(io::stderr(), "{line}")
}

/// Asks for the front page: it needs no credential and is not throttled.
fn healthcheck(port: u16) -> io::Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, HEALTHCHECK_TIMEOUT)?;
    stream.set_read_timeout(Some(HEALTHCHECK_TIMEOUT))?;
    stream.set_write_timeout(Some(HEALTHCHECK_TIMEOUT))?;
    write!(stream, "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 200 ") {
        Ok(())
    } else {
        Err(io::Error::other("it answers, but not as a sandbox does"))
    }
}
